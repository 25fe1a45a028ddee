//! Loops behind every floor: move a cache line, a wake-up or a buffer from one CPU to another, without a queue and
//! without checks except those of the payload. Their times are lower bounds for any transport.
#![allow(unsafe_code)]

mod polls;
mod walk;

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

pub use polls::Polls;
use walk::Buffers;
pub use walk::Walk;

use super::{MeasureError, histogram};
use crate::clock;
use crate::shm::{Segment, SharedLayout};
use crate::{abort, futex};

/// Word that two roles bounce, on its own pair of lines so that no neighbour is prefetched.
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
/// Offset of the other pairs of words to bounce.
const PAIRS: usize = 1024;
/// Pairs of words to bounce. A round trip depends on where in a shared cache a line is kept, which its address decides: on
/// near virtual CPUs the fastest of these pairs was 15 % below their median in half of the measurements, 48 % at most.
pub const PLACES: usize = 8;
/// Distance of the pages whose places [`Arena::bounce`] also takes, [`PLACES`] of each.
pub const PAGE_BYTES: usize = 4096;
const BELL: usize = 256;
const PRODUCED: usize = 384;
const CONSUMED: usize = 512;
const STARTED: usize = 640;
const ENDED: usize = 768;
const PRODUCER: u16 = 9;
/// Time in which an idle process falls asleep.
const FALL_ASLEEP_NS: u64 = 15_000;
/// Least messages of a stream before the timed ones, so that both sides run.
const LEAD_IN: u64 = 32;

/// How far a stream's writer may be ahead of the reader. Which is faster depends on the processor: bytes that were just
/// written come from the other core's cache, older ones from a cache that both share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// 256 KiB.
    Near,
    /// All buffers.
    Far,
}

impl Ahead {
    /// In buffers of `walk`.
    fn buffers(self, walk: Walk) -> u64 {
        let least = 4 * walk.batch();
        let near = (256 * 1024 / walk.stride() as u64).max(least);
        if self == Self::Near { near.min(walk.slots as u64) } else { walk.slots as u64 }
    }
}

/// Side of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Starts the transfer and is timed.
    First,
    /// Responds.
    Second,
}

/// Segment with the progress of each kind of loop.
pub struct Arena {
    segment: Segment,
    bounced: u64,
    rung: u32,
    walked: u64,
    turned: u64,
}

impl Arena {
    /// Creates an arena in a fresh `segment`. Both sides must call the same methods in the same order.
    pub fn new(segment: Segment) -> Self {
        Self { segment, bounced: 0, rung: 0, walked: 0, turned: 0 }
    }

