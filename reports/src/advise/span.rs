//! Values with both ends, and predictions from measured cases nearby.
//!
//! A prediction takes the nearest measured case, or the two between which the request lies, on logarithmic axes. How far
//! such predictions are off is measured: each case of every row is predicted from the other cases of its row.

use serde::Serialize;

use crate::analyse::statistics::{Estimate, median, quantile};

/// Part of the predictions of left out cases that the stated error covers.
const COVERED: f64 = 0.95;
/// Less than this no operation takes.
const LEAST_NS: f64 = 1.0;
/// Fewest left out cases that give an error.
const LEAST_LEFT_OUT: usize = 4;

/// Value with the ends of its interval. An end of 0 or infinity is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Typical value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end; `null` in JSON if unknown.
    pub high: f64,
}

impl Span {
    /// A value that is known without measuring it.
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// A value of which nothing is sure.
    pub const fn unsure(value: f64) -> Self {
        Self { value, low: 0.0, high: f64::INFINITY }
    }

    /// Median with its 95 % interval, or with the range of fewer than five repetitions.
    pub fn of(estimate: &Estimate) -> Self {
        let unsure = Self::unsure(estimate.value);
        estimate.interval.map_or(unsure, |ends| Self { low: ends.low, high: ends.high, ..unsure })
    }

    /// Each end times `factor`.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }

    /// Sum of two independent values.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, low: self.low + other.low, high: self.high + other.high }
    }

    /// The value less work that is known; what remains takes some time.
    #[must_use]
    pub fn less(self, work: f64) -> Self {
        let rest = |ns: f64| (ns - work).max(LEAST_NS);
        Self { value: rest(self.value), low: if self.low > 0.0 { rest(self.low) } else { 0.0 }, high: rest(self.high) }
    }

    /// Nanoseconds as a rate in 1/s, and the reverse.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self { value: 1e9 / self.value, low: 1e9 / self.high, high: 1e9 / self.low }
    }

    /// Both ends moved out by a factor of e to the power of `miss`; unsure without one.
    #[must_use]
    pub fn widened(self, miss: Option<f64>) -> Self {
        match miss {
            Some(miss) => Self { low: self.low * (-miss).exp(), high: self.high * miss.exp(), ..self },
            None => Self::unsure(self.value),
        }
    }

    /// Whether both ends are known.
    pub fn is_sure(self) -> bool {
        self.low > 0.0 && self.high.is_finite()
    }

    /// Whether the two have a value in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Whether the value is at most `limit`; `None` if the limit lies within the interval.
    pub fn at_most(self, limit: f64) -> Option<bool> {
        if self.high <= limit {
            Some(true)
        } else if self.low > limit {
            Some(false)
        } else {
            None
        }
    }
}

/// A measured case as a point: its coordinates are logarithms.
#[derive(Clone, Debug)]
pub struct Point<T> {
    /// Coordinates, one an axis.
    pub at: Vec<f64>,
    /// Value there.
    pub span: Span,
    /// What was measured.
    pub of: T,
}

/// Prediction for a request.
#[derive(Clone, Debug)]
pub struct Predicted<T> {
    /// Value before the error of the prediction is added.
    pub span: Span,
    /// Distance to the nearest case along each axis; all 0 if the request itself was measured.
    pub apart: Vec<f64>,
    /// Cases that it was made from, the nearest first.
    pub from: Vec<T>,
}

impl<T> Predicted<T> {
    /// Whether the request itself was measured.
    pub fn is_measured(&self) -> bool {
        self.apart.iter().all(|&apart| apart < SAME)
    }
}

/// Rounding of logarithms.
const SAME: f64 = 1e-9;

/// Sum of the distances along all axes.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

/// Value at `asked` from the nearest point, or from the two nearest points with `asked` between them.
pub fn predict<T: Clone>(points: &[&Point<T>], asked: &[f64]) -> Option<Predicted<T>> {
    let far = |point: &Point<T>| distance(&point.at, asked);
    let nearest = *points.iter().min_by(|a, b| far(a).total_cmp(&far(b)))?;
    let distance = far(nearest);
    let apart: Vec<f64> = nearest.at.iter().zip(asked).map(|(a, b)| (a - b).abs()).collect();
    if distance < SAME {
        return Some(Predicted { span: nearest.span, apart, from: vec![nearest.of.clone()] });
    }
    let between = |other: &Point<T>| {
        let axes = nearest.at.iter().zip(&other.at).zip(asked);
        far(other) > 0.0 && axes.into_iter().all(|((&a, &b), &asked)| a.min(b) <= asked && asked <= a.max(b))
    };
    let opposite = points.iter().filter(|other| between(other)).min_by(|a, b| far(a).total_cmp(&far(b)));
    let Some(opposite) = opposite else {
        return Some(Predicted { span: nearest.span, apart, from: vec![nearest.of.clone()] });
    };
    let share = distance / (distance + far(opposite));
    let mean = |a: f64, b: f64| if a > 0.0 && a.is_finite() { a * (b / a).powf(share) } else { a };
    let span = Span {
        value: mean(nearest.span.value, opposite.span.value),
        low: mean(nearest.span.low, opposite.span.low),
        high: mean(nearest.span.high, opposite.span.high),
    };
    Some(Predicted { span, apart, from: vec![nearest.of.clone(), opposite.of.clone()] })
}

/// Misses of predictions of left out cases, as logarithms of the ratio, with the distance of each along each axis.
#[derive(Clone, Debug, Default)]
pub struct Misses(Vec<(Vec<f64>, f64)>);

