//! SIGINT, SIGTERM and SIGHUP: stored in an atomic and an eventfd, so that a sleeping poll wakes and the trial is aborted.
//!
//! A handler is used because a signalfd needs the signal blocked in every thread of the process, including those of
//! libraries. Signals that our caller ignores, as nohup does with SIGHUP, stay ignored.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Signals that end a run after its current trial was aborted.
const ENDINGS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

static ARRIVED: AtomicI32 = AtomicI32::new(0);
static BELL_NUMBER: AtomicI32 = AtomicI32::new(-1);
static BELL: OnceLock<EventFd> = OnceLock::new();
static HELD: Mutex<Held> = Mutex::new(Held { holders: 0, before: Vec::new() });

/// Number of listeners, and the actions to restore after the last one.
struct Held {
    holders: usize,
    before: Vec<(Signal, SigAction)>,
}

/// Installs the handlers: while a value exists, SIGINT, SIGTERM and SIGHUP do not end the process.
#[derive(Debug)]
pub struct Signals(());

impl Signals {
    /// Starts to listen. The first listener clears earlier signals.
    pub fn listen() -> io::Result<Self> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.holders == 0 {
            let bell = bell()?;
            let _ = bell.read();
            ARRIVED.store(0, Ordering::Relaxed);
            let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESTART, SigSet::empty());
            for signal in ENDINGS {
                // SAFETY: `note` does what a handler may: atomics, write(2), and errno put back.
                let before = unsafe { sigaction(signal, &action) }?;
                if matches!(before.handler(), SigHandler::SigIgn) {
                    // SAFETY: puts back the action that was in force a moment ago.
                    unsafe { sigaction(signal, &before) }?;
                } else {
                    held.before.push((signal, before));
                }
            }
        }
        held.holders += 1;
        Ok(Self(()))
    }

    /// The last signal that arrived.
    #[allow(clippy::unused_self)] // only a listener has something to ask
    pub fn arrived(&self) -> Option<Signal> {
        Signal::try_from(ARRIVED.load(Ordering::Relaxed)).ok()
    }

    /// Waits until `stream` can be read, or has ended. False if a signal arrived first.
    pub fn readable(&self, stream: impl AsFd) -> io::Result<bool> {
        loop {
            let mut watched = [self.bell(), stream.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) if watched[0].any() == Some(true) => return Ok(false),
                Ok(_) | Err(Errno::EINTR) if watched[1].any() == Some(true) => return Ok(true),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Readable once a signal arrived, and from then on.
    #[allow(clippy::unused_self)] // only a listener has something to ask
    pub fn bell(&self) -> BorrowedFd<'static> {
        BELL.get().expect("made before the first listener").as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.holders -= 1;
        if held.holders == 0 {
            for (signal, before) in held.before.drain(..) {
                // SAFETY: puts back an action that was in force in this process before.
                let _ = unsafe { sigaction(signal, &before) };
            }
        }
    }
}

fn bell() -> io::Result<&'static EventFd> {
    if let Some(bell) = BELL.get() {
        return Ok(bell);
    }
    let fresh = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
    let bell = BELL.get_or_init(|| fresh);
    BELL_NUMBER.store(bell.as_fd().as_raw_fd(), Ordering::Relaxed);
    Ok(bell)
}

extern "C" fn note(signal: libc::c_int) {
    let errno = Errno::last_raw();
    ARRIVED.store(signal, Ordering::Relaxed);
    let one = 1_u64;
    // SAFETY: eight readable bytes; the number is that of a static eventfd, which is never closed. A full counter
    // (EAGAIN) is as readable as any.
    unsafe { libc::write(BELL_NUMBER.load(Ordering::Relaxed), (&raw const one).cast(), size_of::<u64>()) };
    Errno::set_raw(errno);
}
