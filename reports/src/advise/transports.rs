//! Candidates among transports: from paced cases, else round trips and streams, else declared costs and floors.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark_record::{Case, Measure, Pattern, Verdict};

use super::choice::{ChoiceErrors, LeftOut};
use super::death::Death;
use super::families::{cases, p99, typical, unfit};
use super::floors::FromFloors;
use super::rank::Draft;
use super::request::{Request, Subject};
use super::span::{Multiple, Span};
use super::table::{Basis, Figure, Table};
use super::{Candidate, Excluded, NOT_MEASURED};
use crate::analyse::load::{is_overloaded, is_sustained, rate};
use crate::analyse::series::{Manner, Series};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::usable;
use crate::format;

/// Part of the rate of a stream that an open loop surely keeps: it also reads the clock, and its receiver may sleep.
const SURE_SHARE: f64 = 0.7;
/// Part of the rate of a stream from which on the latency of an open loop grows with the rate, and tells nothing about lower
/// rates.
const LOADED_SHARE: f64 = 0.5;
/// A send takes more than this.
const LEAST_SEND_NS: f64 = 1.0;

/// Everything known of the transports of one machine.
struct Known<'s, 'a> {
    subject: Subject,
    rate_per_s: f64,
    bytes: u64,
    pattern: Pattern,
    latency: Table<'s, 'a>,
    p99: Table<'s, 'a>,
    /// CPU time of the receivers for a message.
    receiver_cpu: Table<'s, 'a>,
    stream: Table<'s, 'a>,
    /// CPU time of the senders for a message of a stream.
    sender_cpu: Table<'s, 'a>,
    /// One way of a round trip.
    one_way: Table<'s, 'a>,
    /// CPU time of a message of a round trip, both endpoints.
    trip_cpu: Table<'s, 'a>,
    floors: FromFloors<'s>,
    paced: BTreeMap<String, Vec<&'s CaseStudy<'a>>>,
    /// How rows wait.
    manners: BTreeMap<String, Manner>,
}

/// All rows.
pub(super) fn drafts<'s>(
    request: &Request,
    here: &'s Study<'_>,
    others: &'s [Study<'_>],
    refused: &dyn Fn(&str) -> Option<String>,
) -> Vec<Draft> {
    let Subject::Transport { message_bytes, rate_per_s, pattern } = request.subject else { return vec![] };
    let all = cases(here, request.subject);
    let known = Known::of(request.subject, (message_bytes, rate_per_s, pattern), &all, FromFloors::of(here, others));
    let mut rows: BTreeMap<String, (&Case, Option<&Series>)> = BTreeMap::new();
    for (row, _, case) in known.floors.names() {
        rows.entry(row.clone()).or_insert((case, None));
    }
    for case in &all {
        rows.insert(case.series.label(), (case.case, Some(&case.series)));
    }
    let lossy = |row: &str| {
        let of_row = |case: &&&CaseStudy<'_>| case.series.label() == row;
        all.iter().filter(of_row).any(|case| case.summary.lost_share.is_some())
    };
    let draft = |(row, (case, series)): (String, (&Case, Option<&Series>))| {
        let excluded = |why: String| Draft::Excluded(Excluded { row: row.clone(), why, detail: String::new() });
        let group = series.map_or(case.group, |series| series.group);
        if let Some(why) = series.and_then(|series| unfit(series.group)) {
            return excluded(why.to_owned());
        }
        if let Some(why) = refused(&row) {
            return excluded(why);
        }
        if lossy(&row) {
            return excluded("may lose messages".to_owned());
        }
        let (typical, p99_ns) = known.latencies(&row);
        let capacity_per_s = known.capacity(&row);
        if typical.is_none() && capacity_per_s.is_none() {
            return excluded(NOT_MEASURED.to_owned());
        }
        Draft::Candidate(Box::new(Candidate {
            waits: known.manner(&row).map_or("", Manner::word),
            typical,
            p99_ns,
            cpus: known.cpus(&row),
            capacity_per_s,
            death: Death::of_transport(case, group),
            doubts: vec![],
            tied: false,
            row,
        }))
    };
    rows.into_iter().map(draft).collect()
}

