//! Plans are tested on described machines, independent of the real one.

mod answers;
mod axes;
mod locks;

use std::collections::BTreeMap;

use ipcmark::family::Variant;
use ipcmark::record::{Case, Group, Isolation, Measure, Placement, Substrate, Wait};

use super::{Changes, EMBEDDED, Ground, Plan, Planned, Text};
use crate::schedule::schedule;

const MEASURES: &[Measure] = &[Measure::RoundTrip, Measure::Stream, Measure::Paced, Measure::Wake, Measure::CostModel];

/// Head of a plan; the first block starts at line 6.
const HEAD: &str = "name = \"x\"\nquestion = \"Which?\"\nrepetitions = 2\nwarm_up_ms = 5\nhot_ms = 10\n";

fn row(mechanism: &'static str, wait: Option<Wait>, substrate: Option<Substrate>) -> Variant {
    let thread_only = mechanism == "channel";
    Variant {
        family: "transport",
        mechanism,
        program: None,
        group: Group::SharedMemory,
        wait,
        isolation: if thread_only { Isolation::Thread } else { Isolation::Process },
        substrate,
        summary: "a way",
        measures: MEASURES,
        cpus_wanted: if mechanism == "alone" { 1 } else { 2 },
        polls: wait == Some(Wait::Spin),
        unavailable: None,
    }
}

/// A machine with `cpus` cores under one level-3 cache.
fn ground(cpus: u32) -> Ground {
    let pair = |placement| match placement {
        Placement::SameCpu => Ok(vec![0, 0]),
        Placement::SameL3 if cpus > 1 => Ok(vec![0, 1]),
        placement if placement.deals() => Ok((0..cpus).collect()),
        Placement::Unpinned => Ok(vec![]),
        _ => Err(format!("no {placement} here")),
    };
    let mut variants = vec![row("pipe", None, None), row("channel", None, None), row("alone", None, None)];
    for wait in [Wait::Spin, Wait::Park] {
        for substrate in [Substrate::Memfd, Substrate::PosixShm] {
            variants.push(row("ring", Some(wait), Some(substrate)));
        }
    }
    Ground {
        variants,
        pairs: Placement::ALL.iter().map(|&placement| (placement, pair(placement))).collect::<BTreeMap<_, _>>(),
        nearest: if cpus > 1 { Placement::SameL3 } else { Placement::SameCpu },
        cpus_allowed: cpus as usize,
        supports: |case: &Case| if case.params.depth == Some(3) { Err("3 is odd".to_owned()) } else { Ok(()) },
        has_depth: |case: &Case| case.mechanism == "ring",
        roles: |case: &Case| case.params.contenders.unwrap_or(case.pattern().roles() * case.params.pairs.unwrap_or(1)),
    }
}

fn plan(blocks: &str) -> anyhow::Result<Plan> {
    plan_on(&ground(2), blocks)
}

fn plan_on(ground: &Ground, blocks: &str) -> anyhow::Result<Plan> {
    Text { file: "plans/x.toml".to_owned(), text: format!("{HEAD}{blocks}") }.plan(ground, &Changes::default())
}

fn complaint(blocks: &str) -> String {
    plan(blocks).expect_err(blocks).to_string()
}

fn keys(plan: &Plan) -> Vec<String> {
    plan.cases.iter().map(|planned| planned.case.key()).collect()
}

/// A plan with `cases` sizes of one mechanism, and a sentinel, for tests of the schedule.
pub(crate) fn plan_of(cases: u64, repetitions: u32) -> Plan {
    let sizes: Vec<String> = (1..=cases).map(|size| size.to_string()).collect();
    let text = format!(
        "{}sentinel = {{ mechanism = \"pipe\", measure = \"round_trip\", message_bytes = 1 }}\n\
         [[cases]]\nmechanism = [\"pipe\"]\nmeasure = [\"round_trip\"]\nmessage_bytes = [{}]\n",
        HEAD.replace("repetitions = 2", &format!("repetitions = {repetitions}")),
        sizes.join(", ")
    );
    let text = Text { file: "plans/x.toml".to_owned(), text };
    text.plan(&ground(2), &Changes::default()).expect("the plan is sound")
}

fn block(mechanisms: &str, more: &str) -> String {
    format!("[[cases]]\nmechanism = {mechanisms}\nmeasure = [\"round_trip\"]\nmessage_bytes = [8]\n{more}\n")
}

