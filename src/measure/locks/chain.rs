//! Work of a known length: a chain of multiplications, each of which waits for the last, so that no processor can do two at
//! once. Its pace is measured by the role that runs it, on its own CPU, before the clock starts: a count of loop rounds
//! would be another length on every machine.

use std::hint;

use crate::clock;

/// Rounds of one reading of the pace.
const ROUNDS: u64 = 20_000;
/// Readings; the fastest counts, since a disturbance can only add.
const READINGS: u32 = 15;

/// A chain of dependent multiplications.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    rounds_per_ns: f64,
}

impl Chain {
    /// Measures the pace of this CPU, in about a millisecond.
    pub fn calibrated() -> Self {
        let reading = |_| {
            let start = clock::now_ns();
            run(ROUNDS);
            clock::now_ns() - start
        };
        let fastest_ns = (0..READINGS).map(reading).min().unwrap_or(1).max(1);
        Self { rounds_per_ns: ROUNDS as f64 / fastest_ns as f64 }
    }

    /// Rounds that take `ns` nanoseconds.
    pub fn rounds(&self, ns: u64) -> u64 {
        (ns as f64 * self.rounds_per_ns).round() as u64
    }
}

/// Does `rounds` of the chain.
#[inline]
pub fn run(rounds: u64) {
    let mut word = rounds;
    for _ in 0..rounds {
        // A barrier for the compiler only, or the loop would be folded.
        word = hint::black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_of_rounds_in_proportion() {
        let chain = Chain { rounds_per_ns: 0.25 };
        assert_eq!((chain.rounds(0), chain.rounds(100), chain.rounds(1000)), (0, 25, 250));
        assert!(Chain::calibrated().rounds(1000) > 0);
    }
}
