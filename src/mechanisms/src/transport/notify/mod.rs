//! Notifications: messages of 0 bytes, the basis of every blocking queue and lock, measured separately here.
//!
//! A mechanism has a [`Notifier`] and a [`Listener`]; [`Notifying`] and [`Listening`] turn them into a transport's
//! sender and receiver, which refuse a payload.

pub(super) mod condvar;
pub(super) mod eventfd;
pub(super) mod futex;
mod memory;
pub(super) mod posix_sem;
pub(super) mod rt_signal;
pub(super) mod signal;
mod signals;
pub(super) mod sysv_sem;
mod uring;
pub(super) mod uring_futex;
pub(super) mod uring_msg;

use std::io;

use super::{Receiver, Sender, Shape};
use crate::record::{CostModel, Counts, Measure};

/// Measures of a mechanism that may merge notifications: those with at most one outstanding.
const CLOSED_LOOPS: &[Measure] = &[Measure::RoundTrip, Measure::Wake, Measure::CostModel, Measure::Conformance];

/// Endpoint that notifies.
pub trait Notifier {
    /// Sends one notification.
    fn notify(&mut self) -> io::Result<()>;
}

/// Endpoint that waits for notifications.
pub trait Listener {
    /// Waits for a notification and takes it.
    fn listen(&mut self) -> io::Result<()>;
}

/// Sender made of a notifier.
pub struct Notifying<N>(N);

/// Receiver made of a listener.
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
    format!("a notification carries no payload: messages have 0 bytes, not {bytes}")
}

fn supports(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes > 0 {
        return Err(no_payload(shape.message_bytes));
    }
    if shape.depth > 0 {
        return Err(format!("notifications are only counted, so the depth cannot be set to {}", shape.depth));
    }
    Ok(())
}

/// Cost model: one call to notify and one to listen. In a closed loop the listener sleeps when it is notified.
fn cost_model(shape: &Shape) -> CostModel {
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    CostModel {
        sender: Counts { system_calls: 1.0, ..Counts::default() },
        receiver: Counts { system_calls: 1.0, wakes: sleeps, context_switches: sleeps, ..Counts::default() },
        unexplained: Some(shape.sleepers_reason().into()),
    }
}

/// Cost model of a count in shared memory: each endpoint changes it after the other one did, so both fetch its line. No
/// call if the listener finds it above 0. `always` says whether the notifier makes its call even if the listener does not
/// sleep.
fn cost_model_in_memory(shape: &Shape, always: bool) -> CostModel {
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    CostModel {
        sender: Counts { system_calls: if always { 1.0 } else { sleeps }, line_transfers: 1.0, ..Counts::default() },
        receiver: Counts {
            system_calls: sleeps,
            line_transfers: 1.0,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
        unexplained: Some(shape.sleepers_reason().into()),
    }
}
