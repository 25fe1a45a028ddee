//! What somebody does who was just started: says that he is there, and then what he is told to, until he is told to leave or
//! nobody is left to tell him. The same work for a thread, a copy of the parent, and a program of its own.

use std::io;
use std::os::fd::BorrowedFd;

use nix::unistd::{getpid, gettid, read, write};

use crate::child::retry_on_eintr;
use crate::payload;

/// The first word: one byte, written before anything else.
pub const FIRST_WORD: u8 = b'!';
/// Payload of the useful message, and of its answer.
pub const MESSAGE_BYTES: usize = 64;
/// Stamps the parent's messages.
pub const PARENT: u16 = 7;
/// Stamps the answers.
pub const NEWBORN: u16 = 8;

/// The status of one who was told what he does not understand.
pub const MISTOLD: u8 = 120;
/// The status of one who could not hear or say.
pub const BROKEN: u8 = 121;

/// What the parent asks. The first byte of an order; all of an order is written at once, and the next one only after its
/// answer, so one read takes it whole.
pub mod verb {
    /// A payload follows; the answer is one.
    pub const MESSAGE: u8 = b'm';
    /// Who are you? The answer is a word, the process in its upper half and the thread in its lower.
    pub const IDENTIFY: u8 = b'i';
    /// The status to leave with follows.
    pub const LEAVE: u8 = b'l';
}

/// Bytes of the longest order.
pub const ORDER_BYTES: usize = 1 + MESSAGE_BYTES;

/// The whole life; gives the status to leave with.
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
                None => return Ok(MISTOLD),
            },
            _ => return Ok(MISTOLD),
        }
    }
}

/// The answer to a message of which every byte is right.
fn answer(message: &[u8]) -> Option<[u8; MESSAGE_BYTES]> {
    let (producer, sequence) = payload::parts(payload::stamp_of(message)?);
    payload::check(message, MESSAGE_BYTES, payload::stamp(PARENT, sequence)).ok().filter(|()| producer == PARENT)?;
    let mut answer = [0; MESSAGE_BYTES];
    payload::fill(&mut answer, payload::stamp(NEWBORN, sequence));
    Some(answer)
}

/// A pipe takes so few bytes whole.
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
    fn only_a_message_without_fault_is_answered() {
        let mut message = [0; MESSAGE_BYTES];
        payload::fill(&mut message, payload::stamp(PARENT, 41));
        let answer = answer(&message).expect("it is right");
        assert_eq!(payload::check(&answer, MESSAGE_BYTES, payload::stamp(NEWBORN, 41)), Ok(()));
        message[63] ^= 1;
        assert_eq!(super::answer(&message), None);
        assert_eq!(super::answer(&message[..5]), None);
    }
}
