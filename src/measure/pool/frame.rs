//! Format of requests and responses: a header, then the payload of each task, after its result in responses. All
//! numbers are little-endian.

use crate::payload::{self, Known, mix, stamp};

/// Stamp owners of payloads in requests and in responses.
pub(super) const OUT: u16 = 1;
pub(super) const BACK: u16 = 2;
/// Stamp owner of a task's argument.
const ARGUMENT: u16 = 3;

/// Flag: the worker stamps its start and finish.
pub(super) const STAMPED: u64 = 1;
/// Flag: the task fails, like a function that raises an exception.
pub(crate) const FAILS: u64 = 2;
/// Flag: the worker reports start and finish on the control page.
pub(crate) const SHOWN: u64 = 4;

/// Header of a request: first task; count and token; rounds, with the flags in the uppermost bits.
const REQUEST_HEAD: usize = 24;
/// Bit where the flags begin.
const FLAGS_AT: u32 = 61;
/// Header of a response: first task; token in the upper half, count, status and stamp flag in the lower one. Short,
/// since each task pays for it.
pub(super) const RESPONSE_HEAD: usize = 16;
/// Two stamps after the header, if requested.
const STAMPS: usize = 16;
const STATUS_AT: u32 = 28;
const STAMPS_FOLLOW: u32 = 1 << 31;
pub(super) const RESULT: usize = 8;

/// Header of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// Number of the first task.
    pub(super) first: u64,
    /// Tasks in the request.
    pub(super) count: u32,
    /// Identifier of the request.
    pub(super) token: u32,
    /// Work of each task, in rounds of the chain.
    pub(super) rounds: u64,
    pub(super) flags: u64,
}

/// Status of the tasks of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    /// All tasks were done.
    #[default]
    Done,
    /// A task failed, as requested.
    Failed,
    /// A payload differs from what was sent.
    Corrupt,
}

/// Header of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) token: u32,
    pub(super) status: Status,
    /// Ticks of the worker; 0 without stamps.
    pub(super) started: u64,
    pub(super) finished: u64,
}

/// Size of a request of `count` tasks with payloads of `bytes`.
pub(super) const fn request_bytes(count: u32, bytes: usize) -> usize {
    REQUEST_HEAD + count as usize * bytes
}

/// Size of a response, with or without stamps.
pub(super) const fn response_bytes(count: u32, bytes: usize, stamped: bool) -> usize {
    response_head(stamped) + count as usize * (RESULT + bytes)
}

const fn response_head(stamped: bool) -> usize {
    if stamped { RESPONSE_HEAD + STAMPS } else { RESPONSE_HEAD }
}

/// Size of the larger of request and response.
pub(super) const fn largest_bytes(count: u32, bytes: usize) -> usize {
    response_bytes(count, bytes, true)
}

/// Result of task `task`: its argument mixed, if every byte of its payload is the expected one.
#[inline]
pub(super) fn result_of(task: u64) -> u64 {
    mix(stamp(ARGUMENT, task))
}

impl Request {
    /// Writes header and payloads.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8], bytes: usize) {
        fill_each(self.write_head(room), bytes, OUT, self.first);
    }

    /// Like [`write`](Self::write), for one task with a precomputed payload.
    #[inline]
    pub(super) fn write_known(&self, room: &mut [u8], payload: &Known) {
        payload.fill(self.write_head(room));
    }

    /// Writes the header and returns the rest of the buffer.
    #[inline]
    fn write_head<'a>(&self, room: &'a mut [u8]) -> &'a mut [u8] {
        let (head, payloads) = room.split_at_mut(REQUEST_HEAD);
        head[..8].copy_from_slice(&self.first.to_le_bytes());
        head[8..12].copy_from_slice(&self.count.to_le_bytes());
        head[12..16].copy_from_slice(&self.token.to_le_bytes());
        head[16..].copy_from_slice(&(self.rounds | self.flags << FLAGS_AT).to_le_bytes());
        payloads
    }

    /// Reads a request and every byte of its payloads, and fills `results`. Returns whether the payloads are intact, or
    /// `None` if the length is wrong.
    #[inline]
    pub(super) fn read(seen: &[u8], bytes: usize, results: &mut Vec<u64>) -> Option<(Self, bool)> {
        let (head, payloads) = seen.split_at_checked(REQUEST_HEAD)?;
        let work = u64_at(head, 16);
        let request = Self {
            first: u64_at(head, 0),
            count: u32_at(head, 8),
            token: u32_at(head, 12),
            rounds: work & ((1 << FLAGS_AT) - 1),
            flags: work >> FLAGS_AT,
        };
        if seen.len() != request_bytes(request.count, bytes) {
            return None;
        }
        results.clear();
        let mut differing = 0;
        for at in 0..request.count as usize {
            let task = request.first + at as u64;
            let first = mix(stamp(OUT, task));
            let seen = if bytes == 0 { 0 } else { payload::differences(&payloads[at * bytes..][..bytes], first) };
            differing |= seen;
            results.push(result_of(task) ^ seen);
        }
        Some((request, differing == 0))
    }
}

impl Response {
    /// Whether the response contains stamps.
    #[inline]
    pub(super) fn is_stamped(&self) -> bool {
        self.started > 0
    }

    /// Size with payloads of `bytes`.
    #[inline]
    pub(super) fn bytes(&self, bytes: usize) -> usize {
        response_bytes(self.count, bytes, self.is_stamped())
    }

