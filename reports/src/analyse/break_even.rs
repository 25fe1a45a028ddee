//! Break-even sizes: up to which message size one variant is cheaper than another.
//!
//! At each size the ratio is the median of the ratios paired by repetition, interpolated linearly on logarithmic axes;
//! the break-even size is where it crosses 1. The bootstrap draws repetitions with replacement and repeats the search
//! (Efron & Tibshirani 1993, chapter 13). An answer needs 95 % of the draws to agree on the cheaper variant at both
//! ends; its interval spans their crossings. A size whose interval spans more than a factor of four is inconclusive.

use std::collections::BTreeMap;

use super::statistics::{DRAWS, Interval, Random, SEED, TAIL, median, quantile};
use super::study::CaseStudy;
use super::trials::cost_ns;
use super::verdict::REPETITIONS_FOR_A_VERDICT;
use crate::format;

/// Share of the draws that must agree.
const AGREED: f64 = 0.95;
/// Widest interval of a break-even size, highest over lowest size.
const WIDEST: f64 = 4.0;

/// Sizes at which the first of two variants is cheaper.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// At every measured size.
    Always,
    /// At no measured size.
    Never,
    /// Below this many bytes.
    UpTo(Crossing),
    /// Above this many bytes.
    From(Crossing),
    /// Undecided.
    CantTell(Open),
}

/// Results for each size if there is no overall answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    /// Sizes in bytes at which the first variant is cheaper.
    pub cheaper: Vec<u64>,
    /// Sizes at which it is dearer.
    pub dearer: Vec<u64>,
    /// Sizes at which the interval of the ratio contains 1.
    pub level: Vec<u64>,
    /// Reason why no comparison was possible; empty otherwise.
    pub lacking: String,
    /// Interval of a break-even size that is too wide to be an answer.
    pub inconclusive: Option<Interval>,
}

impl Open {
    fn lacking(why: impl Into<String>) -> Self {
        Self { lacking: why.into(), ..Self::default() }
    }

    /// Results in words.
    pub fn describe(&self) -> String {
        let kinds = [("cheaper", &self.cheaper), ("dearer", &self.dearer), ("level", &self.level)];
        let known = kinds.into_iter().filter(|(_, sizes)| !sizes.is_empty());
        let mut parts: Vec<String> = known.map(|(word, sizes)| format!("{word} at {}", self.sizes(sizes))).collect();
        parts.extend((!self.lacking.is_empty()).then(|| self.lacking.clone()));
        parts.extend(self.inconclusive.map(|Interval { low, high }| {
            format!("break-even between {} and {}", format::about_bytes(low), format::about_bytes(high))
        }));
        parts.join("; ")
    }

    /// Sizes at which the two are level, in short form; empty if there are none.
    pub fn level_at(&self) -> String {
        if self.level.is_empty() { String::new() } else { format!("level at {}", self.sizes(&self.level)) }
    }

