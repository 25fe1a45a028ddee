//! What travels: a head, and for each task of the frame its payload on the way out, its result and payload on the way
//! back. All numbers little-endian.

use crate::payload::{self, Known, mix, stamp};

/// Of payloads on their way out, and back.
pub(super) const OUT: u16 = 1;
pub(super) const BACK: u16 = 2;
/// Of a task's own argument.
const ARGUMENT: u16 = 3;

/// The worker stamps when it begins and when it is done.
pub(super) const STAMPED: u64 = 1;
/// The task fails, as a function that raises an error does.
pub(crate) const FAILS: u64 = 2;
/// The worker shows on the control page when it begins and when it is done.
pub(crate) const SHOWN: u64 = 4;

/// Bytes of a request before its payloads: first task; count and token; rounds, and flags in the uppermost bits.
const REQUEST_HEAD: usize = 24;
/// Where flags begin.
const FLAGS_AT: u32 = 61;
/// Bytes of an answer before its results: first task; token in the upper half, count, status and whether stamps follow in
/// the lower one. Every byte of a head is handed over with each task, so it holds no more than it must.
pub(super) const ANSWER_HEAD: usize = 16;
/// Two stamps behind it, where they were asked for.
const STAMPS: usize = 16;
const STATUS_AT: u32 = 28;
const STAMPS_FOLLOW: u32 = 1 << 31;
pub(super) const RESULT: usize = 8;

/// The head of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// Number of the first task.
    pub(super) first: u64,
    /// Tasks in the frame.
    pub(super) count: u32,
    /// By which the dispatcher knows the frame again.
    pub(super) token: u32,
    /// Work of each task, in rounds of the chain.
    pub(super) rounds: u64,
    pub(super) flags: u64,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    /// All tasks were done.
    #[default]
    Done,
    /// A task failed, as it was told to.
    Failed,
    /// A payload was not what was sent.
    Corrupt,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) token: u32,
    pub(super) status: Status,
    /// Ticks of the worker; 0 where none were asked for.
    pub(super) started: u64,
    pub(super) finished: u64,
}

/// Size of a request of `count` tasks with payloads of `bytes`.
pub(super) const fn request_bytes(count: u32, bytes: usize) -> usize {
    REQUEST_HEAD + count as usize * bytes
}

/// Size of its answer, with or without stamps.
pub(super) const fn answer_bytes(count: u32, bytes: usize, stamped: bool) -> usize {
    answer_head(stamped) + count as usize * (RESULT + bytes)
}

const fn answer_head(stamped: bool) -> usize {
    if stamped { ANSWER_HEAD + STAMPS } else { ANSWER_HEAD }
}

/// The larger of the two.
pub(super) const fn largest_bytes(count: u32, bytes: usize) -> usize {
    answer_bytes(count, bytes, true)
}

/// What task `task` must come to, with a payload of `bytes`: its argument mixed, and the sum over its payload.
#[inline]
pub(super) fn result_of(task: u64, bytes: usize) -> u64 {
    mix(stamp(ARGUMENT, task)).wrapping_add(payload::expected(bytes, stamp(OUT, task)))
}

impl Request {
    /// Writes head and payloads.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8], bytes: usize) {
        fill_each(self.write_head(room), bytes, OUT, self.first);
    }

    /// The same for a frame of one task whose payload is known already.
    #[inline]
    pub(super) fn write_known(&self, room: &mut [u8], payload: &Known) {
        payload.fill(self.write_head(room));
    }

    /// Writes the head and gives what is behind it.
    #[inline]
    fn write_head<'a>(&self, room: &'a mut [u8]) -> &'a mut [u8] {
        let (head, payloads) = room.split_at_mut(REQUEST_HEAD);
        head[..8].copy_from_slice(&self.first.to_le_bytes());
        head[8..12].copy_from_slice(&self.count.to_le_bytes());
        head[12..16].copy_from_slice(&self.token.to_le_bytes());
        head[16..].copy_from_slice(&(self.rounds | self.flags << FLAGS_AT).to_le_bytes());
        payloads
    }

    /// Reads a request and every byte of its payloads; `results` gets what each task comes to, so far as its input decides.
    /// None when it is not as long as it says.
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
        let mut sound = true;
        for at in 0..request.count as usize {
            let task = request.first + at as u64;
            let sum = if bytes == 0 { 0 } else { payload::fold(&payloads[at * bytes..][..bytes]) };
            sound &= sum == payload::expected(bytes, stamp(OUT, task));
            results.push(mix(stamp(ARGUMENT, task)).wrapping_add(sum));
        }
        Some((request, sound))
    }
}

