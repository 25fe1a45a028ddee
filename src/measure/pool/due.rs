//! The answer that is due where one task is out at a time, made up before it comes: mixing stamps need not happen while
//! nobody works.

use super::frame::{ANSWER_HEAD, Answer, BACK, OUT, RESULT, Status, answer_bytes, result_of, u64_at};
use crate::payload::{Known, stamp};

/// The payload of a task on its way out.
#[inline]
pub(super) fn outgoing(task: u64, bytes: usize) -> Known {
    Known::new(bytes, stamp(OUT, task))
}

/// The answer to a frame of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    task: u64,
    token: u32,
    result: u64,
    payload: Known,
    bytes: usize,
}

impl Due {
    /// To task `task`, which went out by `token` with a payload of `bytes`.
    #[inline]
    pub(super) fn new(task: u64, token: u32, bytes: usize) -> Self {
        Self { task, token, result: result_of(task, bytes), payload: Known::new(bytes, stamp(BACK, task)), bytes }
    }

    /// Checks everything: whose answer it is, that the task was done, its result and every byte of its payload.
    ///
    /// Errors: what is wrong, as a sentence.
    #[inline]
    pub(super) fn check(&self, seen: &[u8]) -> Result<(), String> {
        let as_due = seen.len() == answer_bytes(1, self.bytes, false)
            && u64_at(seen, 0) == self.task
            && u64_at(seen, 8) == (u64::from(self.token) << 32 | 1)
            && u64_at(seen, ANSWER_HEAD) == self.result;
        if !as_due {
            return Err(self.explain(seen));
        }
        if self.bytes == 0 { Ok(()) } else { self.payload.check(&seen[ANSWER_HEAD + RESULT..]) }
    }

    #[cold]
    fn explain(&self, seen: &[u8]) -> String {
        match Answer::read(seen, self.bytes) {
            Err(why) => why,
            Ok(answer) if answer.status == Status::Failed => format!("task {} failed", answer.first),
            Ok(answer) => format!("task {} came back where {} was due", answer.first, self.task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Request, SHOWN, request_bytes};
    use super::*;

    #[test]
    fn only_the_answer_that_is_due_passes() {
        for bytes in [0, 5, 64] {
            let due = Due::new(7, 3, bytes);
            let room_of = |answer: Answer| {
                let mut room = vec![0; answer.bytes(bytes)];
                answer.write(&mut room, bytes, &[result_of(answer.first, bytes)]);
                room
            };
            let answer = Answer { first: 7, count: 1, token: 3, ..Answer::default() };
            assert_eq!(due.check(&room_of(answer)), Ok(()));
            let others = [
                Answer { first: 8, ..answer },
                Answer { token: 4, ..answer },
                Answer { status: Status::Failed, ..answer },
                Answer { status: Status::Corrupt, ..answer },
            ];
            assert!(others.into_iter().all(|other| due.check(&room_of(other)).is_err()));
            for at in [ANSWER_HEAD, answer.bytes(bytes) - 1] {
                let mut room = room_of(answer);
                room[at] ^= 1;
                assert!(due.check(&room).is_err(), "byte {at}");
            }
            assert!(due.check(&room_of(answer)[1..]).is_err());
        }
    }

    #[test]
    fn a_known_payload_is_written_as_any_other() {
        let request = Request { first: 9, count: 1, token: 2, rounds: 5, flags: SHOWN };
        let (mut known, mut plain) = (vec![0; request_bytes(1, 24)], vec![0; request_bytes(1, 24)]);
        request.write_known(&mut known, &outgoing(9, 24));
        request.write(&mut plain, 24);
        assert_eq!(known, plain);
    }
}