    /// Sizes in words, as a range if no other size lies in it.
    fn sizes(&self, sizes: &[u64]) -> String {
        let mut others = [&self.cheaper, &self.dearer, &self.level].into_iter().flatten();
        match sizes {
            [first, .., last] if !others.any(|size| (first..=last).contains(&size) && !sizes.contains(size)) => {
                format!("{} to {}", format::bytes(*first), format::bytes(*last))
            }
            _ => sizes.iter().map(|&size| format::bytes(size)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Break-even size in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Crossing of the medians.
    pub bytes: f64,
    /// 95 % interval, from the first to the last crossing of each draw.
    pub interval: Interval,
}

impl Answer {
    /// Answer with the two variants exchanged.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::UpTo(crossing) => Self::From(crossing),
            Self::From(crossing) => Self::UpTo(crossing),
            Self::CantTell(open) => Self::CantTell(Open { cheaper: open.dearer, dearer: open.cheaper, ..open }),
        }
    }

    /// `up to 47 KiB`.
    pub fn word(&self) -> String {
        match self {
            Self::Always => "always".into(),
            Self::Never => "never".into(),
            Self::UpTo(crossing) => format!("up to {}", format::about_bytes(crossing.bytes)),
            Self::From(crossing) => format!("from {}", format::about_bytes(crossing.bytes)),
            Self::CantTell(Open { inconclusive: Some(_), .. }) => "inconclusive".into(),
            Self::CantTell(Open { cheaper, dearer, level, .. }) => {
                match (cheaper.is_empty(), dearer.is_empty(), level.is_empty()) {
                    (false, true, false) => "cheaper or level".into(),
                    (true, false, false) => "dearer or level".into(),
                    _ => "can't tell".into(),
                }
            }
        }
    }

    /// Break-even size, if there is one.
    pub fn crossing(&self) -> Option<Crossing> {
        match self {
            Self::UpTo(crossing) | Self::From(crossing) => Some(*crossing),
            Self::Always | Self::Never | Self::CantTell(_) => None,
        }
    }
}

/// Cost of the first over cost of the second as a logarithm: one row per repetition, one column per size.
struct Ratios {
    /// Logarithms of the sizes.
    sizes: Vec<f64>,
    repetitions: Vec<Vec<Option<f64>>>,
}

/// Compares two variants; each slice holds the cases of one variant, which differ only in size.
pub fn break_even(first: &[&CaseStudy<'_>], second: &[&CaseStudy<'_>]) -> Answer {
    let ratios = Ratios::of(first, second);
    if ratios.sizes.len() < 2 {
        return Answer::CantTell(Open::lacking("they share fewer than two sizes"));
    }
    if ratios.repetitions.len() < REPETITIONS_FOR_A_VERDICT {
        let repetitions = ratios.repetitions.len();
        let why =
            format!("an answer needs {REPETITIONS_FOR_A_VERDICT} repetitions in common, and they have {repetitions}");
        return Answer::CantTell(Open::lacking(why));
    }
    let as_measured = ratios.curve(&ratios.repetitions.iter().collect::<Vec<_>>());
    let mut random = Random::new(SEED);
    let mut draws: Vec<Vec<Option<f64>>> = Vec::with_capacity(DRAWS);
    draws.resize_with(DRAWS, || {
        let drawn: Vec<_> = (0..ratios.repetitions.len())
            .map(|_| &ratios.repetitions[random.below(ratios.repetitions.len())])
            .collect();
        ratios.curve(&drawn)
    });
    ratios.judge(&as_measured, &draws)
}

impl Ratios {
    fn of(first: &[&CaseStudy<'_>], second: &[&CaseStudy<'_>]) -> Self {
        let pairs = first.iter().filter_map(|a| Some((a, second.iter().find(|b| b.bytes() == a.bytes())?)));
        let pairs: Vec<_> = pairs.collect();
        let mut repetitions: BTreeMap<(&str, u32), Vec<Option<f64>>> = BTreeMap::new();
        for (column, (a, b)) in pairs.iter().enumerate() {
            for record in a.usable() {
                let partner =
                    b.usable().find(|other| other.repetition == record.repetition && other.run_id == record.run_id);
                let Some((over, under)) = cost_ns(record).zip(partner.and_then(cost_ns)) else { continue };
                let row =
                    repetitions.entry((&record.run_id, record.repetition)).or_insert_with(|| vec![None; pairs.len()]);
                row[column] = Some((over / under).ln()).filter(|ratio| ratio.is_finite());
            }
        }
        // A case with more repetitions than the others must not add rows with a single size.
        repetitions.retain(|_, row| row.iter().filter(|ratio| ratio.is_some()).count() > 1);
        let sizes = pairs.iter().map(|(a, _)| (a.bytes().max(1) as f64).ln()).collect();
        Self { sizes, repetitions: repetitions.into_values().collect() }
    }