#[test]
fn a_row_takes_its_first_isolation_and_substrate_unless_asked() {
    let found = keys(&plan(&block("[\"ring\"]", "")).expect("sound"));
    assert_eq!(
        found,
        [
            "transport/ring/round_trip/process/same_l3/wait=spin/substrate=memfd/message_bytes=8",
            "transport/ring/round_trip/process/same_l3/wait=park/substrate=memfd/message_bytes=8",
        ]
    );
    let found = keys(&plan(&block("[\"ring/spin\"]", "substrate = [\"posix-shm\", \"memfd\"]")).expect("sound"));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_row_with_one_thread_has_one_placement_and_one_cpu() {
    let plan = plan(&block("[\"alone\"]", "placement = [\"nearest\", \"same_cpu\", \"unpinned\"]")).expect("sound");
    assert_eq!(keys(&plan), ["transport/alone/round_trip/process/same_cpu/message_bytes=8"]);
    assert_eq!(plan.cases[0].cpus, [0]);
}

#[test]
fn unsupported_cases_are_skipped_with_the_reason() {
    let plan = plan(&block("[\"pipe\"]", "placement = [\"cross_node\", \"same_l3\"]")).expect("sound");
    assert_eq!(plan.cases[0].obstacle.as_deref(), Some("no cross_node here"));
    assert_eq!((plan.cases[1].obstacle.as_ref(), plan.cases[1].cpus.as_slice()), (None, [0, 1].as_slice()));
}

#[test]
fn polling_rows_want_a_cpu_for_each_role() {
    let asked = block("[\"ring\"]", "placement = [\"same_cpu\", \"nearest\"]");
    let obstacles = |plan: &Plan| plan.cases.iter().map(|planned| planned.obstacle.is_some()).collect::<Vec<_>>();
    assert_eq!(obstacles(&plan(&asked).expect("sound")), [true, false, false, false]);
    let one_cpu = plan_on(&ground(1), &asked).expect("sound");
    assert_eq!(obstacles(&one_cpu), [true, false], "nearest is same_cpu on a machine with one CPU");
    let allowed = plan_on(&ground(2), &format!("oversubscribe = true\n{asked}")).expect("sound");
    assert_eq!(obstacles(&allowed), [false; 4]);
}

#[test]
fn a_case_named_twice_runs_once_and_a_cost_model_once_per_row() {
    let asked = "[[cases]]\nmechanism = [\"pipe\", \"p*\"]\nmeasure = [\"round_trip\", \"cost_model\"]\n\
                 message_bytes = [64, \"8 B\", 8]\nplacement = [\"nearest\", \"same_l3\", \"same_cpu\"]\n";
    let found = keys(&plan(&format!("{asked}{asked}")).expect("sound"));
    assert_eq!(
        found.iter().filter(|key| key.contains("/cost_model/")).collect::<Vec<_>>(),
        ["transport/pipe/cost_model/process/same_l3/message_bytes=8"]
    );
    assert_eq!(found.len(), 5);
}

#[test]
fn errors_name_the_line_and_the_accepted_values() {
    let sound = block("[\"pipe\"]", "");
    let in_block = |key: &str, value: &str| {
        sound
            .lines()
            .map(|line| if line.starts_with(key) { format!("{key} = {value}\n") } else { format!("{line}\n") })
            .collect()
    };
    let cases: [(String, &str); 21] = [
        (
            in_block("mechanism", "[\"pip\"]"),
            "plans/x.toml:7: unknown mechanism `pip`; did you mean `pipe`? known: pipe, channel, alone, ring/spin, ring/park",
        ),
        (in_block("mechanism", "[]"), "plans/x.toml:7: `mechanism` is an empty list"),
        (
            in_block("measure", "[\"roundtrip\"]"),
            "plans/x.toml:8: unknown measure `roundtrip`; did you mean `round_trip`? known: round_trip, stream",
        ),
        (
            in_block("measure", "[\"conformance\"]"),
            "plans/x.toml:8: `conformance` cannot be asked of pipe; it answers round_trip, stream, paced, wake, cost_model",
        ),
        (in_block("measure", "[\"floors\"]"), "plans/x.toml:8: unknown measure `floors`"),
        (
            in_block("message_bytes", "[8,\n\"2 GiB\"]"),
            "plans/x.toml:10: `message_bytes` is at least 0 B, at most 1 GiB, not 2 GiB",
        ),
        (
            in_block("message_bytes", "[\"1 kB\"]"),
            "plans/x.toml:9: `message_bytes`: unknown unit `kB` in `1 kB`; write 64, `8 B`, `1 KiB` or `4 MiB`",
        ),
        (in_block("message_bytes", "[-1]"), "plans/x.toml:9: `message_bytes`: `-1` is no number; write 64"),
        (in_block("message_bytes", "[1.5]"), "plans/x.toml:9: `message_bytes`: unknown unit `.5` in `1.5`"),
        (
            format!("{sound}placement = [\"same_core\"]\n"),
            "plans/x.toml:11: unknown placement `same_core`; did you mean `same_cpu`?",
        ),
        (format!("{sound}isolation = [\"thread\"]\n"), "plans/x.toml:7: no row of `pipe` fits"),
        (format!("{sound}depth = [0]\n"), "plans/x.toml:11: `depth` is at least 1, at most 4294967295, not 0"),
        (format!("{sound}depth = [8]\n"), "plans/x.toml:11: `depth` cannot be chosen for pipe"),
        (
            format!("{sound}substrate = [\"memfd\"]\n"),
            "plans/x.toml:11: `substrate` fits only mechanisms that share memory, not pipe",
        ),
        (block("[\"ring\"]", "depth = [8,\n3]"), "plans/x.toml:11: 3 is odd"),
        (format!("{sound}delay_ns = [10000]\n"), "plans/x.toml:11: `delay_ns` fits only alone"),
        (format!("{sound}familly = \"transport\"\n"), "plans/x.toml:11: unknown key `familly`; did you mean `family`?"),
        (format!("{sound}family = \"lock\"\n"), "plans/x.toml:11: unknown family `lock`; known: transport"),
        (format!("{sound}family = [\"transport\", \"lock\"]\n"), "plans/x.toml:11: a block has one `family`"),
        ("cases = 3\n".to_owned(), "plans/x.toml:6: `cases` are [[cases]] blocks"),
        (String::new(), "plans/x.toml:6: no cases"),
    ];
    for (blocks, expected) in cases {
        let found = complaint(&blocks);
        assert!(found.starts_with(expected), "expected {expected}\nfound    {found}");
    }
}

#[test]
fn the_head_of_a_plan_is_checked_too() {
    let body = block("[\"pipe\"]", "");
    let told = |from: &str, to: &str| {
        let text = format!("{}{body}", HEAD.replace(from, to));
        let text = Text { file: "my.toml".to_owned(), text };
        text.plan(&ground(2), &Changes::default()).expect_err(to).to_string()
    };
    assert_eq!(told("repetitions = 2", "repetitions = 0"), "my.toml:3: `repetitions` must be at least 1");
    assert_eq!(told("hot_ms = 10", "hot_ms = 0"), "my.toml:5: `hot_ms` must be at least 1");
    assert_eq!(told("hot_ms = 10", "hot_ms = 900000"), "my.toml:5: `hot_ms` may be at most 60000 (one minute)");
    assert_eq!(told("Which?", " "), "my.toml:2: `question` is empty");
    assert!(told("\"x\"", "\"../x\"").starts_with("my.toml:1: `name` is used in file names"));
    assert_eq!(told("repetitions = 2", "repetitions = \"two\""), "my.toml:3: `repetitions` is a whole number");
    assert!(told("repetitions = 2\n", "").ends_with("missing key `repetitions`"));
    assert!(told("repetitions = 2", "repetitions =").starts_with("my.toml:3: "));
    let sentinel = "repetitions = 2\nsentinel = { mechanism = \"*\", measure = \"stream\", message_bytes = 8 }";
    assert!(told("repetitions = 2", sentinel).starts_with("my.toml:4: the sentinel is one case"));
}

#[test]
fn changes_of_the_command_line_narrow_and_move_a_plan() {
    let text = Text {
        file: "my.toml".to_owned(),
        text: format!("{HEAD}{}", block("[\"pipe\", \"ring\"]", "placement = [\"nearest\", \"unpinned\"]")),
    };
    let changed = |changes: &Changes| text.plan(&ground(2), changes);
    let all = changed(&Changes::default()).expect("sound");
    let moved = changed(&Changes { placement: Some("same_cpu".parse().expect("a class")), ..Changes::default() });
    let moved = moved.expect("sound");
    assert!(moved.cases.iter().all(|planned| planned.case.placement == Placement::SameCpu));
    let only =
        |pattern: &str| Changes { only: Some(regex::Regex::new(pattern).expect("a pattern")), ..Changes::default() };
    let narrowed = changed(&only("/pipe/.*unpinned")).expect("sound");
    assert_eq!(narrowed.cases.len(), 1);
    let nothing = changed(&only("kafka")).expect_err("nothing matches").to_string();
    assert!(nothing.contains("matches none of the plan's 6 cases") && nothing.contains("--dry-run"), "{nothing}");
    let more = changed(&Changes { repetitions: Some(9), ..Changes::default() }).expect("sound");
    let hashes = [&all.hash, &moved.hash, &narrowed.hash, &more.hash];
    for (index, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..index].contains(hash), "different cases or times have different hashes");
    }
    assert_eq!(all.hash, changed(&Changes::default()).expect("sound").hash);
}