    /// Writes header, results and payloads.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8], bytes: usize, results: &[u64]) {
        let (head, rest) = room.split_at_mut(response_head(self.is_stamped()));
        let stamps = if self.is_stamped() { STAMPS_FOLLOW } else { 0 };
        head[..8].copy_from_slice(&self.first.to_le_bytes());
        head[8..12].copy_from_slice(&(self.count | (self.status as u32) << STATUS_AT | stamps).to_le_bytes());
        head[12..16].copy_from_slice(&self.token.to_le_bytes());
        if self.is_stamped() {
            head[16..24].copy_from_slice(&self.started.to_le_bytes());
            head[24..].copy_from_slice(&self.finished.to_le_bytes());
        }
        let (values, payloads) = rest.split_at_mut(self.count as usize * RESULT);
        for (room, value) in values.chunks_exact_mut(RESULT).zip(results) {
            room.copy_from_slice(&value.to_le_bytes());
        }
        fill_each(payloads, bytes, BACK, self.first);
    }

    /// Reads a response and checks every result and every byte of its payloads.
    ///
    /// Errors: a description of the difference.
    #[inline]
    pub(super) fn read(seen: &[u8], bytes: usize) -> Result<Self, String> {
        let short = || format!("a response of {} bytes is too short", seen.len());
        let head = seen.get(..RESPONSE_HEAD).ok_or_else(short)?;
        let kind = u32_at(head, 8);
        let stamped = kind & STAMPS_FOLLOW != 0;
        let (head, rest) = seen.split_at_checked(response_head(stamped)).ok_or_else(short)?;
        let status = match (kind >> STATUS_AT) & 3 {
            0 => Status::Done,
            1 => Status::Failed,
            _ => Status::Corrupt,
        };
        let (started, finished) = if stamped { (u64_at(head, 16), u64_at(head, 24)) } else { (0, 0) };
        let count = kind & ((1 << STATUS_AT) - 1);
        let response = Self { first: u64_at(head, 0), count, token: u32_at(head, 12), status, started, finished };
        if rest.len() != count as usize * (RESULT + bytes) {
            return Err(format!("a response to {count} tasks has {} bytes", seen.len()));
        }
        if status == Status::Corrupt {
            return Err(format!(
                "a worker received a changed payload; the first task of its request is {}",
                response.first
            ));
        }
        if status == Status::Done {
            response.check(rest, bytes)?;
        }
        Ok(response)
    }

    #[inline]
    fn check(&self, rest: &[u8], bytes: usize) -> Result<(), String> {
        let (values, payloads) = rest.split_at(self.count as usize * RESULT);
        for (at, value) in values.chunks_exact(RESULT).enumerate() {
            let task = self.first + at as u64;
            if u64_at(value, 0) != result_of(task) {
                return Err(format!("task {task} returned {}, not {}", u64_at(value, 0), result_of(task)));
            }
            if bytes > 0 {
                payload::check(&payloads[at * bytes..][..bytes], bytes, stamp(BACK, task))?;
            }
        }
        Ok(())
    }
}

#[inline]
fn fill_each(payloads: &mut [u8], bytes: usize, side: u16, first: u64) {
    if bytes > 0 {
        for (at, payload) in payloads.chunks_exact_mut(bytes).enumerate() {
            payload::fill(payload, stamp(side, first + at as u64));
        }
    }
}

#[inline]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_responses_read_back() {
        for bytes in [0, 8, 13, 64] {
            let request = Request { first: 7, count: 3, token: 5, rounds: 11, flags: STAMPED };
            let mut room = vec![0; request_bytes(3, bytes)];
            request.write(&mut room, bytes);
            let mut results = vec![];
            assert_eq!(Request::read(&room, bytes, &mut results), Some((request, true)));
            let plain = Response { first: 7, count: 3, token: 5, ..Response::default() };
            for response in [plain, Response { started: 1, finished: 2, ..plain }] {
                let mut room = vec![0; response.bytes(bytes)];
                response.write(&mut room, bytes, &results);
                assert_eq!(Response::read(&room, bytes), Ok(response));
                assert!(room.len() <= largest_bytes(3, bytes) && request_bytes(3, bytes) <= largest_bytes(3, bytes));
                room[response_head(response.is_stamped()) + 9] ^= 1;
                assert!(Response::read(&room, bytes).is_err(), "a changed result");
                assert!(Response::read(&room[1..], bytes).is_err() && Response::read(&room[..7], bytes).is_err());
            }
        }
    }

    #[test]
    fn a_changed_payload_is_detected_by_the_worker() {
        let request = Request { first: 1, count: 2, ..Request::default() };
        let mut room = vec![0; request_bytes(2, 16)];
        request.write(&mut room, 16);
        room[REQUEST_HEAD + 20] ^= 4;
        assert_eq!(Request::read(&room, 16, &mut vec![]), Some((request, false)));
        assert_eq!(Request::read(&room[1..], 16, &mut vec![]), None);
    }

    #[test]
    fn every_corruption_of_a_request_or_response_is_detected() {
        for (what, change) in payload::CORRUPTIONS {
            let request = Request { first: 1, count: 2, ..Request::default() };
            let mut room = vec![0; request_bytes(2, 128)];
            request.write(&mut room, 128);
            change(&mut room[REQUEST_HEAD + 128..]);
            let mut results = vec![];
            assert_eq!(Request::read(&room, 128, &mut results), Some((request, false)), "{what}");
            assert_eq!(results[0], result_of(1));
            assert_ne!(results[1], result_of(2), "{what}");

            let response = Response { first: 1, count: 2, ..Response::default() };
            let mut room = vec![0; response.bytes(128)];
            response.write(&mut room, 128, &[result_of(1), result_of(2)]);
            assert_eq!(Response::read(&room, 128), Ok(response));
            change(&mut room[RESPONSE_HEAD + 2 * RESULT + 128..]);
            assert!(Response::read(&room, 128).is_err(), "{what}");
        }
    }
}
