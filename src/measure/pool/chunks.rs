//! How a list of tasks is cut into chunks.

use crate::record::{Call, Case, Chunk, Measure};

/// Tasks of one list, at most.
const LIST: u64 = 1024;
/// Payload of one list, at most: beyond that the list is shorter.
const LIST_BYTES: u64 = 4 << 20;
/// The shortest list.
const LIST_MIN: u64 = 16;
/// Tasks of one list where promises are checked, whatever the call: their frames have to fit into every pool.
const LIST_EXAMINED: u64 = 64;

/// Tasks that one `map` is called with.
pub(super) fn list_length(case: &Case) -> u64 {
    if case.measure == Measure::Conformance {
        return LIST_EXAMINED;
    }
    if !matches!(case.params.call, Some(Call::Map | Call::Imap | Call::ImapUnordered)) {
        return 1;
    }
    (LIST_BYTES / (case.params.message_bytes.unwrap_or(0) + 8)).clamp(LIST_MIN, LIST)
}

/// The next chunk of a list of `length` with `left` to go.
pub(super) fn next(policy: Chunk, length: u64, left: u64, workers: u32) -> u32 {
    let workers = u64::from(workers);
    let size = match policy {
        Chunk::One => 1,
        Chunk::Sixteen => 16,
        // Source: `Pool._map_async` of CPython's multiprocessing/pool.py.
        Chunk::Python => length.div_ceil(4 * workers),
        // Source: Polychronopoulos, Kuck 1987, with half of their share.
        Chunk::Guided => left / (2 * workers),
    };
    size.clamp(1, left.max(1)) as u32
}

/// The largest chunk that `case` hands out.
pub(super) fn largest_of(case: &Case, workers: u32) -> u32 {
    let policies = match case.params.chunk {
        // All of them, one after the other.
        _ if case.measure == Measure::Conformance => Chunk::ALL,
        Some(Chunk::Sixteen) => &[Chunk::Sixteen],
        Some(Chunk::Python) => &[Chunk::Python],
        Some(Chunk::Guided) => &[Chunk::Guided],
        Some(Chunk::One) | None => &[Chunk::One],
    };
    policies.iter().map(|policy| largest(*policy, list_length(case), workers)).max().unwrap_or(1)
}

/// The largest chunk of a list of `length`.
pub(super) fn largest(policy: Chunk, length: u64, workers: u32) -> u32 {
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
