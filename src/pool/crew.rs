//! Threads that work in this very process, pinned, known by number, and joined in the end. Not a mechanism.
//!
//! A thread cannot be killed: one who ends a pool of threads at once waits for what each of them has in hand.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use super::{Hand, Work};
use crate::pin;

/// The threads of a pool.
pub(super) struct Crew {
    threads: Vec<JoinHandle<()>>,
    hands: Vec<Hand>,
    stopping: Stopping,
}

/// Whether those who look at it are to stop after what they have in hand.
#[derive(Clone, Default)]
pub(super) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(super) fn set(&self) {
        // Relaxed: it carries no data, and nobody minds another frame.
        self.0.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Crew {
    /// Starts `seats` threads, each of which does `live` with its seat's number; returns once all of them are where they
    /// belong.
    ///
    /// Errors: a thread could not be started, or not be pinned. Those that could end as `live` does when the pool is gone.
    pub(super) fn start(
        seats: u32,
        cpus: &[u32],
        mut live: impl FnMut(u32, Stopping) -> Box<dyn FnOnce() + Send>,
    ) -> io::Result<Self> {
        let stopping = Stopping::default();
        let mut arrivals = Arrivals::new();
        let mut threads = vec![];
        for seat in 0..seats {
            let (arrival, live) = (arrivals.expect(seat, cpus), live(seat, stopping.clone()));
            let body = move || {
                if arrival.settle() {
                    live();
                }
            };
            threads.push(Builder::new().name(format!("worker-{seat}")).spawn(body)?);
        }
        Ok(Self { threads, hands: arrivals.all()?, stopping })
    }

    /// Those at work, by seat.
    pub(super) fn hands(&self) -> Vec<Hand> {
        self.hands.clone()
    }

    /// Lets nobody take another frame who looks whether he may.
    pub(super) fn stop(&self) {
        self.stopping.set();
    }

    /// Waits until all threads have ended, which have been told that no more work comes.
    ///
    /// Errors: one of them panicked.
    pub(super) fn see_off(self) -> io::Result<()> {
        join(self.threads)
    }
}

/// Waits for the end of `threads`.
///
/// Errors: one of them panicked.
pub(super) fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) -> io::Result<()> {
    let panicked = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
    if panicked == 0 { Ok(()) } else { Err(io::Error::other(format!("{panicked} workers of the pool panicked"))) }
}

/// Waits for threads to say that they are where they belong.
pub(super) struct Arrivals {
    tell: mpsc::Sender<(u32, io::Result<u32>)>,
    told: mpsc::Receiver<(u32, io::Result<u32>)>,
    expected: u32,
}

/// One that is on its way.
pub(super) struct Arrival {
    seat: u32,
    cpu: Option<u32>,
    tell: mpsc::Sender<(u32, io::Result<u32>)>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        let (tell, told) = mpsc::channel();
        Self { tell, told, expected: 0 }
    }

    /// One more, for `seat` and its CPU if it has one.
    pub(super) fn expect(&mut self, seat: u32, cpus: &[u32]) -> Arrival {
        self.expected += 1;
        Arrival { seat, cpu: cpus.get(seat as usize).copied(), tell: self.tell.clone() }
    }

    /// All of them, by seat.
    ///
    /// Errors: one cannot run where it should.
    pub(super) fn all(self) -> io::Result<Vec<Hand>> {
        drop(self.tell);
        let mut hands = vec![];
        for (seat, tid) in &self.told {
            hands.push((seat, tid?));
        }
        if hands.len() != self.expected as usize {
            return Err(io::Error::other("a thread of the pool ended before it began"));
        }
        hands.sort_unstable();
        Ok(hands.into_iter().map(|(_, tid)| Hand::Thread(tid)).collect())
    }
}

impl Arrival {
    /// In the thread: goes where it belongs and says who it is. False when it cannot.
    pub(super) fn settle(self) -> bool {
        let settled = self.cpu.map_or(Ok(()), pin::pin_this_thread);
        let is_settled = settled.is_ok();
        let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        // Nobody listens any more where another one could not be started.
        let _ = self.tell.send((self.seat, settled.map(|()| tid)));
        is_settled
    }
}

/// Does what the request in `frame` asks, and leaves the answer in its place: the memory goes out and comes back.
#[inline]
pub(super) fn answer_in_place<W: Work>(work: &mut W, frame: &mut Vec<u8>) {
    let mut job = work.take(frame);
    work.carry_out(&mut job);
    frame.resize(work.answer_bytes(&job), 0);
    work.answer(&job, frame);
}

/// A frame of `len` bytes for a request, out of `spare` where there is one.
#[inline]
pub(super) fn request(spare: &mut Vec<Vec<u8>>, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut frame = spare.pop().unwrap_or_default();
    frame.resize(len, 0);
    fill(&mut frame);
    frame
}