#[test]
fn sets_have_one_limit() {
    let text = format!("{}{}", HEAD.replace("repetitions = 2", "repetitions = 1001"), block("[\"pipe\"]", ""));
    let plan = Text { file: "plans/x.toml".to_owned(), text }.plan(&ground(2), &Changes::default());
    assert_eq!(plan.expect_err("too many").to_string(), "plans/x.toml:3: `repetitions` may be at most 1000");
}

#[test]
fn obstacles_are_not_part_of_the_hash() {
    let asked = block("[\"pipe\"]", "");
    let mut refusing = ground(2);
    refusing.variants.iter_mut().for_each(|row| row.unavailable = Some("too large".to_owned()));
    let (runs, skips) = (plan(&asked).expect("sound"), plan_on(&refusing, &asked).expect("sound"));
    assert_eq!(runs.hash, skips.hash);
    assert_eq!(skips.cases[0].obstacle.as_deref(), Some("too large"));
}

/// What one trial, and all trials, of an embedded plan take on this machine, in milliseconds.
fn extent(name: &str) -> (Plan, u64) {
    let plan = Text::find(name).and_then(|text| text.plan(&Ground::here(), &Changes::default()));
    let plan = plan.unwrap_or_else(|error| panic!("{error:#}"));
    let total_ns: u64 = schedule(&plan, 1).iter().map(|trial| plan.predicted_ns(trial.planned)).sum();
    (plan, total_ns / 1_000_000)
}

