//! Clocks: the system's monotonic nanoseconds, and the processor's tick counter where it is reliable.
//!
//! Reading the tick counter costs a fraction of a clock read and needs no shared page, so it stamps single trips. It is
//! trusted only if the hardware guarantees a constant rate, the kernel uses it as its clock source, and a test between
//! the CPUs in use finds no stamp from the future. Otherwise each `tick` is a plain clock read: correct, but slower.
//! Ticks are converted to nanoseconds by the two [`Anchor`]s of the window that they were taken in, so no calibration
//! can go stale.
#![allow(unsafe_code)]

mod core_clock;
pub mod pause;
mod proof;

use std::hint;
use std::sync::OnceLock;

use nix::time::{ClockId, clock_gettime};

pub use core_clock::core_step_ns;
pub use proof::ticks_synchronised;

/// Nanoseconds of `CLOCK_MONOTONIC`: the same in every process, counted from an unspecified start.
#[inline]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux always has CLOCK_MONOTONIC");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// The raw tick counter: `rdtsc` on x86-64, `cntvct_el0` on aarch64.
///
/// The processor may execute it a few instructions early or late. A fence would add more to each trip than it corrects,
/// and in a chain of stamps these shifts cancel.
#[inline(always)]
#[allow(clippy::inline_always)] // one instruction; a call around it would cost more than itself
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has rdtsc, and Linux allows it in user space unless prctl(PR_SET_TSC) forbids it,
    // which nothing in this workspace calls.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: reads one register that Linux makes readable in user space for its own vDSO clock; touches neither
        // memory nor flags.
        unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
        count
    }
}

/// The tick counter after all earlier instructions have finished, for stamps that must not be taken early.
fn ticks_in_order() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lfence belongs to SSE2, which every x86-64 processor has.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a barrier without operands. `nomem` is not set, so the compiler moves no memory access past it.
    unsafe {
        std::arch::asm!("isb", options(nostack, preserves_flags));
    }
    ticks()
}

/// [`ticks`] if trusted, else [`now_ns`]. The choice is made once per trial, so the branch is predicted.
#[inline(always)]
#[allow(clippy::inline_always)] // see `ticks`
pub fn tick(trusted: bool) -> u64 {
    if trusted { ticks() } else { now_ns() }
}

/// True if the counter has the same rate in every power state: on x86-64 CPUID states it and the kernel relies on it,
/// on aarch64 the architecture guarantees it.
pub fn ticks_are_invariant() -> bool {
    static INVARIANT: OnceLock<bool> = OnceLock::new();
    *INVARIANT.get_or_init(invariant)
}

#[cfg(target_arch = "x86_64")]
fn invariant() -> bool {
    let promised =
        raw_cpuid::CpuId::new().get_advanced_power_mgmt_info().is_some_and(|power| power.has_invariant_tsc());
    // The kernel watches the counter and changes to another source if it drifts or differs between sockets.
    let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    promised && source.is_ok_and(|name| name.trim() == "tsc")
}

#[cfg(target_arch = "aarch64")]
fn invariant() -> bool {
    true
}

/// Frequency of the tick counter in Hz, if it is invariant: on aarch64 from a register; on x86-64 measured over 20 ms,
/// once per process, and rounded to 0.1 MHz, the precision of that measurement.
pub fn ticks_hz() -> Option<u64> {
    static HZ: OnceLock<Option<u64>> = OnceLock::new();
    *HZ.get_or_init(|| ticks_are_invariant().then(frequency))
}

#[cfg(target_arch = "x86_64")]
fn frequency() -> u64 {
    let start = Anchor::now(true);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let ns_per_tick = start.ns_per_tick(&Anchor::now(true));
    (1e9 / ns_per_tick / 1e5).round() as u64 * 100_000
}

#[cfg(target_arch = "aarch64")]
fn frequency() -> u64 {
    let hz: u64;
    // SAFETY: reads one register that Linux makes readable in user space together with the counter.
    unsafe { std::arch::asm!("mrs {}, cntfrq_el0", out(reg) hz, options(nomem, nostack, preserves_flags)) };
    hz
}

