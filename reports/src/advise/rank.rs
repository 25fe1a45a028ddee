//! The rules: limits, exclusions, order and ties.

use std::cmp::Ordering;

use super::{Advice, Candidate, Decision, Excluded, Figure, Request, Span, Subject};
use crate::format;

/// Names in an answer before the rest is counted.
const MOST_NAMED: usize = 3;

/// A row before it is judged.
pub(super) enum Draft {
    /// May meet the request.
    Candidate(Box<Candidate>),
    /// Cannot.
    Excluded(Excluded),
}

/// Judges and orders the rows.
pub(super) fn ranked(
    request: &Request,
    machine: String,
    placement: Option<&'static str>,
    drafts: Vec<Draft>,
) -> Advice {
    let (mut candidates, mut excluded) = (Vec::new(), Vec::new());
    for draft in drafts {
        match draft {
            Draft::Excluded(row) => excluded.push(row),
            Draft::Candidate(candidate) => match judge(request, &candidate) {
                Ok(doubts) => candidates.push(Candidate { doubts, ..*candidate }),
                Err(reason) => excluded.push(reason),
            },
        }
    }
    candidates.sort_by(|a, b| order(request, a, b));
    let first = candidates.first().and_then(|first| criterion(request, first)).map(|figure| figure.span);
    for candidate in candidates.iter_mut().skip(1) {
        let span = criterion(request, candidate).map(|figure| figure.span);
        candidate.tied = first.zip(span).is_none_or(|(first, span)| first.overlaps(span));
    }
    excluded.sort_by(|a, b| (&a.why, &a.row).cmp(&(&b.why, &b.row)));
    let decision = decide(&candidates);
    Advice {
        answer: answer(request, decision, &candidates, &excluded),
        request: request.clone(),
        machine,
        placement,
        decision,
        ranked_by: ranked_by(request),
        candidates,
        excluded,
    }
}

/// Limits of the request that cannot be judged for a row.
///
/// Errors: the limit that it surely breaks.
fn judge(request: &Request, candidate: &Candidate) -> Result<Vec<String>, Excluded> {
    let mut doubts = Vec::new();
    let excluded = |why: String, detail: String| Excluded { row: candidate.row.clone(), why, detail };
    if let Subject::Transport { rate_per_s, .. } = request.subject {
        let rate = rate_per_s as f64;
        let show = |value: f64| format::rate(value).to_string();
        match &candidate.capacity_per_s {
            Some(figure) if figure.span.high < rate => {
                let why = format!("cannot keep {} messages a second", show(rate));
                return Err(excluded(why, format!("at most {}", show(figure.span.high))));
            }
            Some(figure) if figure.span.low >= rate => {}
            Some(figure) => doubts.push(format!("the rate is near its limit of {}", show(figure.span.value))),
            None => doubts.push("its highest rate is unknown".to_owned()),
        }
    }
    if let Some(limit) = request.p99_ns {
        // The median is below the 99th percentile.
        let is_time = !request.subject.is_rate();
        let median = candidate.typical.as_ref().filter(|figure| is_time && figure.span.low > limit);
        let broken = |figure: &Figure| {
            let ends = format::span(figure.span.low, figure.span.high, format::time);
            excluded(format!("p99 above {}", format::ns(limit)), ends)
        };
        let p99 = candidate.p99_ns.as_ref();
        if let Some(figure) = p99.filter(|figure| figure.span.low > limit).or(median) {
            return Err(broken(figure));
        }
        match p99.map(|figure| (figure, figure.span.at_most(limit))) {
            Some((_, Some(_))) => {}
            Some((figure, None)) => doubts.push(format!("p99 {}", unsure(figure, format::ns))),
            None => doubts.push("its p99 is unknown".to_owned()),
        }
    }
    if let Some(limit) = request.max_cpus {
        match candidate.cpus.as_ref().map(|figure| (figure, figure.span.at_most(limit))) {
            Some((figure, Some(false))) => {
                let detail = format!("{} CPUs", format::ratio(figure.span.value));
                return Err(excluded(format!("needs more than {} CPUs", format::ratio(limit).trimmed()), detail));
            }
            Some((_, Some(true))) => {}
            Some((figure, None)) => {
                doubts.push(format!("CPUs {}", unsure(figure, |value| format::ratio(value).to_string())));
            }
            None => doubts.push("its CPU time is unknown".to_owned()),
        }
    }
    if request.must_survive_crash {
        match candidate.death.survives {
            Some(false) => {
                return Err(excluded("does not survive a crash".to_owned(), candidate.death.words.clone()));
            }
            Some(true) => {}
            None => doubts.push(format!("after a crash: {}", candidate.death.words)),
        }
    }
    Ok(doubts)
}

