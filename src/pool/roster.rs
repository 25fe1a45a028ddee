//! Who works, and at what: a page that dispatcher, foreman and workers of a pool of processes share. No task passes
//! through it; it is read when somebody has died.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::pages;
use crate::shm::{Segment, SharedLayout};

/// What nobody has in hand.
const NOTHING: u64 = 0;

#[repr(C, align(64))]
struct Head {
    /// The workers are being ended: nobody is to start any more.
    stopping: AtomicU32,
}

#[repr(C, align(64))]
struct Line {
    /// Number of the process at work on this seat; 0 before the first.
    pid: AtomicU32,
    /// 1 when its worker leaves because it has done its share, and another is to come.
    retired: AtomicU32,
    /// One more than the number of the frame in hand; 0 when there is none.
    frame: AtomicU64,
    /// By what the dispatcher knows the last request that was received; 0 before the first.
    ticket: AtomicU64,
}

// SAFETY: repr(C), atomics only; zero bytes are a pool at work.
unsafe impl SharedLayout for Head {}
// SAFETY: repr(C), atomics only; zero bytes are an empty seat.
unsafe impl SharedLayout for Line {}

/// The page, one line a seat.
#[derive(Clone)]
pub(super) struct Roster(Segment);

impl Roster {
    pub(super) fn for_seats(seats: u32) -> io::Result<Self> {
        pages::shared(size_of::<Head>() + seats as usize * size_of::<Line>()).map(Self)
    }

    pub(super) fn stop(&self) {
        self.head().stopping.store(1, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.head().stopping.load(Ordering::SeqCst) != 0
    }

    /// Forgets who sat there. To be called before the next one starts, who writes to the line at once.
    pub(super) fn clear(&self, seat: u32) {
        let line = self.line(seat);
        line.frame.store(NOTHING, Ordering::Relaxed);
        line.ticket.store(NOTHING, Ordering::Relaxed);
        line.retired.store(0, Ordering::Relaxed);
    }

    pub(super) fn seat(&self, seat: u32, pid: u32) {
        self.line(seat).pid.store(pid, Ordering::SeqCst);
    }

    /// 0 where nobody has started yet.
    pub(super) fn pid(&self, seat: u32) -> u32 {
        self.line(seat).pid.load(Ordering::SeqCst)
    }

    pub(super) fn retire(&self, seat: u32) {
        self.line(seat).retired.store(1, Ordering::SeqCst);
    }

    pub(super) fn has_retired(&self, seat: u32) -> bool {
        self.line(seat).retired.load(Ordering::SeqCst) != 0
    }

    /// The worker on `seat` has taken a frame. A plain store to a line of its own.
    #[inline]
    pub(super) fn takes(&self, seat: u32, frame: u64) {
        self.line(seat).frame.store(frame.wrapping_add(1), Ordering::Relaxed);
    }

    /// It has answered.
    #[inline]
    pub(super) fn is_done(&self, seat: u32) {
        self.line(seat).frame.store(NOTHING, Ordering::Relaxed);
    }

    /// The worker on `seat` has received the request that its dispatcher knows by `ticket`, but not looked at it yet: unless
    /// [`takes`](Self::takes) follows, nobody has begun with it. Release, so that who sees it also sees that whatever was in
    /// hand before is done.
    #[inline]
    pub(super) fn holds(&self, seat: u32, ticket: u64) {
        // PAIRS: roster-ticket
        self.line(seat).ticket.store(ticket, Ordering::Release);
    }

    /// The last request that the worker on `seat` received; 0 for none.
    pub(super) fn ticket(&self, seat: u32) -> u64 {
        // PAIRS: roster-ticket
        self.line(seat).ticket.load(Ordering::Acquire)
    }

    /// What the worker on `seat` had in hand. Meant for one that has died: its stores were made before its end was seen.
    pub(super) fn frame(&self, seat: u32) -> Option<u64> {
        let frame = self.line(seat).frame.load(Ordering::Relaxed);
        (frame != NOTHING).then(|| frame.wrapping_sub(1))
    }

    fn head(&self) -> &Head {
        self.0.view(0)
    }

    #[inline]
    fn line(&self, seat: u32) -> &Line {
        self.0.view(size_of::<Head>() + seat as usize * size_of::<Line>())
    }
}