/// Error of choices by predictions: each measured size and rate is left out and predicted from the rest.
pub(super) fn choice_errors(subject: Subject, here: &Study<'_>, others: &[Study<'_>]) -> ChoiceErrors {
    let Subject::Transport { pattern, .. } = subject else { return ChoiceErrors::default() };
    let all = cases(here, subject);
    let point = |case: &CaseStudy<'_>| (case.bytes(), case.case.params.rate_per_s.unwrap_or(0));
    let paced = |case: &&&CaseStudy<'_>| case.case.measure == Measure::Paced && case.case.pattern() == pattern;
    let points: BTreeSet<(u64, u64)> = all.iter().filter(paced).map(|case| point(case)).collect();
    let left_out = |at: (u64, u64)| {
        let asked = Subject::Transport { message_bytes: at.0, rate_per_s: at.1, pattern };
        let (out, rest): (Vec<&CaseStudy<'_>>, Vec<&CaseStudy<'_>>) =
            all.iter().copied().partition(|case| paced(&case) && point(case) == at);
        let known = Known::of(asked, (at.0, at.1, pattern), &rest, FromFloors::of(here, others));
        let row = |case: &&CaseStudy<'_>| {
            let measured = typical(case).filter(|span| span.is_sure() && is_sustained(case))?;
            let predicted = known.latencies(&case.series.label()).0?.span;
            Some(LeftOut { manner: case.series.manner, measured, predicted })
        };
        out.iter().filter_map(row).collect()
    };
    ChoiceErrors::of(&points.into_iter().map(left_out).collect::<Vec<Vec<LeftOut>>>())
}

impl<'s, 'a> Known<'s, 'a> {
    fn of(
        subject: Subject,
        (bytes, rate_per_s, pattern): (u64, u64, Pattern),
        all: &[&'s CaseStudy<'a>],
        floors: FromFloors<'s>,
    ) -> Self {
        let table = |measure, value: &dyn Fn(&CaseStudy<'_>) -> Option<Span>| Table::of(subject, measure, all, value);
        let stream = table(Measure::Stream, &typical);
        let loaded = |case: &CaseStudy<'_>| {
            let at = Subject::Transport {
                message_bytes: case.bytes(),
                rate_per_s: case.case.params.rate_per_s.unwrap_or(1),
                pattern: case.case.pattern(),
            };
            let asked = case.bytes() == bytes && at == subject;
            let most = stream.figure_for(at, &case.series.label()).map(|figure| figure.span.value);
            !asked && most.is_some_and(|most| rate(case) > LOADED_SHARE * most)
        };
        let kept = |case: &CaseStudy<'_>| is_sustained(case) && !loaded(case);
        let cpu = |case: &CaseStudy<'_>| case.cpu_ns().map(|found| Span::of(&found));
        let mut paced: BTreeMap<String, Vec<&CaseStudy<'_>>> = BTreeMap::new();
        let mut manners = BTreeMap::new();
        for case in all.iter().copied() {
            manners.insert(case.series.label(), case.series.manner);
            if case.case.measure == Measure::Paced && case.summary.typical.is_some() {
                paced.entry(case.series.label()).or_default().push(case);
            }
        }
        for (row, manner, _) in floors.names() {
            manners.entry(row.clone()).or_insert(manner);
        }
        Self {
            latency: table(Measure::Paced, &|case| typical(case).filter(|_| kept(case))),
            p99: table(Measure::Paced, &|case| p99(case).filter(|_| kept(case))),
            receiver_cpu: table(Measure::Paced, &|case| cpu(case).filter(|_| kept(case))),
            sender_cpu: table(Measure::Stream, &sender_cpu),
            one_way: table(Measure::RoundTrip, &|case| Some(typical(case)?.times(0.5))),
            trip_cpu: table(Measure::RoundTrip, &cpu),
            stream,
            subject,
            rate_per_s: rate_per_s as f64,
            bytes,
            pattern,
            floors,
            paced,
            manners,
        }
    }

    fn manner(&self, row: &str) -> Option<Manner> {
        self.manners.get(row).copied()
    }

