//! Clock frequency of the calling thread's core, read from the time that dependent instructions take.
//!
//! A processor has no counter of core cycles that every process may read, and a virtual machine often has no file of
//! its frequency. But a chain of multiplications, each of which needs the result of the one before, takes a fixed number
//! of cycles per step, whatever else the core does. So the ratio of two readings on one core is that of its frequencies.

use super::now_ns;

/// Steps of a chain: about 4 us, against 30 ns for a read of the clock.
const STEPS: u32 = 2_000;
/// Chains of a reading; the fastest counts, since interrupts only add time.
const CHAINS: u32 = 4;

/// Nanoseconds of one step on the calling thread's core, about five cycles. Takes some 20 us.
pub fn core_step_ns() -> f64 {
    let chain_ns = || {
        let start_ns = now_ns();
        let mut value = std::hint::black_box(start_ns | 1);
        for _ in 0..STEPS {
            value = (value ^ (value >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        std::hint::black_box(value);
        now_ns() - start_ns
    };
    let fastest_ns = (0..CHAINS).map(|_| chain_ns()).min();
    fastest_ns.unwrap_or(0) as f64 / f64::from(STEPS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_step_takes_some_cycles() {
        let core_step_ns = super::core_step_ns();
        assert!(
            core_step_ns > 0.1,
            "{core_step_ns} ns: faster than one cycle at 10 GHz, so the chain was not computed"
        );
    }
}
