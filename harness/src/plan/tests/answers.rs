//! Answers of the built-in plans, on made-up records of this machine's cases.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipcmark::record::{
    AnswerPart, Build, Case, CoreToCore, Count, CpuPlace, Finding, Measure, Metrics, Noise, Outcome, PairTime, Record,
    RoleCost, SCHEMA, Status, Suite, Verdict, answer, metric,
};
use ipcmark_reports::{Recording, Report, write};

use super::{block, complaint, extent, plan};
use crate::plan::{EMBEDDED, Plan, Planned};

/// Most rows of a measure, a family and one way of waiting with records; more would only take time.
const MOST_ROWS: usize = 2;

fn suite(plan: &Plan) -> Suite {
    Suite {
        version: "0".into(),
        revision: "made up".into(),
        build: Build {
            profile: "release".into(),
            target: "made up".into(),
            rustc: String::new(),
            opt_level: "3".into(),
            rustflags: String::new(),
        },
        plan: plan.name.clone(),
        question: plan.question.clone(),
        answers: plan.answers.clone(),
        plan_hash: plan.hash.clone(),
        seed: 1,
        versions: BTreeMap::new(),
    }
}

/// A role that ran for half of its time on the clock.
fn role(name: &str) -> RoleCost {
    let [wall_ns, running_ns] = [2_000_000, 1_000_000];
    let blocked_ns = wall_ns - running_ns;
    RoleCost {
        role: name.into(),
        messages: 1000,
        wall_ns,
        user_ns: running_ns,
        running_ns,
        blocked_ns,
        ..RoleCost::default()
    }
}

/// An outcome with every metric that an answer can take; `level` makes mechanisms differ.
fn outcome(case: &Case, level: f64) -> Outcome {
    let value = |name: &str| match metric::unit(name) {
        "1/s" | "B/s" => 1e6 / level,
        "0 to 1" => 1.0,
        _ if name == metric::CLOCK_STEP_NS => 1.0,
        _ => 1_000.0 * level,
    };
    let metrics: Metrics = AnswerPart::metrics()
        .filter(|name| *name != answer::RECEIVING_CPU_SHARE)
        .map(|name| (name.into(), value(name)))
        .collect();
    let place = |cpu| CpuPlace { cpu, ..CpuPlace::default() };
    let of_cpus = CoreToCore {
        cpus: vec![place(0), place(1)],
        pairs: vec![PairTime { from: 0, to: 1, median_ns: 100.0, low_ns: 99.0, high_ns: 101.0 }],
        ..CoreToCore::default()
    };
    Outcome {
        status: Status::Measured,
        verdict: Some(Verdict::Stable),
        why: None,
        metrics: Some(metrics),
        roles: Some(vec![role("first"), role("second")]),
        core_to_core: (case.measure == Measure::CoreToCore).then(|| Box::new(of_cpus)),
        ..Outcome::skipped("")
    }
}

/// Row and isolation.
fn row_of(case: &Case) -> String {
    format!("{} {}", case.row(), case.isolation)
}

/// Some rows for each measure of each family and way of waiting; those with the most measures first.
fn chosen(plan: &Plan) -> BTreeSet<String> {
    let mut measures: BTreeMap<(String, &str, String), BTreeSet<Measure>> = BTreeMap::new();
    for Planned { case, .. } in &plan.cases {
        let wait = case.row().split_once('/').map_or(String::new(), |(_, wait)| wait.to_owned());
        measures.entry((row_of(case), &case.family, wait)).or_default().insert(case.measure);
    }
    let mut rows: Vec<_> = measures.into_iter().collect();
    rows.sort_by_key(|(_, measures)| Reverse(measures.len()));
    let mut taken: BTreeMap<(Measure, &str, String), usize> = BTreeMap::new();
    let wanted = |((_, family, wait), measures): &(_, BTreeSet<Measure>)| {
        let mut wanted = false;
        for &measure in measures {
            let count = taken.entry((measure, *family, String::clone(wait))).or_default();
            wanted |= *count < MOST_ROWS;
            *count += 1;
        }
        wanted
    };
    rows.into_iter().filter(wanted).map(|((row, ..), _)| row).collect()
}

