//! The rules: limits, exclusions, order and ties.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::choice::{self, ChoiceErrors};
use super::request::shown_cpus;
use super::{Advice, Basis, Candidate, Decision, Excluded, Figure, PredictionError, Request, Span, Subject};
use crate::analyse::best;
use crate::format;

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
    choice_errors: &ChoiceErrors,
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
    let first = candidates.first().and_then(|first| first.typical.as_ref()).map(|figure| figure.span);
    for candidate in candidates.iter_mut().skip(1) {
        let span = candidate.typical.as_ref().map(|figure| figure.span);
        candidate.tied =
            first.zip(span).is_some_and(|(first, span)| first.is_sure() && span.is_sure() && first.overlaps(span));
    }
    excluded.sort_by(|a, b| (&a.why, &a.row).cmp(&(&b.why, &b.row)));
    let choice_error = choice_errors.among(&candidates);
    let decision = decide(request.subject, &candidates, choice_error);
    let answer = answer(request, decision, &candidates, &excluded, choice_error);
    let ranked_by = request.subject.typical_word();
    let to_measure = (decision == Decision::CannotTell || candidates.is_empty() && excluded.is_empty())
        .then(|| format!("ipcmark advise {} --measure 2m", request.options()));
    Advice {
        answer,
        to_measure,
        request: request.clone(),
        machine,
        placement,
        decision,
        ranked_by,
        choice_error,
        choice_errors: choice_errors.clone(),
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
    let typical = candidate.typical.as_ref();
    if typical.is_none_or(|figure| !figure.span.is_sure()) {
        let why = match typical {
            Some(figure) if figure.basis == Basis::Measured => "measured in fewer than five repetitions",
            Some(_) => "a prediction, its error unknown",
            None => "unknown",
        };
        doubts.push(format!("{} {why}", request.subject.typical_word()));
    }
    if let Subject::Transport { rate_per_s, .. } = request.subject {
        let rate = rate_per_s as f64;
        let show = |value: f64| format::rate(value).trimmed().to_string();
        match &candidate.capacity_per_s {
            Some(figure) if figure.span.high < rate => {
                return Err(excluded(
                    format!("cannot keep {}", show(rate)),
                    format!("at most {}", show(figure.span.high)),
                ));
            }
            Some(figure) if figure.span.low >= rate => {}
            Some(figure) => doubts.push(format!("the rate is near its limit of {}", show(figure.span.value))),
            None => doubts.push("highest rate unknown".to_owned()),
        }
    }
    if let Some(limit) = request.p99_ns {
        // The median is below the 99th percentile.
        let is_time = !request.subject.is_rate();
        let median = typical.filter(|figure| is_time && figure.span.low > limit);
        let broken =
            |figure: &Figure| excluded(format!("p99 above {}\u{202f}µs", format::digits(limit / 1e3)), ends(figure));
        let p99 = candidate.p99_ns.as_ref();
        if let Some(figure) = p99.filter(|figure| figure.span.low > limit).or(median) {
            return Err(broken(figure));
        }
        match p99.map(|figure| (figure, figure.span.at_most(limit))) {
            Some((_, Some(_))) => {}
            Some((figure, None)) => doubts.push(format!("p99 {}", figure.unsure(format::ns))),
            None => doubts.push("p99 unknown".to_owned()),
        }
    }
    if let Some(limit) = request.max_cpus {
        match candidate.cpus.as_ref().map(|figure| (figure, figure.span.at_most(limit))) {
            Some((figure, Some(false))) => {
                let needs = Some(shown_cpus(figure.span.value)).filter(|needs| *needs != shown_cpus(limit));
                return Err(excluded(format!("needs more than {}", shown_cpus(limit)), needs.unwrap_or_default()));
            }
            Some((_, Some(true))) => {}
            Some((figure, None)) => {
                doubts.push(format!("CPUs {}", figure.unsure(bare)));
            }
            None => doubts.push("CPU time unknown".to_owned()),
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

/// Both ends of a time.
pub(crate) fn ends(figure: &Figure) -> String {
    format::span(figure.span.low, figure.span.high, format::time)
}

/// A number of CPUs without the word.
pub(crate) fn bare(cpus: f64) -> String {
    format::ratio(cpus).trimmed().to_string()
}

/// Candidates that surely meet the request before doubtful ones; within each by the worse end of the interval, which a
/// prediction with a large error has far away.
fn order(request: &Request, a: &Candidate, b: &Candidate) -> Ordering {
    let key = |one: &Candidate| {
        let span = one.typical.as_ref().map_or(Span::unsure(f64::INFINITY), |figure| figure.span);
        let (worse, value) = if request.subject.is_rate() { (-span.low, -span.value) } else { (span.high, span.value) };
        (!one.is_sure(), if one.is_sure() { worse } else { value }, value)
    };
    let (a_key, b_key) = (key(a), key(b));
    let by_value = a_key.1.total_cmp(&b_key.1).then(a_key.2.total_cmp(&b_key.2));
    a_key.0.cmp(&b_key.0).then(by_value).then_with(|| a.row.cmp(&b.row))
}

/// Other candidates that are as good as the first as far as is known.
fn ties(candidates: &[Candidate]) -> Vec<&Candidate> {
    candidates.iter().skip(1).filter(|one| one.tied && one.is_sure()).collect()
}

fn is_measured(one: &Candidate) -> bool {
    one.typical.as_ref().is_some_and(|figure| figure.basis == Basis::Measured)
}

/// Whether the value of a candidate is better than that of the first by more than a choice may be behind, and more evidence
/// may change the order: one of the two is a prediction, or in doubt.
fn may_be_far_better(subject: Subject, one: &Candidate, first: &Candidate) -> bool {
    let Some((one, first)) = one.typical.as_ref().zip(first.typical.as_ref()) else { return false };
    let [better, worse] = if subject.is_rate() { [first, one] } else { [one, first] };
    let told = one.is_sure() && one.basis == Basis::Measured && first.basis == Basis::Measured;
    !told && better.span.value * choice::MOST_BEHIND < worse.span.value
}

fn decide(subject: Subject, candidates: &[Candidate], choice_error: Option<PredictionError>) -> Decision {
    let Some(first) = candidates.first() else { return Decision::Nothing };
    let ties = ties(candidates);
    if !first.is_sure() || candidates.iter().any(|one| may_be_far_better(subject, one, first)) {
        Decision::CannotTell
    } else if ties.is_empty() {
        Decision::Clear
    } else if is_measured(first) && ties.iter().all(|one| is_measured(one)) || choice::in_words(choice_error).is_some()
    {
        Decision::Tied
    } else {
        Decision::CannotTell
    }
}

fn answer(
    request: &Request,
    decision: Decision,
    candidates: &[Candidate],
    excluded: &[Excluded],
    choice_error: Option<PredictionError>,
) -> String {
    let Some(first) = candidates.first() else {
        return match excluded.len() {
            0 => "Can't tell: these records have no case of this kind.".to_owned(),
            rows => format!("None of {rows} mechanisms meets the request."),
        };
    };
    let best = format!("{}: {}.", first.row, in_figures(request.subject, first));
    if !first.is_sure() {
        return format!(
            "Can't tell: no mechanism surely meets the request. Predicted best is {best} In doubt: {}.",
            first.doubts.join("; ")
        );
    }
    let ties = ties(candidates);
    let all_measured = is_measured(first) && ties.iter().all(|one| is_measured(one));
    let ties = named(&ties);
    let mut said = match (decision, choice::in_words(choice_error)) {
        (Decision::Tied, Some(choice)) if !all_measured => {
            format!("Use {best} Predictions overlap with {ties}; {choice}.")
        }
        (Decision::Tied, _) => format!("Use {best} Statistically tied with {ties}."),
        (Decision::CannotTell, _) if ties.is_empty() => format!("Can't tell which is best. First is {best}"),
        (Decision::CannotTell, _) => {
            format!("Can't tell which is best. First is {best} Predictions overlap with {ties}.")
        }
        _ => format!("Use {best}"),
    };
    let value = |one: &Candidate| one.typical.as_ref().map(|figure| figure.span.value);
    let better = |one: &&Candidate| {
        let (one, first) = (value(one), value(first));
        one.zip(first).is_some_and(|(one, first)| if request.subject.is_rate() { one > first } else { one < first })
    };
    let doubtful: Vec<&Candidate> = candidates[1..].iter().filter(|one| !one.is_sure()).filter(better).collect();
    if !doubtful.is_empty() {
        let _ = write!(said, " Perhaps better, but in doubt: {}.", named(&doubtful));
    }
    said
}

fn named(rows: &[&Candidate]) -> String {
    best::named(rows.iter().map(|one| one.row.clone()))
}

/// Figures of a candidate in an answer.
pub(crate) fn in_figures(subject: Subject, candidate: &Candidate) -> String {
    let exact = |figure: &Figure| match figure.error_said() {
        said if said.is_empty() || said.starts_with('±') => format!(" {said}").trim_end().to_owned(),
        said => format!(" ({said})"),
    };
    let typical = candidate.typical.as_ref().map(|figure| {
        let value = format!("{}{}", subject.shown(figure.span.value), exact(figure));
        if subject.is_rate() {
            format!("{value} {}", subject.typical_word())
        } else {
            format!("{} {value}", subject.typical_word())
        }
    });
    let p99 = candidate.p99_ns.as_ref().map(|figure| format!("p99 {}{}", format::ns(figure.span.value), exact(figure)));
    let cpus = candidate.cpus.as_ref().map(|figure| format!("{} busy", shown_cpus(figure.span.value)));
    [typical, p99, cpus].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
