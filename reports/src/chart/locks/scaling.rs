//! Limits of each lock by the universal scalability law.

use std::cmp::Ordering;

use ipcmark_record::{Placement, metric};

use super::super::Figure;
use super::super::table::Table;
use crate::analyse::answer::place;
use crate::analyse::locks::{Work, contenders, excludes};
use crate::analyse::scalability::{FEWEST_POINTS, Fit, Point, fit};
use crate::analyse::statistics::Interval;
use crate::analyse::study::CaseStudy;
use crate::format;

/// Most locks named in the sentence; the table names all.
const MOST_NAMED: usize = 3;

/// Table of fits. `cases` share one work, in order of series and contenders; `None` without enough points.
pub fn figure(cases: &[&CaseStudy<'_>], placement: Placement) -> Option<Figure> {
    let work = Work::of(cases[0].case);
    let most = cases.iter().map(|case| contenders(case.case)).max()?;
    let each = cases.chunk_by(|a, b| a.series == b.series).filter(|cases| excludes(cases[0]) && cases[0].is_sound());
    let mut fits: Vec<(&CaseStudy<'_>, Fit)> =
        each.filter_map(|cases| Some((cases[0], fit(&points(cases))?))).collect();
    fits.retain(|(_, fit)| fit.points >= FEWEST_POINTS);
    let kept = |(_, fit): &(&CaseStudy<'_>, Fit)| (!fit.explains(), -left(fit, most));
    fits.sort_by(|a, b| kept(a).partial_cmp(&kept(b)).unwrap_or(Ordering::Equal));
    (!fits.is_empty()).then(|| Figure {
        id: format!("scaling-{}", work.id()),
        title: format!("Limits of each lock: {work}, {}", place(placement)),
        answer: answer(&fits, most),
        note: "The universal scalability law, X(n) = \u{3bb} n / (1 + \u{3c3} (n \u{2212} 1) + \u{3ba} n (n \
             \u{2212} 1)) (Gunther 2007), fitted by least squares, with intervals over repetitions. \
             \u{3bb} is the rate of one contender. Contention (\u{3c3}): at 0 % every contender adds its full \
             rate, at 100 % all together reach the rate of one, and above 100 % the second contender costs \
             more than it adds, because a single one keeps the lock in its own cache. Coherence (\u{3ba}): \
             the cost of each pair of contenders. The law has no time slices: with more contenders than CPUs \
             the fit describes the curve without explaining it."
            .into(),
        table: table(&fits),
        ..Figure::default()
    })
}

/// Fitted rate of all contenders together, relative to that of a single one.
fn left(fit: &Fit, contenders: u32) -> f64 {
    fit.terms.at(f64::from(contenders)) / fit.terms.lambda
}

fn points(cases: &[&CaseStudy<'_>]) -> Vec<Point> {
    let rate = |record: &ipcmark_record::Record| record.outcome.metric(metric::ACQUISITIONS_PER_S);
    let point = |case: &&CaseStudy<'_>| Point {
        n: f64::from(contenders(case.case)),
        repetitions: case.usable().filter_map(rate).collect(),
    };
    cases.iter().map(point).collect()
}

/// `contention 12 % [10, 14], coherence 0.3 % [0.2, 0.4]; most with 17 contenders`.
fn describe(fit: &Fit) -> String {
    if !fit.explains() {
        return format!(
            "the law explains little of it (R\u{b2} {}, {} off)",
            format::ratio(fit.r2),
            format::percent(fit.miss)
        );
    }
    let peak = match fit.terms.peak() {
        Some(n) if n < 1.5 => "most with one contender".to_owned(),
        Some(n) => format!("most with {n:.0} contenders"),
        None => "never falls".to_owned(),
    };
    format!(
        "contention {}, coherence {}; {peak}",
        with_ends(fit.terms.sigma, fit.sigma),
        with_ends(fit.terms.kappa, fit.kappa)
    )
}

fn with_ends(share: f64, interval: Option<Interval>) -> String {
    let number = |share: f64| format::percent(share).trim_end_matches("\u{202f}%").to_owned();
    let ends = interval.map(|i| format!(" [{}, {}]", number(i.low), number(i.high)));
    format!("{}{}", format::percent(share), ends.unwrap_or_default())
}

fn answer(fits: &[(&CaseStudy<'_>, Fit)], most: u32) -> String {
    let explained: Vec<_> = fits.iter().filter(|(_, fit)| fit.explains()).collect();
    let name = |(case, fit): &&(&CaseStudy<'_>, Fit)| {
        format!("{} ({}: {})", case.series.quoted(), format::percent(left(fit, most)), describe(fit))
    };
    let named: Vec<String> = explained.iter().take(MOST_NAMED).map(name).collect();
    let rest = fits.len() - explained.len();
    let rest = match rest {
        0 => String::new(),
        1 => " The law explains little of one curve.".to_owned(),
        some => format!(" The law explains little of {some} curves."),
    };
    if named.is_empty() {
        return format!("The law does not describe these curves.{}", if fits.len() > 1 { rest.as_str() } else { "" });
    }
    format!("With {most} contenders these keep most of the rate of one: {}.{rest}", named.join("; "))
}

fn table(fits: &[(&CaseStudy<'_>, Fit)]) -> Table {
    Table::of(fits)
        .text("Lock", "mechanism", |(case, _)| case.series.label())
        .text("In words", "words", |(_, fit)| describe(fit))
        .text("Waiting", "waiting", |(case, _)| case.series.manner.word())
        .number("\u{3bb}", "lambda_per_s", format::rate, |(_, fit)| Some(fit.terms.lambda))
        .number("\u{3c3}", "sigma_share", format::percent, |(_, fit)| Some(fit.terms.sigma))
        .number("\u{3ba}", "kappa_share", format::percent, |(_, fit)| Some(fit.terms.kappa))
        .number("R\u{b2}", "r2_count", format::ratio, |(_, fit)| Some(fit.r2))
        .number("Off by", "miss_share", format::percent, |(_, fit)| Some(fit.miss))
        .count("Points", "points_count", |(_, fit)| Some(fit.points as f64))
        .table()
}