    /// The median ratio at each size.
    fn curve(&self, repetitions: &[&Vec<Option<f64>>]) -> Vec<Option<f64>> {
        (0..self.sizes.len())
            .map(|column| median(repetitions.iter().filter_map(|repetition| repetition[column])))
            .collect()
    }

    /// Zero crossings of a curve in order, as logarithms of sizes.
    fn crossings(&self, curve: &[Option<f64>]) -> Vec<f64> {
        let points: Vec<(f64, f64)> =
            self.sizes.iter().zip(curve).filter_map(|(&size, &ratio)| Some((size, ratio?))).collect();
        let crosses = |pair: &[(f64, f64)]| {
            let ((left, a), (right, b)) = (pair[0], pair[1]);
            ((a < 0.0) != (b < 0.0)).then(|| left + (right - left) * a / (a - b))
        };
        points.windows(2).filter_map(crosses).collect()
    }

    fn judge(&self, as_measured: &[Option<f64>], draws: &[Vec<Option<f64>>]) -> Answer {
        let crossed: Vec<Vec<f64>> = draws.iter().map(|draw| self.crossings(draw)).collect();
        let ends = |curve: &[Option<f64>]| {
            let mut known = curve.iter().flatten();
            let first = known.next().is_some_and(|&ratio| ratio < 0.0);
            (first, known.last().map_or(first, |&ratio| ratio < 0.0))
        };
        let (starts, stops) = ends(as_measured);
        let agreed = |agrees: &dyn Fn(usize) -> bool| {
            (0..draws.len()).filter(|&at| agrees(at)).count() as f64 >= AGREED * draws.len() as f64
        };
        let same_ends = |at: usize| ends(&draws[at]) == (starts, stops);
        let measured = self.crossings(as_measured);
        if starts == stops {
            let straight = agreed(&|at| same_ends(at) && crossed[at].is_empty());
            return match (straight, starts) {
                (true, true) => Answer::Always,
                (true, false) => Answer::Never,
                (false, _) => Answer::CantTell(self.open(draws)),
            };
        }
        if !agreed(&same_ends) {
            return Answer::CantTell(self.open(draws));
        }
        let of_agreeing = |pick: fn(&Vec<f64>) -> Option<&f64>| {
            let mut places: Vec<f64> =
                (0..draws.len()).filter(|&at| same_ends(at)).filter_map(|at| pick(&crossed[at]).copied()).collect();
            places.sort_by(f64::total_cmp);
            places
        };
        let (firsts, lasts) = (of_agreeing(|all| all.first()), of_agreeing(|all| all.last()));
        let Some(middle) = median(measured) else { return Answer::CantTell(self.open(draws)) };
        let interval = Interval {
            low: quantile(&firsts, TAIL).min(middle).exp(),
            high: quantile(&lasts, 1.0 - TAIL).max(middle).exp(),
        };
        if interval.high > WIDEST * interval.low {
            return Answer::CantTell(Open { inconclusive: Some(interval), ..self.open(draws) });
        }
        let crossing = Crossing { bytes: middle.exp(), interval };
        if starts { Answer::UpTo(crossing) } else { Answer::From(crossing) }
    }

    /// Undecided answer with the result for each size.
    fn open(&self, draws: &[Vec<Option<f64>>]) -> Open {
        let mut open = Open::default();
        for (column, size) in self.sizes.iter().enumerate() {
            let mut ratios: Vec<f64> = draws.iter().filter_map(|draw| draw[column]).collect();
            ratios.sort_by(f64::total_cmp);
            if ratios.is_empty() {
                continue;
            }
            let sizes = match (quantile(&ratios, TAIL), quantile(&ratios, 1.0 - TAIL)) {
                (_, high) if high < 0.0 => &mut open.cheaper,
                (low, _) if low > 0.0 => &mut open.dearer,
                _ => &mut open.level,
            };
            sizes.push(size.exp().round() as u64);
        }
        open
    }
}
