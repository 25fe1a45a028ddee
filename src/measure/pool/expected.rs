//! Expected response if one task is in flight at a time, computed while the worker runs to keep the check short.

use super::frame::{BACK, OUT, RESPONSE_HEAD, RESULT, Response, Status, response_bytes, result_of, u64_at};
use crate::payload::{Known, stamp};

/// Payload of a request of one task.
#[inline]
pub(super) fn outgoing(task: u64, bytes: usize) -> Known {
    Known::new(bytes, stamp(OUT, task))
}

/// Expected response to a request of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    task: u64,
    token: u32,
    result: u64,
    payload: Known,
    bytes: usize,
}

impl Expected {
    /// Creates the response to `task`, submitted with `token` and a payload of `bytes`.
    #[inline]
    pub(super) fn new(task: u64, token: u32, bytes: usize) -> Self {
        Self { task, token, result: result_of(task), payload: Known::new(bytes, stamp(BACK, task)), bytes }
    }

    /// Checks token, status, result and every byte of the payload.
    ///
    /// Errors: a description of the difference.
    #[inline]
    pub(super) fn check(&self, seen: &[u8]) -> Result<(), String> {
        let matches = seen.len() == response_bytes(1, self.bytes, false)
            && u64_at(seen, 0) == self.task
            && u64_at(seen, 8) == (u64::from(self.token) << 32 | 1)
            && u64_at(seen, RESPONSE_HEAD) == self.result;
        if !matches {
            return Err(self.explain(seen));
        }
        if self.bytes == 0 { Ok(()) } else { self.payload.check(&seen[RESPONSE_HEAD + RESULT..]) }
    }

    #[cold]
    fn explain(&self, seen: &[u8]) -> String {
        match Response::read(seen, self.bytes) {
            Err(why) => why,
            Ok(response) if response.status == Status::Failed => format!("task {} failed", response.first),
            Ok(response) => format!("task {} came back where {} was expected", response.first, self.task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Request, SHOWN, request_bytes};
    use super::*;

    #[test]
    fn only_the_expected_response_passes() {
        for bytes in [0, 5, 64] {
            let expected = Expected::new(7, 3, bytes);
            let room_of = |response: Response| {
                let mut room = vec![0; response.bytes(bytes)];
                response.write(&mut room, bytes, &[result_of(response.first)]);
                room
            };
            let response = Response { first: 7, count: 1, token: 3, ..Response::default() };
            assert_eq!(expected.check(&room_of(response)), Ok(()));
            let others = [
                Response { first: 8, ..response },
                Response { token: 4, ..response },
                Response { status: Status::Failed, ..response },
                Response { status: Status::Corrupt, ..response },
            ];
            assert!(others.into_iter().all(|other| expected.check(&room_of(other)).is_err()));
            for at in [RESPONSE_HEAD, response.bytes(bytes) - 1] {
                let mut room = room_of(response);
                room[at] ^= 1;
                assert!(expected.check(&room).is_err(), "byte {at}");
            }
            assert!(expected.check(&room_of(response)[1..]).is_err());
        }
    }

    #[test]
    fn a_precomputed_payload_is_written_like_any_other() {
        let request = Request { first: 9, count: 1, token: 2, rounds: 5, flags: SHOWN };
        let (mut known, mut plain) = (vec![0; request_bytes(1, 24)], vec![0; request_bytes(1, 24)]);
        request.write_known(&mut known, &outgoing(9, 24));
        request.write(&mut plain, 24);
        assert_eq!(known, plain);
    }

    #[test]
    fn every_corruption_of_a_response_is_detected() {
        for (what, change) in crate::payload::CORRUPTIONS {
            let response = Response { first: 7, count: 1, token: 3, ..Response::default() };
            let mut room = vec![0; response.bytes(128)];
            response.write(&mut room, 128, &[result_of(7)]);
            change(&mut room[RESPONSE_HEAD + RESULT..]);
            assert!(Expected::new(7, 3, 128).check(&room).is_err(), "{what}");
        }
    }
}