/// Five repetitions of the cases of some mechanisms of each family, also of those that cannot run here.
fn made_up(plan: &Plan) -> Vec<Record> {
    let (suite, machine) = (Arc::new(suite(plan)), Arc::new(ipcmark::machine::describe()));
    let mut records = vec![];
    let rows = chosen(plan);
    for planned in &plan.cases {
        let Some(at) = rows.iter().position(|row| *row == row_of(&planned.case)) else { continue };
        for repetition in 0..5 {
            let level = (10.0 + at as f64) * (1.0 + 0.001 * f64::from(repetition));
            let case = ipcmark::family::resolved(&planned.case);
            records.push(Record {
                schema: SCHEMA,
                run_id: "made-up".into(),
                suite: suite.clone(),
                machine: machine.clone(),
                case_key: planned.case.key(),
                outcome: outcome(&case, level),
                case,
                repetition,
                attempt: 0,
                added: false,
                order_in_run: 0,
                started_at: "2000-01-01T00:00:00Z".into(),
                ended_at: "2000-01-01T00:00:01Z".into(),
                cpus: vec![0, 1],
                count: Count { messages: 1000, chosen_by: "time".into() },
                warm_up_ns: 0,
                noise: Noise::default(),
            });
        }
    }
    records
}

#[test]
fn every_built_in_plan_has_an_answer_and_its_evidence() {
    for (name, _) in EMBEDDED {
        let (plan, _) = extent(name);
        assert!(!plan.answers.is_empty(), "{name} states no answer");
        let recording = Recording { records: made_up(&plan), bad_lines: vec![] };
        let directory = tempfile::tempdir().expect("a directory for the test");
        let Report { page, answers: found } = write(&recording, directory.path()).expect("a report");
        assert_eq!(found.len(), plan.answers.len(), "{name}: {found:#?}");
        for (part, sentence) in plan.answers.iter().zip(&found) {
            assert!(
                sentence.starts_with(&format!("{}: ", part.label)) && sentence.ends_with('.'),
                "{name}: {sentence}"
            );
            assert!(sentence.len() < 400, "{name}: {sentence}");
            let named = part.finding != Finding::Best || sentence.contains(", ");
            assert!(named && !sentence.contains("NaN"), "{name}: {sentence}");
        }
        let page = std::fs::read_to_string(page).expect("the page");
        let top = page.split("<div class=\"answer\">").nth(1).and_then(|rest| rest.split("</div>").next());
        for link in top.expect("an answer").split("href=\"#").skip(1) {
            let id = link.split('"').next().expect("a link has an end");
            assert!(page.contains(&format!("id=\"{id}\"")), "{name}: nothing at #{id}");
        }
    }
}

#[test]
fn an_answer_is_checked_like_the_rest_of_a_plan() {
    let stated = |answer: &str| format!("[[answer]]\n{answer}{}", block("[\"pipe\"]", ""));
    let sound =
        plan(&stated("label = \"Lowest\"\nmeasure = \"round_trip\"\nmessage_bytes = \"8 B\"\n")).expect("sound");
    assert_eq!(sound.answers[0].params["message_bytes"], "8");
    let plain = plan(&block("[\"pipe\"]", "")).expect("sound");
    assert_eq!(sound.hash, plain.hash, "an answer changes nothing that is measured");
    for (answer, expected) in [
        ("measure = \"round_trip\"\n", "plans/x.toml:6: missing key `label`"),
        ("label = \"L\"\nmesure = \"stream\"\n", "plans/x.toml:8: unknown key `mesure`; did you mean `measure`?"),
        (
            "label = \"L\"\nmeasure = \"round_tripp\"\n",
            "plans/x.toml:8: unknown measure `round_tripp`; did you mean `round_trip`?",
        ),
        (
            "label = \"L\"\nmeasure = \"round_trip\"\nmetric = \"p98_ns\"\n",
            "plans/x.toml:9: unknown metric `p98_ns`; did you mean `p9",
        ),
        ("label = \"L\"\nmeasure = \"round_trip\"\nwaits = \"never\"\n", "plans/x.toml:9: unknown waits `never`"),
        (
            "label = \"L\"\nmeasure = \"round_trip\"\nmessage_bytes = \"9 B\"\n",
            "plans/x.toml:6: `L`: the plan has no case",
        ),
        ("label = \"L\"\nmeasure = \"stream\"\n", "plans/x.toml:6: `L`: the plan has no case"),
        ("label = \"L\"\nmeasure = \"round_trip\"\ngap_ns = \"1 h\"\n", "plans/x.toml:9: `gap_ns`"),
        ("label = \"L\"\n", "plans/x.toml:6: missing key `measure`"),
    ] {
        let found = complaint(&stated(answer));
        assert!(found.starts_with(expected), "expected {expected}\nfound    {found}");
    }
}
