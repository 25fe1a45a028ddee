//! Universal scalability law: throughput of n contenders from three terms.
//!
//! `X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))` (Gunther, Guerrilla Capacity Planning, 2007). Lambda is
//! the rate of a single contender; sigma, contention, is the serial share of the work; kappa, coherence, is the cost of
//! cache coherence for each pair of contenders. With kappa above 0 the rate has a peak.
//!
//! `n / X` is linear in 1, `n - 1` and `n (n - 1)`, so least squares has one exact solution. Errors are relative, and
//! negative terms are set to zero. Intervals come from resampling the repetitions at each n.

use super::statistics::{DRAWS, Interval, Random, SEED, TAIL, median, quantile};

/// Least number of points; fewer cannot verify three terms.
pub const FEWEST_POINTS: usize = 4;
/// Least R² of a fit that explains its points.
const LEAST_R2: f64 = 0.9;
/// Error below which a fit explains its points at any R².
const NEAR: f64 = 0.05;

/// Throughput for one number of contenders.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Contenders.
    pub n: f64,
    /// Acquisitions a second in each repetition.
    pub repetitions: Vec<f64>,
}

/// Terms of the law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Rate of a single contender, a second.
    pub lambda: f64,
    /// Contention: 0 for linear scaling, 1 for a constant rate, more if a second contender lowers the rate.
    pub sigma: f64,
    /// Coherence.
    pub kappa: f64,
}

impl Terms {
    /// The rate of `n` contenders.
    pub fn at(self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// Number of contenders with the highest rate: 1 if each further one lowers it, `None` if the rate never falls.
    pub fn peak(self) -> Option<f64> {
        if self.sigma + 2.0 * self.kappa > 1.0 {
            return Some(1.0);
        }
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma) / self.kappa).sqrt().max(1.0))
    }
}

/// Fit with its quality.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The best terms.
    pub terms: Terms,
    /// 95 % interval of contention; absent if any point has a single repetition.
    pub sigma: Option<Interval>,
    /// 95 % interval of coherence.
    pub kappa: Option<Interval>,
    /// Share of the variance that the fit explains.
    pub r2: f64,
    /// Relative error, root mean square.
    pub miss: f64,
    /// Numbers of contenders.
    pub points: usize,
}

impl Fit {
    /// Whether the fit explains its points.
    pub fn explains(&self) -> bool {
        self.points >= FEWEST_POINTS && (self.r2 >= LEAST_R2 || self.miss <= NEAR)
    }
}

/// Fits the law; `None` with fewer than three points, which it always meets exactly.
pub fn fit(points: &[Point]) -> Option<Fit> {
    let medians: Vec<(f64, f64)> =
        points.iter().filter_map(|point| Some((point.n, median(point.repetitions.iter().copied())?))).collect();
    let terms = terms(&medians)?;
    let mean = medians.iter().map(|(_, rate)| rate).sum::<f64>() / medians.len() as f64;
    let sum = |error: &dyn Fn(f64, f64) -> f64| medians.iter().map(|&(n, rate)| error(n, rate).powi(2)).sum::<f64>();
    let around_mean = sum(&|_, rate| rate - mean);
    let (sigma, kappa) = intervals(points, terms).unzip();
    Some(Fit {
        terms,
        sigma,
        kappa,
        r2: if around_mean > 0.0 { 1.0 - sum(&|n, rate| rate - terms.at(n)) / around_mean } else { 0.0 },
        miss: (sum(&|n, rate| terms.at(n) / rate - 1.0) / medians.len() as f64).sqrt(),
        points: medians.len(),
    })
}

/// Contention and coherence over draws of the repetitions.
fn intervals(points: &[Point], best: Terms) -> Option<(Interval, Interval)> {
    if points.iter().any(|point| point.repetitions.len() < 2) {
        return None;
    }
    let mut random = Random::new(SEED);
    let (mut sigmas, mut kappas) = (Vec::new(), Vec::new());
    for _ in 0..DRAWS / 2 {
        let mut draw = |point: &Point| {
            let drawn = (0..point.repetitions.len()).map(|_| point.repetitions[random.below(point.repetitions.len())]);
            Some((point.n, median(drawn)?))
        };
        let drawn: Vec<(f64, f64)> = points.iter().filter_map(&mut draw).collect();
        let Some(terms) = terms(&drawn) else { continue };
        sigmas.push(terms.sigma);
        kappas.push(terms.kappa);
    }
    Some((ends(sigmas, best.sigma)?, ends(kappas, best.kappa)?))
}

fn ends(mut draws: Vec<f64>, value: f64) -> Option<Interval> {
    if draws.is_empty() {
        return None;
    }
    draws.sort_by(f64::total_cmp);
    Some(Interval { low: quantile(&draws, TAIL).min(value), high: quantile(&draws, 1.0 - TAIL).max(value) })
}

/// Non-negative terms with the least error, found by leaving out terms in every combination.
fn terms(rates: &[(f64, f64)]) -> Option<Terms> {
    let mut numbers: Vec<f64> = rates.iter().map(|(n, _)| *n).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    if numbers.len() < 3 || rates.iter().any(|&(n, rate)| !(rate > 0.0 && n >= 1.0)) {
        return None;
    }
    let ways: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
    let solved = ways.into_iter().filter_map(|kept| solve(rates, kept));
    let sound = solved.filter(|(found, _)| found[0] > 0.0 && found[1] >= 0.0 && found[2] >= 0.0);
    let ([alone, contention, coherence], _) = sound.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Terms { lambda: 1.0 / alone, sigma: contention / alone, kappa: coherence / alone })
}

