//! Floors of a single CPU: system calls, copies, payload access, page faults, and interruptions.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::transfer::Arena;
use super::super::{MeasureError, histogram};
use super::{READINGS, SIZES, lowest, sized, units, walk};
use crate::address::Endpoint;
use crate::clock::{self, Anchor, pause::pause};
use crate::record::{IdleNoise, SizedFloor, Substrate};
use crate::shm::{self, Segment};

/// Duration of the idle-noise record.
const NOISE_NS: u64 = 100_000_000;

/// Time of one trivial system call.
pub(super) fn system_call_ns() -> f64 {
    alone(1.0, |count| {
        for _ in 0..count {
            hint::black_box(nix::unistd::getppid());
        }
    })
}

/// Time of one atomic addition to a word on the stack; each depends on the last.
pub(super) fn atomic_ns() -> f64 {
    let word = AtomicU64::new(0);
    alone(5.0, |count| {
        for _ in 0..count {
            hint::black_box(&word).fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Time of one pause hint.
pub(super) fn pause_ns() -> f64 {
    alone(50.0, |count| pause(u32::try_from(count).unwrap_or(u32::MAX)))
}

/// Nanoseconds per unit of `work` on this CPU: the lowest of several readings, after a pilot.
fn alone(guess_ns: f64, mut work: impl FnMut(u64)) -> f64 {
    let mut timed = |count: u64| {
        let start = clock::now_ns();
        work(count);
        (clock::now_ns() - start) as f64 / count as f64
    };
    let pilot_ns = timed(units(guess_ns.max(50.0)));
    lowest((0..READINGS).map(|_| timed(units(pilot_ns))).collect())
}

/// Times of payload access and of copies, by size.
pub(super) fn one_core(arena: &mut Arena) -> Result<(Vec<SizedFloor>, Vec<SizedFloor>), MeasureError> {
    let (mut touch, mut copy) = (vec![], vec![]);
    for bytes in SIZES {
        let walk = walk(bytes);
        let mut trouble = None;
        let ns = alone(bytes as f64 / 8.0, |n| trouble = trouble.take().or(arena.touch(walk, n).err()));
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        touch.push(sized(walk, ns));
        copy.push(sized(walk, alone(bytes as f64 / 16.0, |n| arena.copy(walk, n))));
    }
    Ok((touch, copy))
}

/// Time of the first access to a page of fresh shared memory.
pub(super) fn page_fault_ns() -> Result<f64, MeasureError> {
    const BYTES: usize = 4 << 20;
    let page_bytes =
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |n| n as usize);
    let pages = BYTES / page_bytes;
    let mut readings = vec![];
    for _ in 0..READINGS {
        let address = shm::create(Substrate::Memfd, BYTES)?;
        let segment = Segment::attach(&address, Endpoint::Sender, BYTES)?;
        let start = clock::now_ns();
        for page in 0..pages {
            segment.touch(page * page_bytes);
        }
        readings.push((clock::now_ns() - start) as f64 / pages as f64);
    }
    Ok(lowest(readings))
}

/// Gaps between consecutive tick reads on this CPU while the other processes sleep.
pub(super) fn idle_noise() -> IdleNoise {
    const OVER_NS: u64 = 1000;
    let trusted = clock::ticks_are_invariant();
    let ns_per_tick = clock::ticks_hz().filter(|_| trusted).map_or(1.0, |hz| 1e9 / hz as f64);
    let mut gaps = histogram::empty();
    let (mut longest, mut stolen) = (0, 0);
    let start = Anchor::now(trusted);
    let mut last = clock::tick(trusted);
    loop {
        let now = clock::tick(trusted);
        let gap = (now.saturating_sub(last) as f64 * ns_per_tick) as u64;
        gaps.saturating_record(gap.max(1));
        longest = longest.max(gap);
        stolen += if gap > OVER_NS { gap } else { 0 };
        last = now;
        let elapsed = ((last.saturating_sub(start.tick)) as f64 * ns_per_tick) as u64;
        if elapsed >= NOISE_NS {
            return IdleNoise {
                elapsed_ns: elapsed,
                longest_gap_ns: longest,
                stolen_share: stolen as f64 / elapsed as f64,
                histogram: histogram::encode(&gaps).unwrap_or_default(),
            };
        }
    }
}
