//! What the machine itself takes to hand a cache line, a wake-up or a buffer from one CPU to another: the loops behind
//! every floor. No queue, no check beyond the payload's own; the least a shared-memory transport could do.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::Trouble;
use crate::clock;
use crate::payload::{expected, fill, fold, stamp};
use crate::shm::{Segment, SharedLayout};
use crate::{abort, futex};

/// Words that two roles bounce, each on a pair of lines of its own so that neighbours are not fetched along.
#[repr(C, align(128))]
struct Word(AtomicU64);

#[repr(C, align(128))]
struct Bell(AtomicU32);

// SAFETY: repr(C), one atomic, zero is its start.
unsafe impl SharedLayout for Word {}
// SAFETY: repr(C), one atomic, zero is its start.
unsafe impl SharedLayout for Bell {}

const OUT: usize = 0;
const BACK: usize = 128;
const BELL: usize = 256;
const PRODUCED: usize = 384;
const CONSUMED: usize = 512;
const DATA: usize = 4096;
const LINE: usize = 64;
const PRODUCER: u16 = 9;
/// Long enough for a process that has nothing to do to be asleep.
const FALL_ASLEEP_NS: u64 = 15_000;
const PAUSED: Polls = Polls { before: 0, between: 1 };
/// Small messages are handed over in batches of this size, the way a perfect queue would.
const BATCH_BYTES: usize = 4096;

/// Which side of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Starts, and is timed.
    First,
    /// Answers.
    Second,
}

/// How a side looks for the line to change. Polling a line while its writer still waits for it delays the writer, so the
/// best rhythm depends on the distance between the CPUs: on one pair of far virtual CPUs a round trip took 530 ns with
/// plain polls, 490 ns with pauses, and 360 ns when the first poll came just before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Pause hints before the first poll.
    before: u32,
    /// Pause hints between polls.
    between: u32,
}

impl Polls {
    /// Rhythms to try; the floor is the lowest of them.
    pub const SWEEP: [Self; 9] = [
        Self { before: 0, between: 0 },
        Self { before: 0, between: 1 },
        Self { before: 1, between: 1 },
        Self { before: 2, between: 1 },
        Self { before: 3, between: 1 },
        Self { before: 5, between: 1 },
        Self { before: 8, between: 1 },
        Self { before: 12, between: 1 },
        Self { before: 16, between: 1 },
    ];

    #[inline]
    fn until(self, done: impl Fn() -> bool) -> io::Result<()> {
        pause(self.before);
        loop {
            for _ in 0..4096 {
                if done() {
                    return Ok(());
                }
                pause(self.between);
            }
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }
}

/// Buffers walked over by a hand-over of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Size of one message.
    pub message_bytes: usize,
    /// Messages before the walk comes back to the first; a power of two.
    pub slots: usize,
}

impl Walk {
    /// As many slots as `footprint_bytes` holds, at least four; two for messages from 16 MiB on.
    pub fn within(footprint_bytes: usize, message_bytes: usize) -> Self {
        let least = if message_bytes >= 16 << 20 { 2 } else { 4 };
        let slots = (footprint_bytes / stride(message_bytes)).max(least);
        Self { message_bytes, slots: if slots.is_power_of_two() { slots } else { slots.next_power_of_two() / 2 } }
    }

    /// Bytes the walk touches.
    pub fn footprint_bytes(&self) -> usize {
        self.slots * stride(self.message_bytes)
    }

    /// Size of a segment for it.
    pub fn segment_bytes(&self) -> usize {
        DATA + self.footprint_bytes()
    }

    fn batch(&self) -> u64 {
        (BATCH_BYTES / stride(self.message_bytes).max(1)).clamp(1, (self.slots / 4).max(1)) as u64
    }
}

/// Small messages lie side by side; from a line on, each starts on a line.
fn stride(message_bytes: usize) -> usize {
    message_bytes.max(1).next_multiple_of(if message_bytes < LINE { 8 } else { LINE })
}

/// A segment, and how far each kind of bouncing has come in it.
pub struct Arena {
    segment: Segment,
    bounced: u64,
    rung: u32,
    walked: u64,
    turned: u64,
}

impl Arena {
    /// The arena in a fresh `segment`. Both sides must do the same things in the same order.
    pub fn new(segment: Segment) -> Self {
        Self { segment, bounced: 0, rung: 0, walked: 0, turned: 0 }
    }

