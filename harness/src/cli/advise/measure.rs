//! `ipcmark advise --measure`: a plan of the missing cases, made in memory and run like any other.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ipcmark::family::Variant;
use ipcmark::record::{Isolation, Measure, Pattern, Record, Substrate};
use ipcmark_reports::advise::{Advice, Basis, Candidate, NOT_MEASURED, Subject, unfit};

use crate::plan::{Budget, Changes, Ground, Plan, Text};
use crate::progress::print_line;
use crate::run::{self, Destination, Options};

/// Repetitions of each case: fewer have no interval.
const REPETITIONS: u32 = 5;
const WARM_UP_MS: u64 = 20;
/// Shortest hot phase, and the longest, which the lowest rates need.
const HOT_MS: (u64, u64) = (120, 2_000);
/// Messages of a trial that has a 99th percentile, with a reserve.
const MESSAGES: u64 = 1_200;
/// The floors of the machine are measured first.
const FLOORS: Duration = Duration::from_secs(6);
/// Part of the time for disturbed trials, which are tried again, and for wide intervals.
const RESERVED: f64 = 0.25;

/// What was measured.
pub(super) struct Measured {
    pub records: Vec<Record>,
    /// The signal that ended the run early.
    pub interrupted: Option<i32>,
}

/// Measures the rows of the request that these records do not have as asked, the best first.
///
/// Errors: the run cannot start, or its files cannot be written.
pub(super) fn missing(
    ground: &Ground,
    before: &Advice,
    budget: Budget,
    out: Option<&PathBuf>,
    quiet: bool,
) -> anyhow::Result<Measured> {
    let subject = before.request.subject;
    let rows = rows(ground, before);
    if rows.is_empty() {
        return Ok(Measured { records: vec![], interrupted: None });
    }
    let time = Duration::from_millis(budget.milliseconds());
    let usable = time.saturating_sub(FLOORS).mul_f64(1.0 - RESERVED);
    let text_for = |count: usize| text(subject, before, &rows[..count]);
    let plan_for = |count: usize| text_for(count).plan(ground, &Changes::default());
    let mut count = rows.len();
    // As many rows as fit, one at least.
    while count > 1 && predicted(&plan_for(count)?) > usable {
        count -= 1;
    }
    if count < rows.len() && !quiet {
        print_line(&format!(
            "note: {count} of {} mechanisms fit into {budget}, the most promising ones; give --measure more time for all",
            rows.len()
        ));
    }
    let left = usable.saturating_sub(predicted(&plan_for(count)?)).as_secs();
    let changes = Changes {
        until_stable: Some("10%".parse().expect("a share")),
        budget: format!("{}s", left.max(1)).parse().ok(),
        ..Changes::default()
    };
    let options = Options {
        plan: None,
        text: Some(text_for(count)),
        changes,
        seed: None,
        participants: vec![],
        destination: out.map_or(Destination::Fresh, |directory| Destination::New(directory.clone())),
        quiet,
    };
    let run = run::Run::prepare(&options)?;
    if !quiet {
        print_line(&run.announcement());
    }
    let finished = run.execute()?;
    Ok(Measured { records: finished.records, interrupted: finished.interrupted })
}

fn predicted(plan: &Plan) -> Duration {
    let each = |planned| u64::from(plan.repetitions) * plan.predicted_ns(planned);
    Duration::from_nanos(plan.cases.iter().map(each).sum())
}

/// Rows to measure: those that can do it and of which something asked for is unknown, in the order of the advice so far.
fn rows(ground: &Ground, before: &Advice) -> Vec<String> {
    let known =
        |one: &Candidate| one.is_sure() && one.typical.as_ref().is_some_and(|figure| figure.basis == Basis::Measured);
    let place = |row: &str| before.candidates.iter().position(|one| one.row == row);
    let ruled_out = |row: &str| before.excluded.iter().any(|one| one.row == row && one.why != NOT_MEASURED);
    let missing = |row: &String| !ruled_out(row) && place(row).is_none_or(|at| !known(&before.candidates[at]));
    let mut rows: Vec<String> = able(ground, before.request.subject).into_iter().filter(missing).collect();
    // The sort is stable: rows of which nothing is known keep the order of the registry.
    rows.sort_by_key(|row| place(row).unwrap_or(usize::MAX));
    rows
}

