//! Common ground: groups of cases of one measure that share all parameters except those that a chart varies.

use std::collections::BTreeSet;

use ipcmark_record::{Case, Chunk, Isolation, Measure, Pattern, Service};

use super::answer::place;
use super::crowd::Crowd;
use super::locks::{Work, describe_ground};
use super::study::{CaseStudy, Study};
use crate::format;

/// Cases that differ only in the variant and in the parameters that a chart varies.
#[derive(Clone, Debug)]
pub struct Ground<'s, 'a> {
    /// Shared parameters; those that vary are absent.
    pub shape: Case,
    /// Cases in order of series.
    pub cases: Vec<&'s CaseStudy<'a>>,
}

impl<'s, 'a> Ground<'s, 'a> {
    /// Groups `cases`, most variants first, then most cases; `open` clears the parameters that vary.
    pub fn all(cases: impl IntoIterator<Item = &'s CaseStudy<'a>>, open: impl Fn(&mut Case)) -> Vec<Self> {
        let mut grounds: Vec<Self> = Vec::new();
        for case in cases {
            let mut shape = shape(case.case);
            open(&mut shape);
            match grounds.iter_mut().find(|ground| ground.shape == shape) {
                Some(ground) => ground.cases.push(case),
                None => grounds.push(Self { shape, cases: vec![case] }),
            }
        }
        // The sort is stable: equal grounds keep the order of their first cases.
        grounds.sort_by_key(|ground| std::cmp::Reverse((ground.variants(), ground.cases.len())));
        grounds
    }

    /// Ground with the most variants; `None` without a case.
    pub fn most(cases: impl IntoIterator<Item = &'s CaseStudy<'a>>, open: impl Fn(&mut Case)) -> Option<Self> {
        Self::all(cases, open).into_iter().next()
    }

    /// Number of variants.
    pub fn variants(&self) -> usize {
        self.cases.iter().map(|case| &case.series).collect::<BTreeSet<_>>().len()
    }

    /// Shared parameters in words: `2 workers, 64 B, spread over all CPUs in turn`.
    pub fn describe(&self) -> String {
        let mut words = asked(&self.shape);
        words.extend(self.shape.params.message_bytes.map(format::bytes));
        words.push(place(self.shape.placement).to_owned());
        words.join(", ")
    }
}

/// Measured cases of one family, in order of series.
pub fn measured<'s, 'a>(
    study: &'s Study<'a>,
    family: &'static str,
) -> impl Iterator<Item = &'s CaseStudy<'a>> + use<'s, 'a> {
    study.cases.iter().filter(move |case| case.case.family == family && case.summary.typical.is_some())
}

/// Parameters of a case that its series does not hold; default values are left out.
pub fn shape(case: &Case) -> Case {
    Case {
        family: String::new(),
        mechanism: String::new(),
        isolation: Isolation::Process,
        wait: None,
        group: None,
        program: None,
        ..case.clone()
    }
    .with(|p| {
        p.substrate = None;
        p.depth = None;
        p.connections = None;
        p.touch = None;
        p.prefault = None;
        p.delay_ns = None;
        p.chunk = case.params.chunk.filter(|&chunk| chunk != Chunk::One);
        p.grain_ns = case.params.grain_ns.filter(|&grain_ns| grain_ns > 0);
        p.batch = case.params.batch.filter(|&at_once| at_once > 1);
        p.parent_rss_bytes = case.params.parent_rss_bytes.filter(|&bytes| bytes > 0);
        p.service = case.params.clients.map(|_| case.params.service.unwrap_or(Service::Echo));
    })
}

/// Parameters beside payload and placement, in words: `2 workers`, `apply`, `1 µs each`.
pub fn asked(case: &Case) -> Vec<String> {
    let sides = case.params.pattern.filter(|&pattern| pattern != Pattern::default());
    let of_state = case.measure == Measure::Access;
    let words = [
        sides.map(|pattern| pattern.to_string()),
        case.params.contenders.filter(|_| of_state).map(|n| counted(n, "user")),
        case.params.reads_percent.filter(|_| of_state).map(|n| format!("{n}\u{202f}% reads")),
    ];
    beside_sides(case).into_iter().chain(words.into_iter().flatten()).collect()
}

/// Parameters in which cases of one series, measure and placement can differ, in words: `64 B`, `10 k/s poisson`, `4:1`.
pub fn conditions(case: &Case) -> Vec<String> {
    let params = &case.params;
    let time = |ns: u64| format::time(ns as f64).trimmed();
    let crowd = Crowd::of(case);
    let arrivals = params.arrivals.map(|arrivals| format!(" {arrivals}")).unwrap_or_default();
    let rate = params.rate_per_s.map(|rate| format::rate(rate as f64).trimmed().to_string());
    let of_channel = [
        params.message_bytes.map(format::bytes),
        rate.map(|rate| rate + &arrivals),
        params.gap_ns.map(|gap| format!("after {} idle", time(gap))),
        (!crowd.plain()).then(|| crowd.to_string()),
    ];
    let contended = case.measure == Measure::Contention;
    let of_lock = [
        params.contenders.filter(|_| contended).map(|n| describe_ground((Work::of(case), n))),
        params.contenders.filter(|_| !contended).map(|n| counted(n, "contender")),
        params.reads_percent.map(|reads| format!("{reads}\u{202f}% reads")),
        params.stock.map(|stock| format!("stock in {}", stock.word().replace('-', " "))),
        params.kill_point.map(|kill_point| format!("killed while {kill_point}")),
    ];
    of_channel.into_iter().chain(of_lock).flatten().chain(beside_sides(case)).collect()
}

/// [`asked`] without pattern, contenders and reads, which cases about channels and locks also have.
pub fn beside_sides(case: &Case) -> Vec<String> {
    let grain =
        case.params.grain_ns.filter(|&ns| ns > 0).map(|ns| format!("{} each", format::time(ns as f64).trimmed()));
    let all = [
        case.params.workers.map(|n| counted(n, "worker")),
        case.params.call.map(|call| call.word().replace('-', " ")),
        case.params.chunk.map(chunk),
        grain,
        case.params.batch.filter(|&n| n > 1).map(|n| format!("{n} at once")),
        case.params
            .parent_rss_bytes
            .filter(|&bytes| bytes > 0)
            .map(|bytes| format!("parent of {}", format::bytes(bytes))),
        case.params.ending.map(|ending| format!("ending: {ending}")),
        case.params.keys.map(|n| counted(n, "key")),
        case.params.clients.map(|n| counted(n, "client")),
        case.params.service.map(|service| service.word().to_owned()),
    ];
    all.into_iter().flatten().collect()
}

/// Name of a chunk policy.
pub fn chunk(chunk: Chunk) -> String {
    match chunk {
        Chunk::One => "one by one".into(),
        Chunk::Sixteen => "chunks of 16".into(),
        Chunk::Python => "Python's chunks".into(),
        Chunk::Guided => "guided chunks".into(),
    }
}

/// `1 worker`, `1000 clients`.
pub fn counted(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
