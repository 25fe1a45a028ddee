//! Random sequence of keys and accesses at a given read ratio; the same in every trial.

use crate::payload::{mix, stamp};

/// An access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    /// Get this key.
    Read(u64),
    /// Set this key.
    Write(u64),
}

/// Random accesses of one user.
pub(super) struct Draws {
    slot: u32,
    drawn: u64,
    keys: u64,
    reads_percent: u64,
}

impl Draws {
    /// Accesses of the user on `slot` to `keys` keys, with `reads_percent` reads.
    pub(super) fn new(slot: u32, keys: u32, reads_percent: u32) -> Self {
        Self { slot, drawn: 0, keys: u64::from(keys), reads_percent: u64::from(reads_percent) }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Draw {
        self.drawn += 1;
        let random = mix(stamp(self.slot as u16, self.drawn));
        // The low half of the bits gives the key, the high half the kind.
        let key = ((random & 0xffff_ffff) * self.keys) >> 32;
        let of_hundred = ((random >> 32) * 100) >> 32;
        if of_hundred < self.reads_percent { Draw::Read(key) } else { Draw::Write(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_requested_one_and_keys_are_even() {
        for percent in [0, 50, 90, 99, 100] {
            let mut draws = Draws::new(1, 10, percent);
            let (mut reads, mut keys) = (0, [0; 10]);
            for _ in 0..100_000 {
                let key = match draws.next() {
                    Draw::Read(key) => {
                        reads += 1;
                        key
                    }
                    Draw::Write(key) => key,
                };
                keys[key as usize] += 1;
            }
            assert!(u32::abs_diff(reads, percent * 1000) < 600, "{reads} of 100000 at {percent} %");
            assert!(keys.iter().all(|times| u32::abs_diff(*times, 10_000) < 600), "{keys:?}");
        }
    }
}