    /// Median and 99th percentile of the latency. A 99th percentile without a known error is left out.
    fn latencies(&self, row: &str) -> (Option<Figure>, Option<Figure>) {
        let by_round_trip = |table: &Table<'_, '_>| {
            let figure = self.one_way.figure(row).or_else(|| self.one_way_by_floors(row))?;
            let multiple = self.multiple(table, &self.one_way, row);
            Some(figure.times(multiple.map_or(1.0, |m| m.ratio), multiple.map(|m| m.error), Basis::OtherMeasure))
        };
        // Of several predictions the one with the least error.
        let of = |table: &Table<'_, '_>| {
            let figures = [table.figure(row), by_round_trip(table)].into_iter().flatten();
            figures.min_by(|a, b| a.factor().total_cmp(&b.factor()))
        };
        (of(&self.latency), of(&self.p99).filter(Figure::is_sure))
    }

    fn one_way_by_floors(&self, row: &str) -> Option<Figure> {
        let figure = self.floors.figure(row, Measure::RoundTrip, self.bytes)?;
        Some(Figure { span: figure.span.times(0.5), ..figure })
    }

    /// Values of `table` as multiples of those of `other` in the other rows that wait like this one: at the paced case of
    /// each row that is nearest to the request, with the other measure at the size of that case.
    fn multiple(&self, table: &Table<'_, '_>, other: &Table<'_, '_>, row: &str) -> Option<Multiple> {
        let manner = self.manner(row)?;
        let ratios: Vec<f64> = table
            .names()
            .filter(|name| *name != row && self.manner(name) == Some(manner))
            .filter_map(|name| {
                let figure = table.figure(name)?;
                let nearest =
                    table.row(name).iter().find(|point| figure.cases.first().is_some_and(|key| key == point.of.key))?;
                let at = self.subject_at(nearest.of.case);
                let beside = other.figure_for(at, name).filter(|figure| figure.basis == Basis::Measured)?;
                Some(nearest.span.value / beside.span.value)
            })
            .collect();
        Multiple::of(&ratios)
    }

    fn subject_at(&self, case: &Case) -> Subject {
        match self.subject {
            Subject::Transport { rate_per_s, pattern, .. } => {
                Subject::Transport { message_bytes: case.params.message_bytes.unwrap_or(0), rate_per_s, pattern }
            }
            other => other,
        }
    }

    /// Highest rate: proven by a paced case, else from streams.
    fn capacity(&self, row: &str) -> Option<Figure> {
        self.proven(row).or_else(|| self.saturation(row))
    }