fn unsure(figure: &Figure, show: impl Fn(f64) -> String) -> String {
    let Span { value, low, high } = figure.span;
    if high.is_finite() { format!("{} to {}", show(low), show(high)) } else { format!("about {}, unsure", show(value)) }
}

/// The figure that ranks candidates: the 99th percentile of a latency if it has a limit, else the main metric.
fn criterion<'c>(request: &Request, candidate: &'c Candidate) -> Option<&'c Figure> {
    let by_p99 = request.p99_ns.is_some() && matches!(request.subject, Subject::Transport { .. });
    if by_p99 { candidate.p99_ns.as_ref() } else { candidate.typical.as_ref() }
}

fn ranked_by(request: &Request) -> &'static str {
    match request.subject {
        Subject::Transport { .. } if request.p99_ns.is_some() => "p99",
        subject => subject.typical_word(),
    }
}

/// Measured candidates that surely meet the request, then predicted ones that do, then doubtful ones; within each by the
/// criterion.
fn order(request: &Request, a: &Candidate, b: &Candidate) -> Ordering {
    let class = |one: &Candidate| {
        let figure = criterion(request, one);
        match figure {
            Some(figure) if one.is_sure() => 1 + u8::from(figure.basis != super::Basis::Measured),
            Some(_) => 3,
            None => 4,
        }
    };
    let value = |one: &Candidate| criterion(request, one).map_or(f64::INFINITY, |figure| figure.span.value);
    let sign = if request.subject.is_rate() { -1.0 } else { 1.0 };
    let by_value = (sign * value(a)).total_cmp(&(sign * value(b)));
    class(a).cmp(&class(b)).then(by_value).then_with(|| a.row.cmp(&b.row))
}

fn decide(candidates: &[Candidate]) -> Decision {
    match candidates {
        [] => Decision::Nothing,
        [first, ..] if !first.is_sure() => Decision::CannotTell,
        [_, others @ ..] if others.iter().any(|other| other.is_sure() && other.tied) => Decision::Tied,
        _ => Decision::Clear,
    }
}

fn answer(request: &Request, decision: Decision, candidates: &[Candidate], excluded: &[Excluded]) -> String {
    let Some(first) = candidates.first() else {
        return match excluded.len() {
            0 => "Can't tell: these records have no case of this kind.".to_owned(),
            rows => format!("None of {rows} mechanisms meets the request."),
        };
    };
    if decision == Decision::CannotTell {
        return format!(
            "Can't tell: no mechanism surely meets the request. Most likely {}: {}.",
            first.row,
            first.doubts.join("; ")
        );
    }
    let mut said = vec![format!("Use {}: {}.", first.row, in_figures(request, first))];
    let named = |rows: Vec<&str>| {
        let more = rows.len().saturating_sub(MOST_NAMED);
        let names = rows.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{names} and {more} more") } else { names }
    };
    let tied: Vec<&str> =
        candidates[1..].iter().filter(|one| one.tied && one.is_sure()).map(|one| one.row.as_str()).collect();
    if !tied.is_empty() {
        said.push(format!("Statistically tied with {}.", named(tied)));
    }
    let better = |one: &&Candidate| {
        let (one, first) = (criterion(request, one), criterion(request, first));
        one.zip(first).is_some_and(|(one, first)| {
            if request.subject.is_rate() {
                one.span.value > first.span.value
            } else {
                one.span.value < first.span.value
            }
        })
    };
    let doubtful: Vec<&str> =
        candidates[1..].iter().filter(|one| !one.is_sure()).filter(better).map(|one| one.row.as_str()).collect();
    if !doubtful.is_empty() {
        said.push(format!("Perhaps better, but not surely within the limits: {}.", named(doubtful)));
    }
    said.join(" ")
}

fn in_figures(request: &Request, candidate: &Candidate) -> String {
    let subject = request.subject;
    let shown = |figure: &Figure, text: String| {
        let sure = figure.span.is_sure() && figure.span.low < figure.span.high;
        let spread = (figure.span.value - figure.span.low).max(figure.span.high - figure.span.value);
        let ends =
            if sure { format!(" ±{}", format::percent_short(spread / figure.span.value)) } else { String::new() };
        format!("{text}{ends}")
    };
    let typical = candidate.typical.as_ref().map(|figure| {
        let value = shown(figure, subject.shown(figure.span.value).to_string());
        if subject.is_rate() {
            format!("{value} {}", subject.typical_word())
        } else {
            format!("{} {value}", subject.typical_word())
        }
    });
    let p99 = candidate.p99_ns.as_ref().map(|figure| format!("p99 {}", shown(figure, format::ns(figure.span.value))));
    let cpus = candidate.cpus.as_ref().map(|figure| format!("{} CPUs busy", format::ratio(figure.span.value)));
    [typical, p99, cpus].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
