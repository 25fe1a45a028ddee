//! Intervals and significance where each side has several runs.
//!
//! The runs of a side are the sample; a run's value is the median of its repetitions, as a logarithm, so that differences
//! are ratios. Two to four runs a side are usual, and a bootstrap over so few is far too narrow. Instead:
//!
//! 1. The variance between runs of a case is moderated: averaged with what the other cases of the comparison show, with the
//!    weight that their agreement earns (Smyth 2004, "Linear models and empirical Bayes methods", section 6.2). Cases differ
//!    in noise, so the common part is a multiple of the variance that the repetitions of the case lead one to expect.
//! 2. It is never below that expected variance: two runs that agree by chance show nothing.
//! 3. The weight is at most six runs: all cases of one run share its drift, so they are not independent.
//! 4. Both sides may differ in spread and in runs: Welch's interval with Satterthwaite's degrees of freedom.
//!
//! Nine runs of the plan `quick` on one virtual machine, split at random 120 times for each number of runs a side: the 95 %
//! intervals of two, three and four runs a side held the true ratio of 1 in 97, 96 and 96 % of the cases, and after
//! Holm's correction 1, 2 and 2 of the 120 comparisons called any of their 176 cases slower. Without rule 2 it was 15, 20 and 9.

use statrs::distribution::{ContinuousCDF as _, StudentsT};
use statrs::function::gamma::digamma;

/// Chance of a false verdict that a comparison accepts.
pub const ALPHA: f64 = 0.05;
/// Factor that two single runs of one machine may be apart. Of the 36 pairs that nine runs of the plan `quick` on one virtual
/// machine make, the whole 95 % interval of some case lay beyond a factor of 1.05 in 20 pairs, of 1.1 in 9, of 1.2 in 3, and of
/// 1.25 in none; the largest was 1.23.
pub const DRIFT: f64 = 1.25;
/// Most degrees of freedom that a case borrows from the others.
const MOST_BORROWED: f64 = 6.0;
/// Fewest cases whose spread says what is usual.
const FEWEST_CASES: usize = 10;
/// Variance of a median over the variance of one value, divided by their number: normal values, many of them.
const MEDIAN: f64 = std::f64::consts::FRAC_PI_2;
/// Least variance of a logarithm that is told from none: 1 ppm.
const LEAST: f64 = 1e-12;

/// One side of a case: the value of each run, and the variance of such a value that its repetitions lead one to expect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// Median logarithm of each run.
    pub runs: Vec<f64>,
    /// Expected variance of a run's median, mean over the runs; 0 if no run has two repetitions.
    pub expected: f64,
}

impl Side {
    /// Summarises the logarithms of the repetitions of each run; runs without any are left out, and so are those with less
    /// than half the repetitions of the fullest.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let runs: Vec<&[f64]> = runs.into_iter().collect();
        let most = runs.iter().map(|run| run.len()).max().unwrap_or(0);
        let full = || runs.iter().filter(|run| !run.is_empty() && 2 * run.len() >= most);
        let expected = full().filter(|run| run.len() > 1).map(|run| MEDIAN * variance(run) / run.len() as f64);
        Self {
            expected: mean(&expected.collect::<Vec<_>>()).unwrap_or(0.0),
            runs: full().filter_map(|run| crate::analyse::statistics::median(run.iter().copied())).collect(),
        }
    }

    /// Runs of several sides as one.
    pub fn joined<'a>(sides: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let expected: Vec<f64> = sides.clone().map(|side| side.expected).filter(|expected| *expected > 0.0).collect();
        Self {
            expected: mean(&expected).unwrap_or(0.0),
            runs: sides.flat_map(|side| side.runs.iter().copied()).collect(),
        }
    }

    fn freedom(&self) -> f64 {
        self.runs.len().saturating_sub(1) as f64
    }

    fn mean(&self) -> f64 {
        mean(&self.runs).unwrap_or(f64::NAN)
    }
}

/// What the cases of a comparison say about the usual spread between runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// Variance between runs, as a multiple of the expected one.
    pub times: f64,
    /// Degrees of freedom that it is worth; 0 if too few cases were seen.
    pub freedom: f64,
}

impl Usual {
    /// Learns from both sides of each case.
    pub fn of<'a>(cases: impl IntoIterator<Item = (&'a Side, &'a Side)>) -> Self {
        let pooled = |(a, b): (&Side, &Side)| {
            let freedom = a.freedom() + b.freedom();
            let expected = expected(a, b);
            let squares = a.freedom() * variance(&a.runs) + b.freedom() * variance(&b.runs);
            (freedom > 0.0 && expected > LEAST).then(|| ((squares / freedom / expected).max(1e-5), freedom))
        };
        let seen: Vec<(f64, f64)> = cases.into_iter().filter_map(pooled).collect();
        if seen.len() < FEWEST_CASES {
            return Self::default();
        }
        let logs: Vec<f64> = seen.iter().map(|(s, d)| s.ln() - digamma(d / 2.0) + (d / 2.0).ln()).collect();
        let centre = mean(&logs).unwrap_or(0.0);
        let by_chance = seen.iter().map(|(_, d)| trigamma(d / 2.0)).sum::<f64>() / seen.len() as f64;
        let excess = variance(&logs) - by_chance;
        let half = inverse_trigamma(excess);
        let freedom = (2.0 * half).min(MOST_BORROWED);
        Self { times: (centre + digamma(half) - half.ln()).exp(), freedom }
    }
}