/// Measured error of a kind of prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PredictionError {
    /// Factor by which at most one in twenty predictions was off.
    pub factor: f64,
    /// Cases, rows or machines left out.
    pub left_out: usize,
}

impl PredictionError {
    /// Error of a prediction from a prediction.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { factor: self.factor * other.factor, left_out: self.left_out.min(other.left_out) }
    }

    /// As a logarithm, for [`Span::widened`].
    pub fn miss(self) -> f64 {
        self.factor.ln()
    }
}

impl Misses {
    /// Leaves out each point of a row and predicts it from the others.
    pub fn of<T: Clone>(row: &[Point<T>]) -> Self {
        let mut misses = Vec::new();
        for (at, point) in row.iter().enumerate() {
            let others: Vec<&Point<T>> =
                row.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other).collect();
            let Some(predicted) = predict(&others, &point.at).filter(|one| !one.is_measured()) else { continue };
            if predicted.span.value > 0.0 && point.span.value > 0.0 {
                misses.push((predicted.apart, (predicted.span.value / point.span.value).ln().abs()));
            }
        }
        Self(misses)
    }

    /// Adds those of other rows.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// Error of a prediction so far away: the product over the axes along which it is away.
    pub fn at(&self, apart: &[f64]) -> Option<PredictionError> {
        let axes = (0..apart.len()).filter(|&axis| apart[axis] >= SAME);
        let errors: Option<Vec<PredictionError>> = axes.map(|axis| self.along(axis, apart[axis])).collect();
        errors?.into_iter().reduce(PredictionError::and)
    }

    /// Error along one axis: that of left out cases about as far from the others, else of all that are at least as far.
    fn along(&self, axis: usize, distance: f64) -> Option<PredictionError> {
        let within = |to: f64| -> Vec<f64> {
            self.0
                .iter()
                .filter(|(apart, _)| (distance / 2.0..=to).contains(&apart[axis]))
                .map(|(_, miss)| *miss)
                .collect()
        };
        error(within(distance * 2.0)).or_else(|| error(within(f64::INFINITY)))
    }
}

/// A quantity as a multiple of another one: median ratio over rows, and the error of leaving a row out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiple {
    /// Median ratio.
    pub ratio: f64,
    /// Error of predictions by it.
    pub error: PredictionError,
}

impl Multiple {
    /// From one ratio a row.
    pub fn of(ratios: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = ratios.iter().copied().filter(|ratio| *ratio > 0.0 && ratio.is_finite()).collect();
        let without = |at: usize| median(ratios.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, ratio)| *ratio));
        let misses = ratios.iter().enumerate().filter_map(|(at, ratio)| Some((ratio / without(at)?).ln().abs()));
        Some(Self { ratio: median(ratios.iter().copied())?, error: error(misses.collect())? })
    }
}

/// Error that covers these misses, which are logarithms; `None` for too few.
pub(super) fn error(mut misses: Vec<f64>) -> Option<PredictionError> {
    if misses.len() < LEAST_LEFT_OUT {
        return None;
    }
    misses.sort_by(f64::total_cmp);
    // Of few cases the largest counts.
    let covered = if misses.len() < 20 { misses[misses.len() - 1] } else { quantile(&misses, COVERED) };
    Some(PredictionError { factor: covered.exp(), left_out: misses.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: f64, value: f64) -> Point<f64> {
        Point { at: vec![at], span: Span { value, low: value * 0.9, high: value * 1.1 }, of: at }
    }

    #[test]
    fn a_request_between_two_cases_is_interpolated_and_one_beyond_takes_the_nearest() {
        let points = [point(0.0, 10.0), point(2.0, 1000.0), point(9.0, 5.0)];
        let points: Vec<&Point<f64>> = points.iter().collect();
        let between = predict(&points, &[1.0]).expect("two neighbours");
        assert!((between.span.value - 100.0).abs() < 1e-9, "{between:?}");
        assert_eq!(between.from.len(), 2);
        let beyond = predict(&points, &[-3.0]).expect("a neighbour");
        assert_eq!((beyond.span.value, beyond.apart, beyond.from), (10.0, vec![3.0], vec![0.0]));
        assert!(predict(&points, &[2.0]).expect("the case itself").is_measured());
    }

    #[test]
    fn errors_come_from_left_out_cases_about_as_far() {
        // Values double every step: one step away the nearest is off by 2 at the ends, and by 1 between two.
        let row: Vec<Point<f64>> = (0..6).map(|i| point(f64::from(i), f64::from(1 << i))).collect();
        let mut misses = Misses::of(&row);
        misses.extend(&Misses::of(&row));
        let error = misses.at(&[1.0]).expect("twelve left out");
        assert!((error.factor - 2.0).abs() < 1e-9 && error.left_out == 12, "{error:?}");
        assert_eq!(misses.at(&[50.0]), None, "nothing was left out so far away");
    }

    #[test]
    fn a_limit_within_the_interval_cannot_be_judged() {
        let span = Span { value: 10.0, low: 8.0, high: 12.0 };
        assert_eq!([12.0, 7.0, 10.0].map(|limit| span.at_most(limit)), [Some(true), Some(false), None]);
        assert_eq!(span.widened(None).at_most(1e9), None);
        assert!(!span.widened(None).is_sure());
    }

    #[test]
    fn a_multiple_states_the_error_of_the_row_left_out() {
        let multiple = Multiple::of(&[2.0, 2.0, 2.0, 4.0]).expect("four rows");
        assert!((multiple.ratio - 2.0).abs() < 1e-9 && (multiple.error.factor - 2.0).abs() < 1e-9, "{multiple:?}");
        assert_eq!(Multiple::of(&[1.0, 1.0]), None);
    }
}