/// Step of [`tick`] in nanoseconds; `ns_per_tick` as [`Anchor::ns_per_tick`] has it. A time between two stamps is only
/// known to a step. Measured once per process, since a counter may move in larger steps than its frequency says.
pub fn step_ns(trusted: bool, ns_per_tick: f64) -> f64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    if trusted { *TICKS.get_or_init(|| resolution(ticks)) as f64 * ns_per_tick } else { now_step_ns() }
}

/// Step of [`now_ns`] in nanoseconds.
pub fn now_step_ns() -> f64 {
    static NANOSECONDS: OnceLock<u64> = OnceLock::new();
    *NANOSECONDS.get_or_init(|| resolution(now_ns)) as f64
}

/// Step of a clock, from reads with different pauses between them.
fn resolution(read: impl Fn() -> u64) -> u64 {
    const READS: u64 = 2_000;
    let elapsed = |at: u64| {
        let before = read();
        for round in 0..at % 64 {
            hint::black_box(round);
        }
        read().saturating_sub(before)
    };
    smallest_step((0..READS).map(elapsed).collect())
}

/// Smallest difference between elapsed times that a clock tells apart. A step that is no whole number of units, such as
/// 41.67 ns, shows as two neighbouring numbers; three of them in a row are steps of one unit. Rare numbers do not count: a
/// processor whose counter moves in steps of 26 may add 1, so that no two reads are equal.
fn smallest_step(mut elapsed: Vec<u64>) -> u64 {
    elapsed.sort_unstable();
    let same: Vec<&[u64]> = elapsed.chunk_by(|a, b| a == b).collect();
    let most = same.iter().map(|same| same.len()).max().unwrap_or(0);
    let usual = same.iter().filter(|same| same.len() * 10 >= most).map(|same| same[0]);
    let mut elapsed: Vec<u64> = std::iter::once(0).chain(usual).collect();
    elapsed.dedup();
    if elapsed.windows(3).any(|three| three[2] - three[0] == 2) {
        return 1;
    }
    let gaps = elapsed.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.filter(|gap| *gap > 1).min().unwrap_or(1)
}

/// The same time on both clocks.
///
/// ```
/// use ipcmark_core::clock::{Anchor, tick, ticks_synchronised};
///
/// let trusted = ticks_synchronised(&[]);
/// let start = Anchor::now(trusted);
/// let stamp = tick(trusted);
/// let end = Anchor::now(trusted);
/// let elapsed_ns = stamp.saturating_sub(start.tick) as f64 * start.ns_per_tick(&end);
/// assert!(elapsed_ns >= 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// [`now_ns`].
    pub ns: u64,
    /// [`tick`] at the same moment.
    pub tick: u64,
}

impl Anchor {
    /// The current time. Takes the best of five attempts, the one with the shortest time between the clock reads, so
    /// that an interrupt between two reads does not distort the window.
    pub fn now(trusted: bool) -> Self {
        if !trusted {
            let ns = now_ns();
            return Self { ns, tick: ns };
        }
        let attempt = || {
            let before = ticks_in_order();
            let ns = now_ns();
            let gap = ticks_in_order().saturating_sub(before);
            (gap, Self { ns, tick: before + gap / 2 })
        };
        let tries = [attempt(), attempt(), attempt(), attempt(), attempt()];
        tries.into_iter().min_by_key(|(gap, _)| *gap).map(|(_, anchor)| anchor).expect("five tries")
    }

    /// Nanoseconds per tick between this anchor and a `later` one. Not negative if the anchors are swapped; 1 if ticks
    /// are untrusted and therefore nanoseconds.
    pub fn ns_per_tick(&self, later: &Self) -> f64 {
        let ns = later.ns.saturating_sub(self.ns);
        let ticks = later.tick.saturating_sub(self.tick);
        ns as f64 / ticks.max(1) as f64
    }

    /// [`step_ns`] of the stamps between this anchor and a `later` one.
    pub fn step_ns(&self, later: &Self) -> f64 {
        step_ns(self.ns != self.tick, self.ns_per_tick(later))
    }
}

/// Cost and resolution of the clocks.
#[derive(Clone, Copy, Debug)]
pub struct ClockCost {
    /// One [`now_ns`], in nanoseconds.
    pub read_ns: f64,
    /// Smallest non-zero step between two reads of it, in nanoseconds.
    pub step_ns: f64,
    /// One [`ticks`], in nanoseconds.
    pub tick_read_ns: f64,
}

