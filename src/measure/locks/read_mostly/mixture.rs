//! Whether an access reads or writes: drawn at a given ratio, the same way in every trial.

use crate::payload::{mix, stamp};

/// The draws of one holder.
pub(super) struct Mixture {
    slot: u32,
    drawn: u64,
    reads_percent: u64,
}

impl Mixture {
    /// The draws of the holder on `slot`, of which `reads_percent` in a hundred are reads.
    pub(super) fn new(slot: u32, reads_percent: u32) -> Self {
        Self { slot, drawn: 0, reads_percent: u64::from(reads_percent) }
    }

    /// True when the next access only reads.
    #[inline]
    pub(super) fn reads_next(&mut self) -> bool {
        self.drawn += 1;
        // The upper half, scaled to a hundred.
        let draw = ((mix(stamp(self.slot as u16, self.drawn)) >> 32) * 100) >> 32;
        draw < self.reads_percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_one_asked_for() {
        for percent in [0, 50, 90, 99, 100] {
            let mut mixture = Mixture::new(1, percent);
            let reads = (0..100_000).filter(|_| mixture.reads_next()).count();
            assert!(reads.abs_diff(percent as usize * 1000) < 600, "{reads} of 100000 at {percent} %");
            assert!(percent > 0 || reads == 0);
            assert!(percent < 100 || reads == 100_000);
        }
    }

    #[test]
    fn holders_draw_apart() {
        let (mut first, mut second) = (Mixture::new(0, 50), Mixture::new(1, 50));
        let alike = (0..1000).filter(|_| first.reads_next() == second.reads_next()).count();
        assert!((400..600).contains(&alike), "{alike}");
    }
}