    /// `count` round trips of one line each way, or of one line written by both sides.
    pub fn bounce(&mut self, side: Side, two_lines: bool, polls: Polls, count: u64) -> io::Result<()> {
        let out = &self.segment.view::<Word>(OUT).0;
        let back = if two_lines { &self.segment.view::<Word>(BACK).0 } else { out };
        let start = self.bounced;
        self.bounced += count;
        for i in start..start + count {
            let (there, here) = if two_lines { (i + 1, i + 1) } else { (2 * i + 1, 2 * i + 2) };
            match side {
                Side::First => {
                    out.store(there, Ordering::Release);
                    polls.until(|| back.load(Ordering::Acquire) == here)?;
                }
                Side::Second => {
                    polls.until(|| out.load(Ordering::Acquire) == there)?;
                    back.store(here, Ordering::Release);
                }
            }
        }
        Ok(())
    }

    /// Clears the bounced words between variants; only while the other side waits on the control page.
    pub fn reset(&mut self) {
        self.bounced = 0;
        self.segment.view::<Word>(OUT).0.store(0, Ordering::Relaxed);
        self.segment.view::<Word>(BACK).0.store(0, Ordering::Relaxed);
    }

    /// `count` futex round trips: each side wakes the other and sleeps.
    pub fn ring(&mut self, side: Side, count: u32) -> io::Result<()> {
        let bell = &self.segment.view::<Bell>(BELL).0;
        for _ in 0..count {
            let base = self.rung;
            self.rung = base.wrapping_add(2);
            if side == Side::Second {
                sleep_while(bell, base)?;
            }
            bell.fetch_add(1, Ordering::Release);
            futex::wake(bell, 1)?;
            if side == Side::First {
                sleep_while(bell, base.wrapping_add(1))?;
            }
        }
        Ok(())
    }

    /// Wakes a sleeper on another CPU `count` times each way; gives the mean time from ringing to being awake, in
    /// nanoseconds. Each side lets the other fall asleep first: two quick CPUs would else find the word changed before
    /// they slept, and measure no wake at all.
    pub fn rouse(&mut self, side: Side, count: u32) -> io::Result<f64> {
        let bell = &self.segment.view::<Bell>(BELL).0;
        let rang = &self.segment.view::<Word>(BACK).0;
        let mut total_ns = 0;
        for _ in 0..count {
            let base = self.rung;
            self.rung = base.wrapping_add(2);
            let mine = base.wrapping_add(u32::from(side == Side::Second));
            if side == Side::Second {
                sleep_while(bell, base)?;
                total_ns += clock::now_ns().saturating_sub(rang.load(Ordering::Relaxed));
            }
            let asleep_by = clock::now_ns() + FALL_ASLEEP_NS;
            while clock::now_ns() < asleep_by {}
            rang.store(clock::now_ns(), Ordering::Relaxed);
            // PAIRS: roused; the stamp above is seen by whoever sees the new value.
            bell.store(mine.wrapping_add(1), Ordering::Release);
            futex::wake(bell, 1)?;
            if side == Side::First {
                sleep_while(bell, mine.wrapping_add(1))?;
                total_ns += clock::now_ns().saturating_sub(rang.load(Ordering::Relaxed));
            }
        }
        Ok(total_ns as f64 / f64::from(count.max(1)))
    }

    /// `count` messages, one side writing while the other reads every byte.
    pub fn pour(&mut self, side: Side, walk: Walk, count: u64) -> Result<(), Trouble> {
        let produced = &self.segment.view::<Word>(PRODUCED).0;
        let consumed = &self.segment.view::<Word>(CONSUMED).0;
        let (start, end, batch) = (self.walked, self.walked + count, walk.batch());
        let mut seen = match side {
            Side::First => consumed.load(Ordering::Acquire),
            Side::Second => produced.load(Ordering::Acquire),
        };
        for i in start..end {
            let at_batch_end = (i + 1).is_multiple_of(batch) || i + 1 == end;
            if side == Side::First {
                while i - seen >= walk.slots as u64 {
                    PAUSED.until(|| consumed.load(Ordering::Acquire) != seen)?;
                    seen = consumed.load(Ordering::Acquire);
                }
                fill(self.slot(walk, i), stamp(PRODUCER, i));
                if at_batch_end {
                    produced.store(i + 1, Ordering::Release);
                }
            } else {
                while seen <= i {
                    PAUSED.until(|| produced.load(Ordering::Acquire) > i)?;
                    seen = produced.load(Ordering::Acquire);
                }
                self.verify(walk, i)?;
                if at_batch_end {
                    consumed.store(i + 1, Ordering::Release);
                }
            }
        }
        if side == Side::First {
            // The clock of the first side stops when the last message has been read, not when it was written.
            PAUSED.until(|| consumed.load(Ordering::Acquire) >= end)?;
        }
        self.walked = end;
        Ok(())
    }

