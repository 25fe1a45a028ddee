//! Lists of the page: parameters of the run, cautions, missing cases with reasons, declared counts.

use std::collections::{BTreeMap, HashSet};

use ipcmark_record::{Measure, Record, Verdict};
use minijinja::HtmlEscape;
use serde::Serialize;

use super::headline::word;
use crate::analyse::answer::place;
use crate::analyse::declared::{declared, disagreements};
use crate::analyse::distance::Moved;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::summary::shown;
use crate::analyse::verdict::WIDEST_SPREAD;
use crate::chart::Table;
use crate::format;
use crate::read::{Recording, tried_again};

/// Name and value.
#[derive(Serialize)]
pub struct Fact {
    name: String,
    value: String,
}

impl Fact {
    /// Pairs a name with a value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Number of cases with a verdict.
#[derive(Serialize)]
pub struct Tally {
    word: &'static str,
    cases: usize,
}

/// Cases with a common verdict and reason.
#[derive(Serialize)]
pub struct Reason {
    verdict: &'static str,
    why: String,
    /// Their names.
    cases: Vec<String>,
}

/// Invalid line of a recording.
#[derive(Serialize)]
pub struct Bad {
    place: String,
    why: String,
}

/// CPU distances of the trials, if the CPUs moved.
#[derive(Serialize)]
pub struct Distances {
    /// One sentence per placement.
    sentences: Vec<String>,
    /// Results of the cases at each distance.
    table: Table,
}

/// Results of the conformance cases.
#[derive(Serialize)]
pub struct Conformance {
    passed: usize,
    broken: Vec<Reason>,
}

/// CPU distances; `None` if no CPUs moved.
pub fn distances(study: &Study<'_>) -> Option<Distances> {
    let sentences: Vec<String> = study.moved.iter().map(moved).collect();
    let all = |case: &&CaseStudy<'_>| !case.summary.elsewhere.is_empty();
    let rows = study
        .cases
        .iter()
        .filter(all)
        .flat_map(|case| case.summary.distances().into_iter().map(move |one| (case, one)));
    let table = Table::of(rows.collect::<Vec<_>>())
        .text("Case", "case", |row| row.0.name())
        .text("CPUs", "distance", |row| row.1.distance.to_string())
        .text("Result", "result", |row| {
            row.0.summary.main.map_or_else(String::new, |main| shown(main, row.1.typical.value).to_string())
        })
        .text("±", "spread", |row| row.1.typical.plus_minus().unwrap_or_else(|| "–".into()))
        .text("Interval", "interval", |row| {
            row.1.typical.ends().map_or_else(|| "1 repetition".into(), |ends| ends.to_string())
        })
        .count("Repetitions", "repetitions_count", |row| Some(row.1.typical.repetitions as f64))
        .table();
    (!sentences.is_empty()).then_some(Distances { sentences, table })
}

fn moved(moved: &Moved) -> String {
    let repetitions = |count: usize| if count == 1 { "1 repetition".into() } else { format!("{count} repetitions") };
    let others = moved.distances.iter().filter(|(distance, _)| *distance != moved.main);
    let others: Vec<String> = others
        .map(|(distance, count)| {
            format!("{distance} ({}, {})", format::ns(distance.line_round_trip_ns), repetitions(*count))
        })
        .collect();
    let unknown = if moved.unknown == 0 {
        String::new()
    } else {
        format!("; {} at an unknown distance left out", repetitions(moved.unknown))
    };
    let of_main = moved.distances.iter().find(|(distance, _)| *distance == moved.main).map_or(0, |(_, count)| *count);
    format!(
        "Roles {}: the CPUs moved during the run. The numbers of this report are those with the CPUs {} (a two-line round \
         trip of {}, {}), never mixed with {}{unknown}.",
        place(moved.placement),
        moved.main,
        format::ns(moved.main.line_round_trip_ns),
        repetitions(of_main),
        others.join(" and ")
    )
}

/// Questions of all plans in the recording.
pub fn question(recording: &Recording) -> String {
    let questions = distinct(recording, |record| record.suite.question.clone());
    if questions.is_empty() { "A recording without records".into() } else { questions.join(" · ") }
}

/// Converts names between back quotes to markup without line breaks; escapes the text.
pub fn with_names(text: &str) -> String {
    let escaped = HtmlEscape(text).to_string();
    let mut parts = escaped.split('`');
    let mut markup = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        markup.push_str(if index % 2 == 0 { "<span class=\"name\">" } else { "</span>" });
        markup.push_str(part);
    }
    markup
}

/// Number of cases by verdict, favourable ones first.
pub fn tally(study: &Study<'_>) -> Vec<Tally> {
    let verdicts = [
        Some(Verdict::Stable),
        Some(Verdict::Caught),
        None,
        Some(Verdict::Noisy),
        Some(Verdict::Disturbed),
        Some(Verdict::Unstable),
        Some(Verdict::Overloaded),
        Some(Verdict::Invalid),
        Some(Verdict::Skipped),
    ];
    let of = |verdict| study.cases.iter().filter(|case| case.summary.verdict == verdict).count();
    let counted = verdicts.into_iter().map(|verdict| Tally { word: word(verdict), cases: of(verdict) });
    counted.filter(|tally| tally.cases > 0).collect()
}