/// Measures the clocks on this CPU within a few milliseconds. Takes the fastest of several blocks, since a disturbance
/// can only add time.
pub fn measure_cost() -> ClockCost {
    ClockCost { read_ns: cost_ns(now_ns), step_ns: smallest_step_ns(), tick_read_ns: cost_ns(ticks) }
}

fn cost_ns(read: impl Fn() -> u64) -> f64 {
    const BLOCKS: u32 = 10;
    const READS: u32 = 5_000;
    let block = |_| {
        let start = now_ns();
        for _ in 0..READS {
            hint::black_box(read());
        }
        now_ns() - start
    };
    let fastest = (0..BLOCKS).map(block).min().unwrap_or(0);
    fastest as f64 / f64::from(READS)
}

fn smallest_step_ns() -> f64 {
    const STEPS: usize = 10_000;
    let mut last = now_ns();
    let step = || {
        let now = now_ns();
        let step = now - last;
        last = now;
        step
    };
    let smallest = std::iter::repeat_with(step).take(STEPS).filter(|step| *step > 0).min();
    smallest.unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_clock_runs_backwards() {
        let (ns, tick) = (now_ns(), ticks_in_order());
        assert!(now_ns() >= ns);
        // The thread may move between CPUs here, so this holds only if the counters agree.
        assert!(ticks_in_order() >= tick || !ticks_synchronised(&[]));
    }

    #[test]
    fn untrusted_ticks_are_nanoseconds() {
        let start = Anchor::now(false);
        while now_ns() == start.ns {}
        let later = Anchor::now(false);
        assert_eq!(start.ns, start.tick);
        assert!((start.ns_per_tick(&later) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_window_converts_ticks_to_nanoseconds_and_never_below_zero() {
        let (start, later) = (Anchor { ns: 1_000, tick: 50 }, Anchor { ns: 2_000, tick: 2_550 });
        assert!((start.ns_per_tick(&later) - 0.4).abs() < 1e-12);
        assert!(later.ns_per_tick(&start).abs() < f64::EPSILON);
        assert!(start.ns_per_tick(&start).abs() < f64::EPSILON);
    }

    #[test]
    fn both_clocks_measure_the_same_window() {
        if !ticks_are_invariant() || !ticks_synchronised(&[]) {
            return; // no time is taken from ticks here
        }
        let hz = ticks_hz().expect("invariant ticks have a frequency") as f64;
        let start = Anchor::now(true);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let ns_per_tick = start.ns_per_tick(&Anchor::now(true));
        assert!((ns_per_tick * hz / 1e9 - 1.0).abs() < 0.01, "{ns_per_tick} ns per tick at {hz} Hz");
    }

    #[test]
    fn the_step_of_a_clock_is_the_smallest_difference_it_makes() {
        // 25 MHz in nanoseconds, 24 MHz rounded to nanoseconds, one count per tick, even counts, any nanosecond.
        let cases: [(&[u64], u64); 5] = [
            (&[40, 80, 40, 0, 120], 40),
            (&[41, 42, 83, 84, 125, 0], 41),
            (&[0, 1, 0, 1], 1),
            (&[22, 24, 28, 30], 2),
            (&[21, 22, 23, 40, 90], 1),
        ];
        for (elapsed, step) in cases {
            assert_eq!(smallest_step(elapsed.to_vec()), step, "{elapsed:?}");
        }
        // As an AMD EPYC counts, 100 MHz in units of 2.6 GHz.
        let seen = [(26, 1737), (52, 128), (78, 35), (1, 100), (2, 1), (25, 2), (27, 3)];
        let elapsed = seen.iter().flat_map(|(ticks, times)| std::iter::repeat_n(*ticks, *times)).collect();
        assert_eq!(smallest_step(elapsed), 26);
        assert!(step_ns(false, 1.0) >= 1.0 && step_ns(true, 0.5) >= 0.5);
    }

    #[test]
    fn the_clocks_cost_something() {
        let ClockCost { read_ns, step_ns, tick_read_ns } = measure_cost();
        assert!(read_ns > 0.0 && step_ns >= 1.0 && tick_read_ns > 0.0, "{read_ns} {step_ns} {tick_read_ns}");
    }
}