/// Least squares of `n / X` over the kept columns with relative errors; returns the coefficients and the error.
fn solve(rates: &[(f64, f64)], kept: &[usize]) -> Option<([f64; 3], f64)> {
    // Each row is divided by its target, so that every target is 1 and errors are relative.
    let columns = |&(n, rate): &(f64, f64)| [1.0, n - 1.0, n * (n - 1.0)].map(|column| column * rate / n);
    let mut matrix = [[0.0; 4]; 3];
    for row in rates.iter().map(columns) {
        for (at, &one) in kept.iter().enumerate() {
            for (other, &two) in kept.iter().enumerate() {
                matrix[at][other] += row[one] * row[two];
            }
            matrix[at][3] += row[one];
        }
    }
    let solution = eliminated(matrix, kept.len())?;
    let mut found = [0.0; 3];
    for (at, &column) in kept.iter().enumerate() {
        found[column] = solution[at];
    }
    let error = |row: [f64; 3]| (1.0 - row.iter().zip(found).map(|(x, c)| x * c).sum::<f64>()).powi(2);
    Some((found, rates.iter().map(columns).map(error).sum()))
}

/// Gauss-Jordan elimination with partial pivoting; `None` for a singular matrix.
fn eliminated(mut matrix: [[f64; 4]; 3], size: usize) -> Option<[f64; 3]> {
    for column in 0..size {
        let pivot = (column..size).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        matrix.swap(column, pivot);
        let head = matrix[column];
        if head[column].abs() < f64::MIN_POSITIVE {
            return None;
        }
        for row in (0..size).filter(|&row| row != column) {
            let factor = matrix[row][column] / head[column];
            matrix[row].iter_mut().zip(head).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let mut solution = [0.0; 3];
    for (row, value) in solution.iter_mut().enumerate().take(size) {
        *value = matrix[row][3] / matrix[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(terms: Terms, noise: f64) -> Vec<Point> {
        let at = |&n: &f64| {
            let repetitions =
                (0..5).map(|repetition| terms.at(n) * (1.0 + noise * (f64::from(repetition) - 2.0))).collect();
            Point { n, repetitions }
        };
        [1.0, 2.0, 3.0, 4.0, 6.0, 8.0].iter().map(at).collect()
    }

    #[test]
    fn a_known_curve_gives_its_terms_back() {
        let known = Terms { lambda: 2e7, sigma: 0.12, kappa: 0.003 };
        let fit = fit(&curve(known, 0.0)).expect("six points");
        assert!((fit.terms.lambda / 2e7 - 1.0).abs() < 1e-6, "{fit:?}");
        assert!((fit.terms.sigma - 0.12).abs() < 1e-6 && (fit.terms.kappa - 0.003).abs() < 1e-6, "{fit:?}");
        assert!(fit.r2 > 0.999_999 && fit.miss < 1e-6 && fit.explains());
        let peak = fit.terms.peak().expect("coherence makes it fall");
        assert!((peak - (0.88f64 / 0.003).sqrt()).abs() < 0.01, "{peak}");
    }

    #[test]
    fn a_lock_that_serves_one_after_the_other_stays_where_it_was() {
        let fit = fit(&curve(Terms { lambda: 1e6, sigma: 1.0, kappa: 0.0 }, 0.01)).expect("six points");
        assert!((fit.terms.sigma - 1.0).abs() < 0.02 && fit.terms.kappa < 0.01, "{fit:?}");
        // The points do not differ, so R² is no criterion; a small error suffices.
        assert!(fit.miss < 0.01 && fit.explains());
    }

    #[test]
    fn intervals_hold_the_truth_and_no_term_is_negative() {
        let known = Terms { lambda: 5e6, sigma: 0.3, kappa: 0.05 };
        let fit = fit(&curve(known, 0.02)).expect("six points");
        let (sigma, kappa) = (fit.sigma.expect("five repetitions"), fit.kappa.expect("five repetitions"));
        assert!(sigma.low <= 0.3 && 0.3 <= sigma.high && sigma.high > sigma.low, "{sigma:?}");
        assert!(kappa.low <= 0.05 && 0.05 <= kappa.high, "{kappa:?}");
        let better_than_linear: Vec<Point> =
            [1.0f64, 2.0, 4.0, 8.0].iter().map(|&n| Point { n, repetitions: vec![n * n, n * n] }).collect();
        let fit = super::fit(&better_than_linear).expect("four points");
        assert!(fit.terms.sigma >= 0.0 && fit.terms.kappa >= 0.0 && !fit.explains(), "{fit:?}");
    }

    #[test]
    fn the_peak_is_one_where_the_second_holder_costs_more_than_it_adds() {
        let terms = |sigma, kappa| Terms { lambda: 1.0, sigma, kappa };
        assert_eq!(terms(9.0, 0.0).peak(), Some(1.0));
        assert_eq!(terms(0.2, 0.0).peak(), None);
        assert_eq!(terms(0.0, 0.25).peak(), Some(2.0));
    }

    #[test]
    fn chaos_is_not_explained_and_two_points_are_no_curve() {
        let jumps = [(1.0, 9.0), (2.0, 1.0), (3.0, 9.0), (4.0, 1.0), (5.0, 9.0)];
        let points: Vec<Point> = jumps.iter().map(|&(n, rate)| Point { n, repetitions: vec![rate; 3] }).collect();
        assert!(!fit(&points).expect("five points").explains());
        assert!(fit(&points[..2]).is_none());
        assert!(!fit(&points[..3]).expect("three points").explains());
    }
}