impl Answer {
    /// True when it holds the moments of its work.
    #[inline]
    pub(super) fn is_stamped(&self) -> bool {
        self.started > 0
    }

    /// Its size, with payloads of `bytes`.
    #[inline]
    pub(super) fn bytes(&self, bytes: usize) -> usize {
        answer_bytes(self.count, bytes, self.is_stamped())
    }

    /// Writes head, results and payloads.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8], bytes: usize, results: &[u64]) {
        let (head, rest) = room.split_at_mut(answer_head(self.is_stamped()));
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

    /// Reads an answer, every result and every byte of its payloads.
    ///
    /// Errors: what is wrong, as a sentence.
    #[inline]
    pub(super) fn read(seen: &[u8], bytes: usize) -> Result<Self, String> {
        let short = || format!("an answer of {} bytes is too short", seen.len());
        let head = seen.get(..ANSWER_HEAD).ok_or_else(short)?;
        let kind = u32_at(head, 8);
        let stamped = kind & STAMPS_FOLLOW != 0;
        let (head, rest) = seen.split_at_checked(answer_head(stamped)).ok_or_else(short)?;
        let status = match (kind >> STATUS_AT) & 3 {
            0 => Status::Done,
            1 => Status::Failed,
            _ => Status::Corrupt,
        };
        let (started, finished) = if stamped { (u64_at(head, 16), u64_at(head, 24)) } else { (0, 0) };
        let count = kind & ((1 << STATUS_AT) - 1);
        let answer = Self { first: u64_at(head, 0), count, token: u32_at(head, 12), status, started, finished };
        if rest.len() != count as usize * (RESULT + bytes) {
            return Err(format!("an answer to {count} tasks has {} bytes", seen.len()));
        }
        if status == Status::Corrupt {
            return Err(format!("a worker found the payload of a task from {} on changed", answer.first));
        }
        if status == Status::Done {
            answer.check(rest, bytes)?;
        }
        Ok(answer)
    }

    #[inline]
    fn check(&self, rest: &[u8], bytes: usize) -> Result<(), String> {
        let (values, payloads) = rest.split_at(self.count as usize * RESULT);
        for (at, value) in values.chunks_exact(RESULT).enumerate() {
            let task = self.first + at as u64;
            if u64_at(value, 0) != result_of(task, bytes) {
                return Err(format!("task {task} came to {}, not {}", u64_at(value, 0), result_of(task, bytes)));
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
    fn what_was_asked_and_answered_reads_back() {
        for bytes in [0, 8, 13, 64] {
            let request = Request { first: 7, count: 3, token: 5, rounds: 11, flags: STAMPED };
            let mut room = vec![0; request_bytes(3, bytes)];
            request.write(&mut room, bytes);
            let mut results = vec![];
            assert_eq!(Request::read(&room, bytes, &mut results), Some((request, true)));
            let plain = Answer { first: 7, count: 3, token: 5, ..Answer::default() };
            for answer in [plain, Answer { started: 1, finished: 2, ..plain }] {
                let mut room = vec![0; answer.bytes(bytes)];
                answer.write(&mut room, bytes, &results);
                assert_eq!(Answer::read(&room, bytes), Ok(answer));
                assert!(room.len() <= largest_bytes(3, bytes) && request_bytes(3, bytes) <= largest_bytes(3, bytes));
                room[answer_head(answer.is_stamped()) + 9] ^= 1;
                assert!(Answer::read(&room, bytes).is_err(), "a changed result");
                assert!(Answer::read(&room[1..], bytes).is_err() && Answer::read(&room[..7], bytes).is_err());
            }
        }
    }

    #[test]
    fn a_changed_payload_is_seen_by_the_worker() {
        let request = Request { first: 1, count: 2, ..Request::default() };
        let mut room = vec![0; request_bytes(2, 16)];
        request.write(&mut room, 16);
        room[REQUEST_HEAD + 20] ^= 4;
        assert_eq!(Request::read(&room, 16, &mut vec![]), Some((request, false)));
        assert_eq!(Request::read(&room[1..], 16, &mut vec![]), None);
    }
}