    /// `count` round trips of a message each way, in turns: write, hand over, read.
    pub fn turn(&mut self, side: Side, walk: Walk, count: u64) -> Result<(), Trouble> {
        let turns = &self.segment.view::<Word>(PRODUCED).0;
        let start = self.turned;
        self.turned += count;
        // `pour` left its own count in the word; turns go on from there.
        let base = self.walked;
        for i in start..start + count {
            let (mine, theirs) = if side == Side::First { (2 * i, 2 * i + 1) } else { (2 * i + 1, 2 * i) };
            if side == Side::Second {
                PAUSED.until(|| turns.load(Ordering::Acquire) == base + theirs + 1)?;
                self.verify(walk, theirs)?;
            }
            fill(self.slot(walk, mine), stamp(PRODUCER, mine));
            turns.store(base + mine + 1, Ordering::Release);
            if side == Side::First {
                PAUSED.until(|| turns.load(Ordering::Acquire) == base + theirs + 1)?;
                self.verify(walk, theirs)?;
            }
        }
        Ok(())
    }

    /// `count` messages written and read on this CPU alone.
    pub fn touch(&mut self, walk: Walk, count: u64) -> Result<(), Trouble> {
        for i in 0..count {
            fill(self.slot(walk, i), stamp(PRODUCER, i));
            self.verify(walk, i)?;
        }
        Ok(())
    }

    /// `count` copies on this CPU alone, from one half of the walk to the other.
    pub fn copy(&mut self, walk: Walk, count: u64) {
        let half = (walk.slots / 2) as u64;
        for i in 0..count {
            let (from, to) = (self.at(walk, i % half), self.at(walk, half + i % half));
            // SAFETY: the two slots lie in distinct halves of the segment, both inside it (checked by `at`), and the
            // other side is idle during this loop.
            unsafe { std::ptr::copy_nonoverlapping(from, to, walk.message_bytes) };
            std::hint::black_box(to);
        }
    }

    /// Forgets what was poured and turned; only while the other side waits on the control page.
    pub fn rewind(&mut self) {
        (self.walked, self.turned) = (0, 0);
        self.segment.view::<Word>(PRODUCED).0.store(0, Ordering::Relaxed);
        self.segment.view::<Word>(CONSUMED).0.store(0, Ordering::Relaxed);
    }

    fn verify(&self, walk: Walk, i: u64) -> Result<(), Trouble> {
        let sum = fold(self.slot(walk, i));
        if sum == expected(walk.message_bytes, stamp(PRODUCER, i)) {
            return Ok(());
        }
        Err(Trouble::Invalid(format!(
            "the floor's own message {i} of {} bytes arrived with wrong bytes",
            walk.message_bytes
        )))
    }

    fn at(&self, walk: Walk, i: u64) -> *mut u8 {
        let slot = i as usize & (walk.slots - 1);
        self.segment.at(DATA + slot * stride(walk.message_bytes), walk.message_bytes)
    }

    #[allow(clippy::mut_from_ref)] // the other process holds the same bytes; who may touch them is the loop's protocol
    fn slot(&self, walk: Walk, i: u64) -> &mut [u8] {
        // SAFETY: `at` checked the range. In every loop above a slot belongs to one side at a time: to the writer until
        // its Release store of the count, to the reader from the matching Acquire load until it gives the slot back.
        unsafe { std::slice::from_raw_parts_mut(self.at(walk, i), walk.message_bytes) }
    }
}

#[inline]
fn pause(hints: u32) {
    for _ in 0..hints {
        std::hint::spin_loop();
    }
}

fn sleep_while(bell: &AtomicU32, value: u32) -> io::Result<()> {
    while bell.load(Ordering::Acquire) == value {
        futex::wait(bell, value, Duration::from_millis(50))?;
        if abort::requested() {
            return Err(abort::error());
        }
    }
    Ok(())
}
