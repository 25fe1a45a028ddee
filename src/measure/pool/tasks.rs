//! Tasks of a case, and the division of task lists into chunks.

use crate::pool;
use crate::record::{Call, Case, Chunk, Measure};

/// Maximum length of a list.
const LIST: u64 = 1024;
/// Maximum payload of a list; large payloads make it shorter.
const LIST_BYTES: u64 = 4 << 20;
/// Minimum length of a list.
const LIST_MIN: u64 = 16;
/// Length of a list in a conformance trial, whose requests must fit into every pool.
const LIST_CONFORMANCE: u64 = 64;

/// Tasks of a case with their call.
#[derive(Clone, Copy, Debug)]
pub struct Tasks {
    /// Payload in each direction.
    pub bytes: usize,
    /// Work of each task, in rounds of [`work::run`](crate::measure::locks::work::run).
    pub rounds: u64,
    pub(super) call: Call,
    pub(super) chunk: Chunk,
    /// Tasks of one list.
    pub(super) list_length: u64,
    pub(super) workers: u32,
}

impl Tasks {
    /// Tasks of `case`, each with `rounds` of work.
    pub fn of(case: &Case, rounds: u64) -> Self {
        Self {
            bytes: case.params.message_bytes.unwrap_or(0) as usize,
            rounds,
            call: case.params.call.unwrap_or(Call::Apply),
            chunk: case.params.chunk.unwrap_or(Chunk::One),
            list_length: list_length(case),
            workers: pool::workers(case),
        }
    }

    /// Sets the call and the chunk policy.
    #[must_use]
    pub fn called(self, call: Call, chunk: Chunk) -> Self {
        Self { call, chunk, ..self }
    }

    /// Tasks of the next request, if `left` of `count` remain.
    #[inline]
    pub(super) fn in_next_frame(&self, chunk: Chunk, count: u64, left: u64) -> u32 {
        next(chunk, self.list_length.min(count), left.min(self.list_length), self.workers)
    }
}

/// Tasks of one `map` call.
fn list_length(case: &Case) -> u64 {
    if case.measure == Measure::Conformance {
        return LIST_CONFORMANCE;
    }
    if !matches!(case.params.call, Some(Call::Map | Call::Imap | Call::ImapUnordered)) {
        return 1;
    }
    (LIST_BYTES / (case.params.message_bytes.unwrap_or(0) + 8)).clamp(LIST_MIN, LIST)
}

/// Tasks of the next chunk of a list of `length`, of which `left` remain.
fn next(policy: Chunk, length: u64, left: u64, workers: u32) -> u32 {
    let workers = u64::from(workers);
    let size = match policy {
        Chunk::One => 1,
        Chunk::Sixteen => 16,
        // Source: `Pool._map_async` of CPython's multiprocessing/pool.py.
        Chunk::Python => length.div_ceil(4 * workers),
        // Source: Polychronopoulos, Kuck 1987, with half of their chunk size.
        Chunk::Guided => left / (2 * workers),
    };
    size.clamp(1, left.max(1)) as u32
}

/// Largest chunk of `case`.
pub(super) fn largest_of(case: &Case, workers: u32) -> u32 {
    let policies = match case.params.chunk {
        // Conformance trials use all policies.
        _ if case.measure == Measure::Conformance => Chunk::ALL,
        Some(Chunk::Sixteen) => &[Chunk::Sixteen],
        Some(Chunk::Python) => &[Chunk::Python],
        Some(Chunk::Guided) => &[Chunk::Guided],
        Some(Chunk::One) | None => &[Chunk::One],
    };
    policies.iter().map(|policy| largest(*policy, list_length(case), workers)).max().unwrap_or(1)
}

/// Largest chunk of a list of `length`.
fn largest(policy: Chunk, length: u64, workers: u32) -> u32 {
    next(policy, length, length, workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_add_up_and_none_is_larger_than_the_first() {
        for policy in Chunk::ALL {
            for (length, workers) in [(1, 1), (16, 2), (1000, 3), (1024, 61)] {
                let (mut left, largest) = (length, largest(*policy, length, workers));
                while left > 0 {
                    let size = next(*policy, length, left, workers);
                    assert!((1..=largest).contains(&size), "{policy} {length} {workers}");
                    left -= u64::from(size);
                }
            }
        }
        assert_eq!((next(Chunk::Python, 1000, 1000, 2), next(Chunk::Guided, 1000, 400, 2)), (125, 100));
    }
}