    /// Runs `count` round trips of one line each way, or of one line that both sides write, in one of [`PLACES`] of each page.
    pub fn bounce(&mut self, side: Side, two_lines: bool, place: usize, polls: Polls, count: u64) -> io::Result<()> {
        let start = self.bounced;
        self.bounced += count;
        let [out, back] = self.pair(place);
        let back = if two_lines { back } else { out };
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

    /// Clears the words of [`bounce`](Self::bounce). The other side must be waiting on the control page.
    pub fn reset(&mut self) {
        self.bounced = 0;
        let words = (0..PLACES).flat_map(|place| self.pair(place));
        words.for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Replaces the pages by fresh ones on the memory node of the calling thread. The other side must be waiting on the control
    /// page.
    ///
    /// Errors: the kernel cannot free pages of this memory.
    pub fn renew(&mut self) -> io::Result<()> {
        self.segment.renew()
    }

    /// Words of a place, out and back.
    fn pair(&self, place: usize) -> [&AtomicU64; 2] {
        let (page, within) = (place / PLACES * PAGE_BYTES, place % PLACES);
        let (out, back) = match within {
            0 => (OUT, BACK),
            other => (PAIRS + 256 * other, PAIRS + 256 * other + 128),
        };
        [out, back].map(|offset| &self.segment.view::<Word>(page + offset).0)
    }

    /// Runs `count` futex round trips: each side wakes the other, then sleeps.
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

    /// Wakes the other side `count` times each way; returns the median time from the wake call until it runs, in
    /// nanoseconds: a few wakes that wait for other load on the CPU would decide the mean. Each side first lets the other
    /// fall asleep: otherwise a fast CPU would see the new value before it sleeps, and measure no wake-up.
    pub fn wake_counted(&mut self, side: Side, count: u32) -> io::Result<f64> {
        let bell = &self.segment.view::<Bell>(BELL).0;
        let rang = &self.segment.view::<Word>(BACK).0;
        let mut delays_ns = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let base = self.rung;
            self.rung = base.wrapping_add(2);
            let mine = base.wrapping_add(u32::from(side == Side::Second));
            if side == Side::Second {
                sleep_while(bell, base)?;
                delays_ns.push(clock::now_ns().saturating_sub(rang.load(Ordering::Relaxed)) as f64);
            }
            let asleep_by = clock::now_ns() + FALL_ASLEEP_NS;
            while clock::now_ns() < asleep_by {}
            rang.store(clock::now_ns(), Ordering::Relaxed);
            // PAIRS: roused. A waiter that sees the new value sees the stamp above, too.
            bell.store(mine.wrapping_add(1), Ordering::Release);
            futex::wake(bell, 1)?;
            if side == Side::First {
                sleep_while(bell, mine.wrapping_add(1))?;
                delays_ns.push(clock::now_ns().saturating_sub(rang.load(Ordering::Relaxed)) as f64);
            }
        }
        Ok(histogram::median(delays_ns))
    }

    /// Streams messages, and times at least `count` of them: one side writes while the other reads every byte.
    ///
    /// Returns nanoseconds per message between two stamps of the reader, taken after the pipeline has filled and after
    /// the last message; `None` on the side of the reader.
    pub fn pour(
        &mut self,
        side: Side,
        walk: Walk,
        ahead: Ahead,
        polls: Polls,
        count: u64,
    ) -> Result<Option<f64>, MeasureError> {
        let (batch, ahead) = (walk.batch(), ahead.buffers(walk));
        // The buffers hold as many messages at the first stamp as at the last, so that none is read from a stock.
        let (lead_in, timed) = (LEAD_IN.max(2 * ahead).next_multiple_of(batch), count.next_multiple_of(batch));
        let start = self.walked;
        let (first, end) = (start + lead_in, start + lead_in + timed);
        self.walked = end;
        let [produced, consumed, started, ended] =
            [PRODUCED, CONSUMED, STARTED, ENDED].map(|offset| &self.segment.view::<Word>(offset).0);
        let buffers = Buffers::new(&self.segment, walk);
        match side {
            Side::First => {
                let mut seen = consumed.load(Ordering::Acquire);
                for i in start..end {
                    while i - seen >= ahead {
                        polls.until(|| consumed.load(Ordering::Acquire) != seen)?;
                        seen = consumed.load(Ordering::Acquire);
                    }
                    buffers.fill(i);
                    if (i + 1) & (batch - 1) == 0 {
                        produced.store(i + 1, Ordering::Release);
                    }
                }
                polls.until(|| consumed.load(Ordering::Acquire) >= end)?;
                let elapsed_ns = ended.load(Ordering::Relaxed).saturating_sub(started.load(Ordering::Relaxed));
                Ok(Some(elapsed_ns as f64 / timed as f64))
            }
            Side::Second => {
                let mut seen = produced.load(Ordering::Acquire);
                for (from, to, stamp) in [(start, first, started), (first, end, ended)] {
                    for i in from..to {
                        while seen <= i {
                            polls.until(|| produced.load(Ordering::Acquire) > i)?;
                            seen = produced.load(Ordering::Acquire);
                        }
                        buffers.verify(i)?;
                        if (i + 1) & (batch - 1) == 0 && i + 1 < to {
                            consumed.store(i + 1, Ordering::Release);
                        }
                    }
                    stamp.store(clock::now_ns(), Ordering::Relaxed);
                    // The writer reads the stamps after it has seen the last count.
                    consumed.store(to, Ordering::Release);
                }
                Ok(None)
            }
        }
    }

    /// Runs `count` round trips of a message by turns: write, hand over, read. Each side writes its own word.
    pub fn turn(&mut self, side: Side, walk: Walk, polls: Polls, count: u64) -> Result<(), MeasureError> {
        let out = &self.segment.view::<Word>(PRODUCED).0;
        let back = &self.segment.view::<Word>(CONSUMED).0;
        let start = self.turned;
        self.turned += count;
        let buffers = Buffers::new(&self.segment, walk);
        for i in start..start + count {
            let (there, here) = (2 * i, 2 * i + 1);
            match side {
                Side::First => {
                    buffers.fill(there);
                    out.store(i + 1, Ordering::Release);
                    polls.until(|| back.load(Ordering::Acquire) == i + 1)?;
                    buffers.verify(here)?;
                }
                Side::Second => {
                    polls.until(|| out.load(Ordering::Acquire) == i + 1)?;
                    buffers.verify(there)?;
                    buffers.fill(here);
                    back.store(i + 1, Ordering::Release);
                }
            }
        }
        Ok(())
    }

    /// Writes and reads `count` messages on this CPU only.
    pub fn touch(&mut self, walk: Walk, count: u64) -> Result<(), MeasureError> {
        let buffers = Buffers::new(&self.segment, walk);
        for i in 0..count {
            buffers.fill(i);
            buffers.verify(i)?;
        }
        Ok(())
    }

    /// Copies `count` messages on this CPU only, from one half of the walk to the other.
    pub fn copy(&mut self, walk: Walk, count: u64) {
        let buffers = Buffers::new(&self.segment, walk);
        let half = (walk.slots / 2) as u64;
        for i in 0..count {
            buffers.copy(i & (half - 1), half + (i & (half - 1)));
            std::hint::black_box(&buffers);
        }
    }

    /// Resets the counters. The other side must be waiting on the control page.
    pub fn rewind(&mut self) {
        (self.walked, self.turned) = (0, 0);
        self.segment.view::<Word>(PRODUCED).0.store(0, Ordering::Relaxed);
        self.segment.view::<Word>(CONSUMED).0.store(0, Ordering::Relaxed);
    }
}

fn sleep_while(bell: &AtomicU32, value: u32) -> io::Result<()> {
    // PAIRS: roused
    while bell.load(Ordering::Acquire) == value {
        futex::wait(bell, value, Duration::from_millis(50))?;
        if abort::requested() {
            return Err(abort::error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_wakes_that_waited_for_a_cpu_do_not_decide_the_price_of_a_wake() {
        let waited = [4_000_000.0, 3_000.0, 3_100.0, 8_000_000.0, 2_900.0, 3_050.0, 3_200.0];
        assert!((histogram::median(waited.to_vec()) - 3_100.0).abs() < f64::EPSILON);
        assert!(histogram::median(vec![]).abs() < f64::EPSILON);
    }
}
