//! Code of a started worker, which signals that it runs and then serves orders until it is told to exit or its input
//! ends. The same for a thread, a copy of the parent, and a separate program.

use std::io;
use std::os::fd::BorrowedFd;

use nix::unistd::{getpid, gettid, read, write};

use crate::child::retry_on_eintr;
use crate::payload;

/// The first word: one byte, written before anything else.
pub const FIRST_WORD: u8 = b'!';
/// Payload of a message and of its response.
pub const MESSAGE_BYTES: usize = 64;
/// Stamp owner of the parent's messages.
pub const PARENT: u16 = 7;
/// Stamp owner of the responses.
pub const STARTED: u16 = 8;

/// Exit status after an invalid order.
pub const INVALID_ORDER: u8 = 120;
/// Exit status after an I/O error.
pub const BROKEN: u8 = 121;

/// First byte of an order. The parent writes an order at once and then awaits its response, so one read gets a whole
/// order.
pub mod verb {
    /// Followed by a payload; the response is a payload.
    pub const MESSAGE: u8 = b'm';
    /// The response is a word with the process id in its upper half and the thread id in its lower half.
    pub const IDENTIFY: u8 = b'i';
    /// Followed by the exit status.
    pub const LEAVE: u8 = b'l';
}

/// Bytes of the longest order.
pub const ORDER_BYTES: usize = 1 + MESSAGE_BYTES;

/// Serves orders and returns the exit status.
pub fn live(input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> u8 {
    serve(input, output).unwrap_or(BROKEN)
}

fn serve(input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> io::Result<u8> {
    say(output, &[FIRST_WORD])?;
    loop {
        let mut order = [0; ORDER_BYTES];
        let bytes = retry_on_eintr(|| read(input, &mut order))?;
        match &order[..bytes] {
            [] => return Ok(0),
            [verb::LEAVE, status] => return Ok(*status),
            [verb::IDENTIFY] => {
                let [process, thread] = [getpid(), gettid()].map(|pid| u64::from(pid.as_raw().cast_unsigned()));
                say(output, &(process << 32 | thread).to_ne_bytes())?;
            }
            [verb::MESSAGE, message @ ..] => match answer(message) {
                Some(answer) => say(output, &answer)?,
                None => return Ok(INVALID_ORDER),
            },
            _ => return Ok(INVALID_ORDER),
        }
    }
}

/// Response to a message; `None` if a byte of it is wrong.
fn answer(message: &[u8]) -> Option<[u8; MESSAGE_BYTES]> {
    let (producer, sequence) = payload::parts(payload::stamp_of(message)?);
    payload::check(message, MESSAGE_BYTES, payload::stamp(PARENT, sequence)).ok().filter(|()| producer == PARENT)?;
    let mut answer = [0; MESSAGE_BYTES];
    payload::fill(&mut answer, payload::stamp(STARTED, sequence));
    Some(answer)
}

/// Writes a response, which is short enough for a single write to a pipe.
fn say(output: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    match retry_on_eintr(|| write(output, bytes))? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_correct_message_is_answered() {
        let mut message = [0; MESSAGE_BYTES];
        payload::fill(&mut message, payload::stamp(PARENT, 41));
        let answer = answer(&message).expect("it is right");
        assert_eq!(payload::check(&answer, MESSAGE_BYTES, payload::stamp(STARTED, 41)), Ok(()));
        message[63] ^= 1;
        assert_eq!(super::answer(&message), None);
        assert_eq!(super::answer(&message[..5]), None);
    }
}
