//! One queue of requests in shared memory for all workers, and one of answers: a ring of slots each way, any number of
//! ends. A task costs two hand-overs of a line, as a round trip does, and one more each way for the line on which workers
//! claim positions. Whoever is free takes the next task, so work spreads by itself. Source: see [`crate::ring::mpmc`].
//!
//! A worker that dies at its task leaves its frame on the roster. One that dies in the few nanoseconds between claiming a
//! slot and giving it back would block the ring one lap later; only the end of the trial ends that.
//!
//! With a share, a worker leaves after so many frames and the foreman forks another: what Python's pool calls
//! `maxtasksperchild`, against leaks of what runs in the workers. Each share costs a fork, an end and its collection.
//! Source: `multiprocessing.pool.Pool` in Python's documentation.

use std::io;

use super::foreman::Foreman;
use super::hand::Seat;
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, pages};
use crate::record::Wait;
use crate::ring::layout::Layout;
use crate::ring::mpmc::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::ring::{Consume, Produce};
use crate::shm::Segment;
use crate::wait::{EventCount, WaitStrategy};

type Slots = SegmentSlots<EventCount, EventCount>;

/// Workers stay.
const FOR_GOOD: u64 = 0;
/// Largest pair of rings.
const MAX_BYTES: usize = 1 << 30;
/// A notice of a death: shorter than any answer.
const NOTICE_BYTES: usize = 12;
/// Frame number of a notice about one who had nothing in hand.
const NO_FRAME: u64 = u64::MAX;

/// The pool, by wait strategy, and by the frames after which a worker makes room for a fresh process: as many as it likes
/// where that is [`FOR_GOOD`].
pub struct ShmQueue<W, const SHARE: u64 = FOR_GOOD> {
    requests: Producer<Slots, W>,
    answers: Consumer<Slots, W>,
    foreman: Foreman,
    workers: u32,
}

/// The two rings, before they have ends.
struct Rings {
    requests: Segment,
    answers: Segment,
    layout: Layout,
}

impl Rings {
    fn make(staff: &Staff) -> io::Result<Self> {
        let layout = layout(staff);
        let ring = || pages::shared(layout.segment_bytes());
        Ok(Self { requests: ring()?, answers: ring()?, layout })
    }

    fn producer<W: WaitStrategy<EventCount>>(&self, ring: &Segment) -> io::Result<Producer<Slots, W>> {
        Ok(Producer::new(Slots::new(ring.clone(), self.layout, 0)?, W::attach(&[])?))
    }

    fn consumer<W: WaitStrategy<EventCount>>(&self, ring: &Segment) -> io::Result<Consumer<Slots, W>> {
        Ok(Consumer::new(Slots::new(ring.clone(), self.layout, 0)?, W::attach(&[])?))
    }

    /// A worker's life.
    fn serve<W: WaitStrategy<EventCount>, K: Work>(&self, seat: &Seat, mut work: K) -> io::Result<()> {
        let mut ends = (self.consumer::<W>(&self.requests)?, self.producer::<W>(&self.answers)?);
        seat.work_through(
            &mut work,
            &mut ends,
            // A frame of no bytes is the last word.
            |(requests, _), work| requests.receive(|seen| (!seen.is_empty()).then(|| work.take(seen))),
            |(_, answers), bytes, fill| answers.send(bytes, fill),
        )
    }
}

/// Last words for each worker: one that dies with its own already taken is replaced by one that needs another.
const LAST_WORDS: u32 = 2;

/// Room for every frame that can be out, and for the last words; or a notice of each one's death.
fn layout(staff: &Staff) -> Layout {
    let frames = staff.in_flight + LAST_WORDS * staff.workers;
    Layout::new(frames.next_power_of_two(), staff.frame_bytes.max(NOTICE_BYTES))
}

impl<W: WaitStrategy<EventCount>, const SHARE: u64> Pool for ShmQueue<W, SHARE> {
    const SUMMARY: &'static str = match SHARE {
        FOR_GOOD => "one queue in shared memory for all workers, and one of answers",
        100 => "the same queue; each worker leaves after 100 frames, and a fresh process takes its place",
        _ => "the same queue; each worker leaves after its share, and a fresh process takes its place",
    };
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;

    fn supports(staff: &Staff) -> Result<(), String> {
        let bytes = layout(staff).segment_bytes();
        if bytes > MAX_BYTES {
            let (frames, each) = (staff.in_flight, staff.frame_bytes);
            return Err(format!("{frames} frames of {each} bytes take a ring of {bytes}; it may have {MAX_BYTES}"));
        }
        Ok(())
    }

    fn open<K: Work>(staff: &Staff, work: K) -> io::Result<Self> {
        let rings = Rings::make(staff)?;
        let roster = Roster::for_seats(staff.workers)?;
        let share = (SHARE != FOR_GOOD).then_some(SHARE);
        let live = |number: u32| {
            let cpu = staff.cpus.get(number as usize).copied();
            rings.serve::<W, K>(&Seat { number, cpu, roster: roster.clone(), share }, work.clone())
        };
        let mut notices: Option<Producer<Slots, W>> = None;
        let tell = |loss: Loss| {
            if notices.is_none() {
                notices = Some(rings.producer(&rings.answers)?);
            }
            notices.as_mut().map_or(Ok(()), |notices| {
                notices.send(NOTICE_BYTES, |room| {
                    room[..8].copy_from_slice(&loss.frame.unwrap_or(NO_FRAME).to_le_bytes());
                    room[8..].copy_from_slice(&loss.worker.to_le_bytes());
                })
            })
        };
        let foreman = Foreman::start(staff.workers, &roster, live, tell)?;
        Ok(Self {
            requests: rings.producer(&rings.requests)?,
            answers: rings.consumer(&rings.answers)?,
            foreman,
            workers: staff.workers,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.requests.send(len, fill)
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        self.answers.receive(|seen| sorted(seen, read))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        self.answers.try_receive(|seen| sorted(seen, read))
    }

    fn hands(&self) -> Vec<Hand> {
        self.foreman.hands()
    }

    fn close(mut self) -> io::Result<()> {
        for _ in 0..LAST_WORDS * self.workers {
            self.requests.send(0, |_| {})?;
        }
        self.foreman.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.foreman.stop()
    }
}

/// An answer, or a notice of a death.
#[inline]
fn sorted<R>(seen: &[u8], read: impl FnOnce(&[u8]) -> R) -> Collected<R> {
    if seen.len() == NOTICE_BYTES {
        return Collected::Lost(loss(seen));
    }
    Collected::Answer(read(seen))
}

#[cold]
fn loss(notice: &[u8]) -> Loss {
    let (mut frame, mut worker) = ([0; 8], [0; 4]);
    frame.copy_from_slice(&notice[..8]);
    worker.copy_from_slice(&notice[8..]);
    let frame = u64::from_le_bytes(frame);
    Loss { worker: u32::from_le_bytes(worker), frame: (frame != NO_FRAME).then_some(frame) }
}
