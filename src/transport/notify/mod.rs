//! Notification only: messages of 0 bytes, which say that something happened and nothing else. What every blocking queue
//! and lock is made of, measured on its own.
//!
//! A mechanism of this kind has two halves, [`Notifier`] and [`Listener`]; [`Notifying`] and [`Listening`] make a
//! transport's ends of them, which refuse a payload.

mod cell;
pub(super) mod condvar;
mod count;
pub(super) mod eventfd;
pub(super) mod futex;
mod plain_signal;
pub(super) mod posix_sem;
pub(super) mod rt_signal;
pub(super) mod signal;
pub(super) mod signalfd;
mod signals;
pub(super) mod sysv_sem;
mod uring;
pub(super) mod uring_futex;
pub(super) mod uring_msg;

use std::io;

use super::{Receiver, Sender, Shape};
use crate::record::{Anatomy, Counts, Measure};

/// What can be asked of a mechanism that makes one notification of several: only what leaves one outstanding.
const CLOSED_LOOPS: &[Measure] = &[Measure::RoundTrip, Measure::Wake, Measure::CostModel, Measure::Conformance];

/// The half that says that something happened.
pub trait Notifier {
    /// Says so once.
    fn notify(&mut self) -> io::Result<()>;
}

/// The half that wants to know.
pub trait Listener {
    /// Waits until something happened.
    fn listen(&mut self) -> io::Result<()>;
}

/// A sending end made of a notifier.
pub struct Notifying<N>(N);

/// A receiving end made of a listener.
pub struct Listening<L>(L);

impl<N: Notifier> Sender for Notifying<N> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != 0 {
            return Err(payload_refused(len));
        }
        fill(&mut []);
        self.0.notify()
    }
}

impl<L: Listener> Receiver for Listening<L> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.0.listen()?;
        Ok(read(&[]))
    }
}

#[cold]
fn payload_refused(len: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, no_payload(len))
}

fn no_payload(bytes: usize) -> String {
    format!("it carries no payload: messages of 0 bytes only, not {bytes}")
}

fn supports(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes > 0 {
        return Err(no_payload(shape.message_bytes));
    }
    if shape.depth > 0 {
        return Err(format!(
            "it counts notifications and keeps none: its depth cannot be chosen, not even as {}",
            shape.depth
        ));
    }
    Ok(())
}

/// One call to notify and one to listen. In a closed loop the listener is asleep when it is notified.
fn anatomy(shape: &Shape) -> Anatomy {
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    Anatomy {
        sender: Counts { system_calls: 1.0, ..Counts::default() },
        receiver: Counts { system_calls: 1.0, wakes: sleeps, context_switches: sleeps, ..Counts::default() },
    }
}

/// The same for a count in shared memory: its line changes hands, and whoever finds it above 0 makes no call. `always`
/// tells whether the notifying side makes its call even when nobody sleeps.
fn anatomy_in_memory(shape: &Shape, always: bool) -> Anatomy {
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    Anatomy {
        sender: Counts { system_calls: if always { 1.0 } else { sleeps }, ..Counts::default() },
        receiver: Counts {
            system_calls: sleeps,
            line_hand_overs: 1.0,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    }
}
