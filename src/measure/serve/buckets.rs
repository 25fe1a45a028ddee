//! Histogram of one client in shared memory. The ranges grow with the values, as in an HDR histogram of two digits;
//! afterwards all are merged into an HDR histogram.

use hdrhistogram::Histogram;

/// Ranges of equal width per power of two: a resolution of 1 part in 64.
const STEPS_BITS: u32 = 6;
const STEPS: u64 = 1 << STEPS_BITS;
/// Powers of two above these: up to 68 seconds in nanoseconds.
const POWERS: u64 = 30;

/// Number of counts.
pub(super) const BUCKETS: usize = (STEPS * (POWERS + 1)) as usize;

/// Index of the count of `value`; larger values are counted in the last range.
#[inline]
pub(super) fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let power = u64::from(value.ilog2() - STEPS_BITS);
    let within = (value >> power) - STEPS;
    ((power + 1) * STEPS + within).min(BUCKETS as u64 - 1) as usize
}

/// Middle of the range of `bucket`.
fn middle(bucket: usize) -> u64 {
    let (row, within) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if row == 0 {
        return within;
    }
    let power = row - 1;
    ((STEPS + within) << power) + ((1 << power) - 1) / 2
}

/// Adds the counts to `all`.
pub(super) fn merge(counts: impl Iterator<Item = u32>, all: &mut Histogram<u64>) {
    for (bucket, count) in counts.enumerate().filter(|(_, count)| *count > 0) {
        all.saturating_record_n(middle(bucket).max(1), u64::from(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::histogram;

    #[test]
    fn a_value_is_stored_to_within_a_sixtyfourth() {
        for value in (0..70_000).chain([1 << 20, 123_456_789, (1 << 36) - 1]) {
            let (found, at) = (middle(bucket(value)), bucket(value));
            assert!(found.abs_diff(value) <= value / 64, "{value} became {found}");
            assert!(at == 0 || middle(at - 1) < found, "ranges do not overlap at {value}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn counts_become_an_hdr_histogram() {
        let mut counts = vec![0; BUCKETS];
        counts[bucket(1000)] = 3;
        counts[bucket(5_000_000)] = 1;
        let mut all = histogram::empty();
        merge(counts.into_iter(), &mut all);
        assert_eq!(all.len(), 4);
        assert!(all.value_at_quantile(0.5).abs_diff(1000) < 16 && all.max().abs_diff(5_000_000) < 80_000);
    }
}
