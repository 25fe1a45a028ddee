//! Ratios of two things measured side by side, pair by pair.

use super::statistics::{Estimate, Kind, SetValue, Sets, Within};

/// The median of the pairs' ratios, first over second, with its interval; `None` without a pair.
///
/// A ratio of medians would let a disturbance that met one side of some pairs and the other side of others through;
/// what disturbs both sides of a pair cancels here.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let ratios = pairs.iter().map(|(first, second)| SetValue { value: first / second, windows: vec![] });
    Sets::new(Kind::Cost, Within::Total, ratios).estimate()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_meets_both_sides_of_a_pair_cancels() {
        let pairs: Vec<_> = (1..=10).map(|i| (f64::from(i) * 2.0, f64::from(i))).collect();
        let ratio = paired_ratio(&pairs).expect("ten pairs");
        assert!((ratio.value - 2.0).abs() < 1e-12);
        assert!(ratio.interval.expect("ten pairs have one").within(2.0 - 1e-9, 2.0 + 1e-9));
        assert!(paired_ratio(&[]).is_none());
    }
}
