//! Faults for tests. A sender that loses, repeats, reorders or corrupts one message tests the checks; a receiver that
//! stalls shows which measures reveal a stall.

use std::io;
use std::time::Duration;

use super::{MeasureError, Task};
use crate::protocol::Fault;
use crate::transport::Sender;

/// Duration of a stall or stop.
const STALL: Duration = Duration::from_millis(100);

/// Number of the faulty message, counted from the start of the warm-up.
const AT: u64 = 5;

/// A sender with a fault.
pub struct Faulty<S> {
    inner: S,
    fault: Fault,
    sent: u64,
    held: Option<Vec<u8>>,
}

impl<S: Sender> Faulty<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, fault: Fault) -> Self {
        Self { inner, fault, sent: 0, held: None }
    }

    fn pass(&mut self, message: &[u8]) -> io::Result<()> {
        self.inner.send(message.len(), |room| room.copy_from_slice(message))
    }
}

/// Runs `count` units of `work`, and stalls after five eighths of them if the task asks for it.
pub fn around_stall(
    task: &Task,
    count: u64,
    mut work: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<(), MeasureError> {
    if task.fault != Some(Fault::Stall) {
        return work(count);
    }
    let before = count * 5 / 8;
    work(before)?;
    stall(task);
    work(count - before)
}

/// Stalls if the task asks for it.
pub fn stall(task: &Task) {
    if task.fault == Some(Fault::Stall) {
        std::thread::sleep(STALL);
    }
}

/// Stops after a slice if the task asks for it.
pub fn slow(task: &Task) {
    if task.fault == Some(Fault::Slow) {
        std::thread::sleep(STALL);
    }
}

impl<S: Sender> Sender for Faulty<S> {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut message = vec![0; len];
        fill(&mut message);
        self.sent += 1;
        let due = self.sent == AT;
        match self.fault {
            Fault::Loss if due => return Ok(()),
            Fault::Duplication if due => self.pass(&message)?,
            Fault::Corruption if due => *message.last_mut().expect("faults want a payload") ^= 0x10,
            Fault::Reordering if due => {
                self.held = Some(message);
                return Ok(());
            }
            _ => {}
        }
        self.pass(&message)?;
        self.held.take().map_or(Ok(()), |held| self.pass(&held))
    }
}