/// Sentence on the stable cases whose 99th percentile is not; `None` without any.
pub fn unsteady(study: &Study<'_>) -> Option<String> {
    let stable = study.cases.iter().filter(|case| case.summary.verdict == Some(Verdict::Stable));
    let tails: Vec<f64> = stable.filter_map(|case| case.summary.p99_ns?.spread()).collect();
    let wide = tails.iter().filter(|&&spread| spread > WIDEST_SPREAD).count();
    (wide > 0).then(|| {
        format!(
            "Stable is the typical round trip or rate. Of {} stable cases with a p99, {wide} have one whose interval reaches \
             beyond {} of it; a tilde marks them.",
            tails.len(),
            format::percent(WIDEST_SPREAD)
        )
    })
}

/// Facts of the run: suite, plan, build, machine, time.
pub fn run(recording: &Recording, study: &Study<'_>) -> Vec<Fact> {
    let all = |facet: fn(&Record) -> String| distinct(recording, facet).join(" and ");
    let sentinel = study.sentinel().map(|sentinel| sentinel.key);
    let others = study.cases.iter().filter(|case| Some(case.key) != sentinel);
    let repetitions = others.map(|case| case.summary.repetitions.all()).max().unwrap_or(0);
    let started = recording.records.iter().map(|record| record.started_at.as_str()).min().unwrap_or("–");
    let ended = recording.records.iter().map(|record| record.ended_at.as_str()).max().unwrap_or("–");
    let (tried, undisturbed) = tried_again(&recording.records);
    let added = recording.records.iter().filter(|record| record.added).count();
    let mut facts = vec![
        Fact::new("Plan", all(|r| r.suite.plan.clone())),
        Fact::new("Plan hash", all(|r| r.suite.plan_hash.clone())),
        Fact::new("Seed", all(|r| r.suite.seed.to_string())),
        Fact::new("Trials", format::whole(recording.records.len() as u64)),
        Fact::new(
            "Repetitions a case",
            if added > 0 { format!("up to {repetitions}") } else { repetitions.to_string() },
        ),
        Fact::new("Machine", all(|r| r.machine.facts.hostname.clone())),
        Fact::new("Started", started),
        Fact::new("Ended", ended),
        Fact::new("Suite", all(|r| format!("ipcmark {} ({})", r.suite.version, r.suite.revision))),
        Fact::new("Build", all(build)),
        Fact::new("Libraries and programs", all(versions)),
        Fact::new("Run", all(|r| r.run_id.clone())),
    ];
    // Behind the repetitions.
    if tried > 0 {
        let value = format!("{} (then undisturbed: {undisturbed})", format::whole(tried as u64));
        facts.insert(5, Fact::new("Disturbed trials tried again", value));
    }
    if added > 0 {
        facts.insert(
            5,
            Fact::new("Added repetitions", format!("{}, where intervals were wide", format::whole(added as u64))),
        );
    }
    facts
}

fn build(record: &Record) -> String {
    let build = &record.suite.build;
    let flags = if build.rustflags.is_empty() { String::new() } else { format!(", flags {}", build.rustflags) };
    format!("{}, opt-level {}, {}, {}{flags}", build.profile, build.opt_level, build.target, build.rustc)
}

fn versions(record: &Record) -> String {
    let versions: Vec<String> =
        record.suite.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    if versions.is_empty() { "unknown".into() } else { versions.join(", ") }
}

/// Warnings above the results; `changed` is the number of cases that changed between the runs.
pub fn warnings(recording: &Recording, changed: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    let records = &recording.records;
    if records.is_empty() {
        warnings.push("There is no record in this recording.".into());
    }
    for (what, facet) in [
        ("plans", (|r| r.suite.plan_hash.clone()) as fn(&Record) -> String),
        ("versions of the suite", |r| format!("{} {}", r.suite.version, r.suite.revision)),
        ("builds", build),
    ] {
        let values = distinct(recording, facet).len();
        if values > 1 {
            warnings.push(format!("These records come from {values} different {what} and are pooled here."));
        }
    }
    if records.iter().any(|record| record.suite.build.opt_level == "0" || record.suite.build.profile == "debug") {
        warnings.push("Some records come from a debug build: their numbers say little about a release.".into());
    }
    if changed > 0 {
        warnings.push(format!(
            "{changed} {} between the runs, which are pooled everywhere but under History.",
            if changed == 1 { "case changed" } else { "cases changed" }
        ));
    }
    let disturbed = records.iter().filter(|record| record.noise.other_run).count();
    if disturbed > 0 {
        warnings.push(format!("Another run of the suite was on the machine during {disturbed} trials."));
    }
    match recording.bad_lines.len() {
        0 => {}
        1 => warnings.push("One line of the recording was left out; the reason is below.".into()),
        many => warnings.push(format!("{many} lines of the recording were left out; the reasons are below.")),
    }
    warnings
}