/// Rows of this program that can do what is asked on this machine.
pub(super) fn able(ground: &Ground, subject: Subject) -> Vec<String> {
    let mut rows: Vec<String> = vec![];
    for variant in ground.variants.iter().filter(|variant| fits(variant, subject)) {
        let row = variant.row();
        if !rows.contains(&row) && refusal(ground, subject, &row).is_none() {
            rows.push(row);
        }
    }
    rows
}

fn fits(variant: &Variant, subject: Subject) -> bool {
    variant.family == subject.family()
        && variant.isolation == Isolation::Process
        && variant.program.is_none()
        && variant.unavailable.is_none()
        && unfit(Some(variant.group)).is_none()
        && variant.measures.contains(&subject.measure())
        && variant.substrate.is_none_or(|substrate| substrate == Substrate::Memfd)
}

/// Why a row of this program cannot do what is asked.
pub(super) fn refusal(ground: &Ground, subject: Subject, row: &str) -> Option<String> {
    if !matches!(subject, Subject::Transport { .. }) {
        return None;
    }
    // A label may name other memory after the row.
    let name = row.split(' ').next()?;
    let named = |variant: &&Variant| {
        variant.family == subject.family() && variant.isolation == Isolation::Process && variant.row() == name
    };
    let variant = ground.variants.iter().find(named)?;
    let case = variant.case(subject.measure()).with(|p| {
        for (parameter, value) in subject.parameters(subject.measure()) {
            parameter.set(p, &value).expect("a value of a case");
        }
    });
    (ground.supports)(&case).err()
}

/// The plan that measures `rows` as asked.
fn text(subject: Subject, before: &Advice, rows: &[String]) -> Text {
    let hot_ms = match subject {
        Subject::Transport { rate_per_s, .. } => (MESSAGES * 1000 / rate_per_s.max(1)).clamp(HOT_MS.0, HOT_MS.1),
        Subject::Start { .. } => HOT_MS.0 * 3,
        _ => HOT_MS.0,
    };
    let mut text = format!(
        "name = \"advise\"\nquestion = \"Which mechanism for {}?\"\nrepetitions = {REPETITIONS}\nwarm_up_ms = {WARM_UP_MS}\n\
         hot_ms = {hot_ms}\nfloor_ms = 2\noversubscribe = true\n",
        before.request.describe().replace('\u{202f}', " ")
    );
    let rows = rows.iter().map(|row| format!("\"{row}\"")).collect::<Vec<_>>().join(", ");
    let family = subject.family();
    let mut block = |measure: Measure, lines: &[String]| {
        let _ = write!(
            text,
            "\n[[cases]]\nfamily = \"{family}\"\nmechanism = [{rows}]\nisolation = [\"process\"]\nmeasure = [\"{measure}\"]\n"
        );
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    };
    let one = |name: &str, value: &str| format!("{name} = [\"{value}\"]");
    let place = one(
        "placement",
        match subject {
            Subject::Transport { pattern, .. } if pattern == Pattern::default() => "nearest",
            Subject::Start { .. } => "unpinned",
            _ => "spread",
        },
    );
    let asked = |measure: Measure| -> Vec<String> {
        let parameters = subject.parameters(measure).into_iter().map(|(row, value)| one(row.name, &value));
        let call = (measure == Measure::Dispatch).then(|| one("call", "apply-async"));
        parameters.chain(call).chain([place.clone()]).collect()
    };
    let mut measures = vec![subject.measure()];
    // The CPU time of senders is in streams and round trips.
    if matches!(subject, Subject::Transport { .. }) && before.request.max_cpus.is_some() {
        measures.extend([Measure::Stream, Measure::RoundTrip]);
    }
    for measure in measures {
        block(measure, &asked(measure));
    }
    let holding = one("kill_point", "holding");
    match subject {
        _ if !before.request.must_survive_crash => {}
        Subject::Lock { .. } => block(Measure::Recover, &[holding]),
        Subject::Pool { .. } => block(Measure::Recover, &[holding, one("workers", "2"), place]),
        _ => {}
    }
    Text { file: "plans/advise.toml".to_owned(), text }
}