#[test]
fn the_built_in_plans_keep_within_their_times() {
    for (name, _) in EMBEDDED {
        let (plan, _) = extent(name);
        assert_eq!(&plan.name, name);
        assert!(plan.question.ends_with('?'), "{}", plan.question);
    }
    let (smoke, smoke_ms) = extent("smoke");
    assert_eq!(smoke.repetitions, 1);
    assert!(smoke_ms <= 20_000, "the smoke plan would take {smoke_ms} ms");
    let (quick, quick_ms) = extent("quick");
    assert!(quick.repetitions >= 5 && quick.timing.hot_ns <= 150_000_000);
    assert!(quick_ms <= 150_000, "the quick plan would take {quick_ms} ms");
    let promised = [
        ("wake-up", 300_000),
        ("latency-under-load", 600_000),
        ("locks-quick", 55_000),
        ("locks", 850_000),
        ("queues", 240_000),
        ("core-to-core", 120_000),
    ];
    for (name, most_ms) in promised {
        let (plan, ms) = extent(name);
        assert!(plan.repetitions >= 5 && ms <= most_ms, "the {name} plan would take {ms} ms");
    }
    let (standard, _) = extent("standard");
    assert!(standard.repetitions >= 10);
}

#[test]
fn the_smoke_plan_has_both_measures_of_every_row() {
    let (smoke, _) = extent("smoke");
    let all = ipcmark::family::variants();
    for variant in all.iter().filter(|variant| variant.sends()) {
        for measure in [Measure::RoundTrip, Measure::Stream] {
            let asked = |planned: &Planned| planned.case.row() == variant.row() && planned.case.measure == measure;
            assert!(smoke.cases.iter().any(asked), "{} {measure}", variant.row());
        }
    }
}