/// Cases whose numbers are orders of magnitude, or hide several speeds.
pub fn cautions(study: &Study<'_>) -> Vec<Reason> {
    let unsure = [Verdict::Noisy, Verdict::Disturbed, Verdict::Unstable];
    by_reason(study, |case| {
        case.summary.speeds.is_some() || case.summary.verdict.is_some_and(|verdict| unsure.contains(&verdict))
    })
}

/// Cases that did not reach their rate, grouped by variant.
pub fn overloaded(study: &Study<'_>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for case in study.cases.iter().filter(|case| case.summary.verdict == Some(Verdict::Overloaded)) {
        let why = case.series.label();
        match reasons.iter_mut().find(|known| known.why == why) {
            Some(known) => known.cases.push(case.name()),
            None => reasons.push(Reason { verdict: Verdict::Overloaded.word(), why, cases: vec![case.name()] }),
        }
    }
    reasons
}

/// Skipped and invalid cases.
pub fn absent(study: &Study<'_>) -> Vec<Reason> {
    let no_number = |case: &CaseStudy<'_>| matches!(case.summary.verdict, Some(Verdict::Skipped | Verdict::Invalid));
    by_reason(study, |case| no_number(case) && case.case.measure != Measure::Conformance)
}

/// Groups the `wanted` cases by verdict and reason, in the order of their first case.
fn by_reason(study: &Study<'_>, wanted: impl Fn(&CaseStudy<'_>) -> bool) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for case in study.cases.iter().filter(|case| wanted(case)) {
        let (verdict, why) = (word(case.summary.verdict), &case.summary.why);
        match reasons.iter_mut().find(|known| known.verdict == verdict && known.why == *why) {
            Some(known) => known.cases.push(case.name()),
            None => reasons.push(Reason { verdict, why: why.clone(), cases: vec![case.name()] }),
        }
    }
    reasons
}

/// Invalid lines of the recording.
pub fn bad_lines(recording: &Recording) -> Vec<Bad> {
    let shown = recording.bad_lines.iter();
    shown.map(|bad| Bad { place: format!("{} line {}", bad.file.display(), bad.line), why: bad.why.clone() }).collect()
}

/// Table of declared and traced counts, and a sentence for each disagreement.
pub fn declared_and_seen(study: &Study<'_>) -> (Table, Vec<String>) {
    let cases = || study.cases.iter().filter(|case| case.case.measure == Measure::CostModel);
    let describe =
        |case: &CaseStudy<'_>, why: &str| format!("`{}`, {}: {why}", case.series.label(), format::bytes(case.bytes()));
    let disagreeing = cases().flat_map(|case| disagreements(case).into_iter().map(move |why| describe(case, &why)));
    let table = Table::of(cases().flat_map(|case| declared(case).into_iter().map(move |count| (case, count))))
        .text("Mechanism", "mechanism", |row| row.0.series.label())
        .size("Size", "message_bytes", |row| row.0.bytes())
        .text("Role", "role", |row| row.1.role.clone())
        .text("Count", "what", |row| row.1.count)
        .count("Declared", "declared_count", |row| Some(row.1.declared))
        .count("Seen", "seen_count", |row| Some(row.1.seen))
        .table();
    (table, disagreeing.collect())
}

/// Times to spin that the roles used, with the fewest and the most pause hints over all roles and trials.
pub fn spin_budgets(recording: &Recording) -> Table {
    let mut used: BTreeMap<(&str, u64), [u32; 2]> = BTreeMap::new();
    let roles = recording.records.iter().filter_map(|record| record.outcome.roles.as_ref()).flatten();
    for budget in roles.flat_map(|role| &role.spin_budgets) {
        let hints = used.entry((&budget.name, budget.ns)).or_insert([budget.hints; 2]);
        *hints = [hints[0].min(budget.hints), hints[1].max(budget.hints)];
    }
    Table::of(used)
        .text("Spin budget", "spin_budget", |row| row.0.0.replace('_', " "))
        .time("Time", "ns", |row| Some(row.0.1 as f64))
        .count("Fewest hints", "hints_min", |row| Some(row.1[0].into()))
        .count("Most hints", "hints_max", |row| Some(row.1[1].into()))
        .table()
}

/// Results of the conformance cases; `None` without any.
pub fn conformance(study: &Study<'_>) -> Option<Conformance> {
    let asked = |case: &CaseStudy<'_>| case.case.measure == Measure::Conformance;
    let kept = |case: &CaseStudy<'_>| case.summary.verdict == Some(Verdict::Stable);
    let passed = study.cases.iter().filter(|case| asked(case) && kept(case)).count();
    let broken = by_reason(study, |case| asked(case) && !kept(case));
    (passed > 0 || !broken.is_empty()).then_some(Conformance { passed, broken })
}

fn distinct(recording: &Recording, facet: fn(&Record) -> String) -> Vec<String> {
    let mut seen = HashSet::new();
    recording.records.iter().map(facet).filter(|value| seen.insert(value.clone())).collect()
}