    /// A rate that was kept with messages as large at a rate as high, or missed with messages as small at a rate as low.
    fn proven(&self, row: &str) -> Option<Figure> {
        let cases = self.paced.get(row)?;
        let figure = |case: &CaseStudy<'_>, span: Span, word: &str| {
            let as_asked = case.bytes() == self.bytes && (rate(case) - self.rate_per_s).abs() < 0.5;
            Figure {
                span,
                basis: if as_asked { Basis::Measured } else { Basis::Bound },
                evidence: format!("{word} {} with {}", format::rate(rate(case)).trimmed(), format::bytes(case.bytes())),
                cases: vec![case.key.to_owned()],
                error: None,
            }
        };
        let of_pattern = || cases.iter().filter(|case| case.case.pattern() == self.pattern);
        // Which repetitions kept the rate differs near the limit.
        let all_missed = |case: &CaseStudy<'_>| {
            usable(&case.records).all(|record| record.outcome.verdict == Some(Verdict::Overloaded))
        };
        let kept = of_pattern().find(|case| {
            is_sustained(case)
                && case.bytes() >= self.bytes
                && rate(case) >= self.rate_per_s
                && case.usable().count() > 1
        });
        if let Some(case) = kept {
            return Some(figure(case, Span { value: rate(case), low: rate(case), high: f64::INFINITY }, "kept"));
        }
        let missed = of_pattern().find(|case| {
            is_overloaded(case) && all_missed(case) && case.bytes() <= self.bytes && rate(case) <= self.rate_per_s
        });
        missed.map(|case| {
            let reached = case.summary.messages_per_s.unwrap_or(0.0);
            figure(case, Span { value: reached, low: 0.0, high: reached.min(rate(case)) }, "missed")
        })
    }

    fn saturation(&self, row: &str) -> Option<Figure> {
        let mut figure = self.stream.figure(row).or_else(|| {
            let message = self.floors.figure(row, Measure::Stream, self.bytes)?;
            Some(Figure { span: message.span.inverted(), ..message })
        })?;
        figure.span.low *= SURE_SHARE;
        if figure.basis == Basis::Measured {
            figure.basis = Basis::OtherMeasure;
        }
        Some(figure)
    }

    /// CPUs that senders and receivers keep busy.
    fn cpus(&self, row: &str) -> Option<Figure> {
        let manner = self.manner(row)?;
        let receivers = f64::from(self.pattern.receivers);
        let receiver = match manner {
            Manner::Polls => Figure {
                span: Span::exact(receivers),
                basis: Basis::Known,
                evidence: "a receiver that polls keeps its CPU busy".to_owned(),
                cases: vec![],
                error: None,
            },
            _ => self.receiver_cpus(row, manner, receivers)?,
        };
        let least = LEAST_SEND_NS * self.rate_per_s / 1e9;
        let sender = self.sender_cpus(row, manner).unwrap_or(Span { value: least, low: least, high: f64::INFINITY });
        Some(Figure { span: receiver.span.plus(sender), ..receiver })
    }

    fn receiver_cpus(&self, row: &str, manner: Manner, receivers: f64) -> Option<Figure> {
        let for_a_message = self.receiver_cpu.figure(row).or_else(|| {
            // A hybrid receiver polls for as long as its budget: a round trip does not show that.
            let figure = self.trip_cpu.figure(row).filter(|_| manner == Manner::Blocks)?;
            let multiple = self.multiple(&self.receiver_cpu, &self.trip_cpu, row);
            Some(figure.times(multiple.map_or(0.5, |m| m.ratio), multiple.map(|m| m.error), Basis::OtherMeasure))
        });
        let most = |span: Span| Span {
            value: span.value.min(receivers),
            low: span.low.min(receivers),
            high: span.high.min(receivers),
        };
        match for_a_message {
            Some(figure) => Some(Figure { span: most(figure.span.times(self.rate_per_s / 1e9)), ..figure }),
            None if manner == Manner::PollsThenBlocks => Some(Figure {
                span: Span { value: receivers, low: 0.0, high: receivers },
                basis: Basis::Known,
                evidence: "a receiver keeps at most its CPU busy".to_owned(),
                cases: vec![],
                error: None,
            }),
            None => None,
        }
    }

    /// A sender that is not late only sends. Polling rows cost at most what they cost in a stream. One that wakes a
    /// sleeper costs at most what both endpoints of a round trip do.
    fn sender_cpus(&self, row: &str, manner: Manner) -> Option<Span> {
        let share = self.rate_per_s / 1e9;
        let senders = f64::from(self.pattern.senders);
        let capped = |span: Span| Span { high: span.high.min(senders), value: span.value.min(senders), ..span };
        let stream = self.sender_cpu.figure(row).map(|figure| figure.span);
        if manner == Manner::Polls || manner == Manner::PollsThenBlocks {
            let stream = stream?;
            return Some(capped(Span { low: LEAST_SEND_NS, ..stream }.times(share)));
        }
        let trip = self.trip_cpu.figure(row).map(|figure| figure.span)?;
        let least = stream.map_or(trip.low / 4.0, |stream| stream.low.min(trip.low / 4.0));
        let most = stream.map_or(trip.high, |stream| stream.high.max(trip.high));
        Some(capped(Span { value: trip.value / 2.0, low: least, high: most }.times(share)))
    }
}

/// CPU time of the senders for a message of a stream.
fn sender_cpu(case: &CaseStudy<'_>) -> Option<Span> {
    let of = |record: &ipcmark_record::Record| {
        let roles = record.outcome.roles.as_ref()?;
        let senders = roles.iter().filter(|role| role.role == "sender");
        let (ns, messages) =
            senders.fold((0, 0), |sum, role| (sum.0 + role.user_ns + role.system_ns, sum.1 + role.messages));
        (messages > 0 && ns > 0).then(|| ns as f64 / messages as f64)
    };
    let each: Vec<f64> = case.usable().filter_map(of).collect();
    let value = crate::analyse::statistics::median(each.iter().copied())?;
    let ends = each.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), ns| (low.min(*ns), high.max(*ns)));
    Some(Span { value, low: ends.0, high: ends.1 })
}