/// Difference of two sides, second less first, as a logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Difference of the means over runs.
    pub value: f64,
    /// Standard error.
    pub error: f64,
    /// Degrees of freedom.
    pub freedom: f64,
}

impl Difference {
    /// Compares two sides of at least two runs each; `None` with fewer.
    pub fn of(first: &Side, second: &Side, usual: Usual) -> Option<Self> {
        if first.runs.len().min(second.runs.len()) < 2 {
            return None;
        }
        let expected = expected(first, second).max(LEAST);
        let part = |side: &Side| {
            let all = usual.freedom + side.freedom();
            let moderated = (usual.freedom * usual.times * expected + side.freedom() * variance(&side.runs)) / all;
            (moderated.max(expected) / side.runs.len() as f64, all)
        };
        let (a, b) = (part(first), part(second));
        let squared = a.0 + b.0;
        let freedom = squared * squared / (a.0 * a.0 / a.1 + b.0 * b.0 / b.1);
        Some(Self { value: second.mean() - first.mean(), error: squared.sqrt(), freedom })
    }

    /// Half of the interval outside which a value lies by chance once in 1 / `alpha`.
    pub fn half_width(&self, alpha: f64) -> f64 {
        self.error * student(self.freedom).inverse_cdf(1.0 - alpha / 2.0)
    }

    /// Chance of a difference this far above `limit` if it is `limit` in truth.
    pub fn above(&self, limit: f64) -> f64 {
        student(self.freedom).cdf((limit - self.value) / self.error)
    }

    /// Chance of a difference this far from 0 if there is none.
    pub fn either_way(&self) -> f64 {
        2.0 * student(self.freedom).cdf(-self.value.abs() / self.error)
    }

    /// Runs a side for which the half-width would be `wanted`, with the spread seen here: the error shrinks with the root of
    /// their number.
    pub fn runs_for(&self, wanted: f64, runs: usize, alpha: f64) -> usize {
        let enough = |&more: &usize| {
            let error = self.error * (runs as f64 / more as f64).sqrt();
            let freedom = self.freedom + 2.0 * (more - runs.min(more)) as f64;
            Self { error, freedom, ..*self }.half_width(alpha) <= wanted
        };
        (runs..MOST_RUNS).find(enough).unwrap_or(MOST_RUNS)
    }
}

/// Number of runs from which no more are worth asking for.
pub const MOST_RUNS: usize = 1_000;

/// Positions that stay significant by Holm's rule (1979): with a chance of at most `alpha` any of them is false.
pub fn holm(chances: &[f64], alpha: f64) -> Vec<usize> {
    let order = ascending(chances);
    let left = |place: usize| (order.len() - place) as f64;
    let kept = order.iter().enumerate().take_while(|&(place, &at)| chances[at] <= alpha / left(place));
    kept.map(|(_, &at)| at).collect()
}

/// Positions found by the rule of Benjamini and Hochberg (1995): a share of at most `alpha` of them is false, on average.
pub fn found(chances: &[f64], alpha: f64) -> Vec<usize> {
    let order = ascending(chances);
    let within = |place: usize| chances[order[place]] <= alpha * (place + 1) as f64 / order.len() as f64;
    let last = (0..order.len()).rev().find(|&place| within(place));
    last.map_or_else(Vec::new, |last| order[..=last].to_vec())
}

fn ascending(chances: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
    order
}

/// Expected variance of a run's median, over both sides.
fn expected(a: &Side, b: &Side) -> f64 {
    let (runs_a, runs_b) = (a.runs.len() as f64, b.runs.len() as f64);
    (a.expected * runs_a + b.expected * runs_b) / (runs_a + runs_b).max(1.0)
}

fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom.max(1.0)).expect("a positive scale and at least one degree of freedom")
}

/// Mean; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample variance; 0 below two values.
pub fn variance(values: &[f64]) -> f64 {
    let Some(centre) = mean(values).filter(|_| values.len() > 1) else { return 0.0 };
    values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Derivative of the digamma function: recurrence, then the asymptotic series (Abramowitz & Stegun 6.4.6 and 6.4.12).
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 6.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let f = 1.0 / (x * x);
    sum + 1.0 / x + f / 2.0 + f / x * (1.0 / 6.0 - f * (1.0 / 30.0 - f / 42.0))
}

/// Where the falling function `trigamma` has this value, by bisection.
fn inverse_trigamma(value: f64) -> f64 {
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > value { low = middle } else { high = middle }
    }
    low
}
