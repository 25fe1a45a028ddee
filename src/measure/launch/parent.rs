//! The parent's side of a worker's pipes.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};

use super::started::{FIRST_WORD, MESSAGE_BYTES, ORDER_BYTES, PARENT, STARTED, verb};
use crate::child::retry_on_eintr;
use crate::launch::ChildPipes;
use crate::measure::{MeasureError, invalid};
use crate::payload::{Known, stamp};

/// Connection of a parent to a worker. Dropping it makes the worker exit.
pub struct Line {
    orders: OwnedFd,
    words: OwnedFd,
}

/// A message and its expected response, prepared before the timed work.
pub struct Question {
    order: [u8; ORDER_BYTES],
    answer: Known,
}

impl Question {
    /// Prepares the message with this number.
    pub fn new(sequence: u64) -> Self {
        let mut order = [verb::MESSAGE; ORDER_BYTES];
        Known::new(MESSAGE_BYTES, stamp(PARENT, sequence)).fill(&mut order[1..]);
        Self { order, answer: Known::new(MESSAGE_BYTES, stamp(STARTED, sequence)) }
    }
}

impl Line {
    /// Creates both pipes; returns the worker's ends separately.
    pub fn open() -> io::Result<(Self, ChildPipes)> {
        let (input, orders) = pipe2(OFlag::O_CLOEXEC)?;
        let (words, output) = pipe2(OFlag::O_CLOEXEC)?;
        Ok((Self { orders, words }, ChildPipes { input, output }))
    }

    /// Waits for the first word.
    ///
    /// Errors: `Invalid` if another byte arrives or the worker has ended.
    pub fn first_word(&self) -> Result<(), MeasureError> {
        match self.receive::<1>()? {
            [FIRST_WORD] => Ok(()),
            [other] => invalid(format!("the first word of a started worker was {other}")),
        }
    }

    /// Sends a message and checks every byte of the response.
    pub fn ask(&self, question: &Question) -> Result<(), MeasureError> {
        self.tell(&question.order)?;
        question.answer.check(&self.receive::<MESSAGE_BYTES>()?).map_err(MeasureError::Invalid)?;
        Ok(())
    }

    /// Process and thread id of the worker.
    pub fn identify(&self) -> Result<(i32, i32), MeasureError> {
        self.tell(&[verb::IDENTIFY])?;
        let word = u64::from_ne_bytes(self.receive()?);
        Ok(((word >> 32) as i32, word as i32))
    }

    /// Tells the worker to exit with this status.
    pub fn dismiss(&self, status: u8) -> io::Result<()> {
        self.tell(&[verb::LEAVE, status])
    }

    fn tell(&self, order: &[u8]) -> io::Result<()> {
        retry_on_eintr(|| write(&self.orders, order))?;
        Ok(())
    }

    fn receive<const BYTES: usize>(&self) -> Result<[u8; BYTES], MeasureError> {
        let mut word = [0; BYTES];
        match retry_on_eintr(|| read(&self.words, &mut word)).map_err(io::Error::from)? {
            0 => invalid("a worker ended when a response was expected"),
            bytes if bytes == BYTES => Ok(word),
            bytes => invalid(format!("a worker sent {bytes} bytes where {BYTES} were expected")),
        }
    }
}
