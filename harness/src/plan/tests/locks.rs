//! Blocks of locks: axes of their own, and none of messages.

use ipcmark::family::Variant;
use ipcmark::lock;
use ipcmark::record::{Case, Group, Measure, Spacing, Wait};

use super::{Ground, Plan, ground, plan_on, row};

/// A machine with a polling and a sleeping lock, and with what is no lock.
fn with_locks(cpus: u32) -> Ground {
    let of = |mechanism, wait, measures| Variant {
        family: lock::FAMILY,
        group: Group::FutexLocks,
        measures,
        ..row(mechanism, wait, None)
    };
    let mut ground = ground(cpus);
    ground.variants.extend([
        of("latch", Some(Wait::Spin), lock::MEASURES),
        of("bolt", Some(Wait::Park), lock::MEASURES),
        of("gap", None, lock::MEASURES_UNGUARDED),
    ]);
    ground
}

/// A block of locks: its mechanisms in line 8, its measures in line 9, `more` from line 10 on.
fn block(mechanisms: &str, measures: &str, more: &str) -> String {
    format!("[[cases]]\nfamily = \"lock\"\nmechanism = {mechanisms}\nmeasure = {measures}\n{more}\n")
}

fn plan(mechanisms: &str, measures: &str, more: &str) -> Plan {
    plan_on(&with_locks(2), &block(mechanisms, measures, more)).expect("sound")
}

fn cases(plan: &Plan) -> Vec<&Case> {
    plan.cases.iter().map(|planned| &planned.case).collect()
}

#[test]
fn each_measure_takes_the_axes_it_has_a_use_for() {
    let more = "contenders = [1, 4]\nlines = [1, 8]\nreads_percent = [50, 100]\nstock = [\"memory\"]\n\
                kill_point = [\"holding\"]\nhogs = [0, 1]";
    let measures =
        "[\"acquire\", \"contention\", \"read_mostly\", \"tickets\", \"recover\", \"cost_model\", \"conformance\"]";
    let plan = plan("[\"bolt\"]", measures, more);
    let of = |measure| cases(&plan).into_iter().filter(|case| case.measure == measure).cloned().collect::<Vec<_>>();
    let keys = |measure| of(measure).iter().map(Case::key).collect::<Vec<_>>();
    assert_eq!(keys(Measure::Acquire), ["lock/bolt/acquire/process/same_l3/wait=park"]);
    assert_eq!(of(Measure::Contention).len(), 2 * 2 * 2);
    assert!(keys(Measure::Contention)[0].ends_with("/contenders=1"), "one line and no hog are left out of the key");
    assert!(keys(Measure::Contention)[7].ends_with("/hogs=1/contenders=4/lines=8"));
    assert_eq!(of(Measure::ReadMostly).len(), 2 * 2 * 2);
    assert!(
        of(Measure::ReadMostly).iter().all(|case| case.params.reads_percent.is_some() && case.params.lines.is_none())
    );
    assert_eq!(of(Measure::Tickets).len(), 2 * 2);
    assert!(keys(Measure::Recover)[0].ends_with("/kill_point=holding"));
    assert_eq!(
        of(Measure::CostModel).iter().map(|case| case.params.contenders).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
    assert_eq!(keys(Measure::Conformance), ["lock/bolt/conformance/process/same_l3/wait=park"]);
}

#[test]
fn work_is_spread_only_where_there_is_some_outside() {
    let more = "contenders = [2]\ncritical_section_ns = [100]\nthink_time_ns = [0, 1000]\nspacing = [\"fixed\", \"exponential\"]";
    let plan = plan("[\"bolt\"]", "[\"contention\"]", more);
    let found: Vec<_> = cases(&plan).iter().map(|case| (case.params.think_time_ns, case.params.spacing)).collect();
    assert_eq!(found, [(Some(0), None), (Some(1000), None), (Some(1000), Some(Spacing::Exponential))]);
}

#[test]
fn oversubscribed_polling_needs_permission_except_for_conformance() {
    let asked = block("[\"*\"]", "[\"contention\", \"conformance\"]", "contenders = [4]\nplacement = [\"spread\"]");
    let obstacles = |text: &str| -> Vec<(String, Measure)> {
        let plan = plan_on(&with_locks(2), text).expect("sound");
        let stopped = plan.cases.iter().filter(|planned| planned.obstacle.is_some());
        stopped.map(|planned| (planned.case.row(), planned.case.measure)).collect()
    };
    let no_promises = ("gap".to_owned(), Measure::Conformance);
    assert_eq!(obstacles(&asked), [("latch/spin".to_owned(), Measure::Contention), no_promises.clone()]);
    assert_eq!(obstacles(&format!("oversubscribe = true\n{asked}")), [no_promises]);
}

#[test]
fn the_forecast_of_a_contended_trial_includes_all_its_phases() {
    let more = "contenders = [2, 8]\nplacement = [\"spread\"]";
    let plan = plan("[\"bolt\"]", "[\"contention\", \"cost_model\"]", more);
    let of = |measure, holders| {
        let found =
            plan.cases.iter().find(|it| it.case.measure == measure && it.case.params.contenders == Some(holders));
        plan.predicted_ns(found.expect("asked"))
    };
    let (two, eight) = (of(Measure::Contention, 2), of(Measure::Contention, 8));
    assert!(two >= plan.timing.warm_up_ns + plan.timing.hot_ns * 6 / 5, "the stamped window is a fifth");
    assert!(eight > two, "six more processes");
    assert!(of(Measure::CostModel, 2) > of(Measure::CostModel, 1), "each hand-off is forced by a wait");
}

#[test]
fn errors_in_a_block_of_locks_name_the_line() {
    let one = "contenders = [2]\n";
    let cases = [
        (
            "[\"acquire\"]",
            "message_bytes = [8]".to_owned(),
            ":10: `message_bytes` fits only mechanisms that carry messages, not bolt",
        ),
        ("[\"contention\"]", String::new(), ":9: `contention` needs `contenders`: "),
        ("[\"tickets\"]", "stock = [\"memory\"]".into(), ":9: `tickets` needs `contenders`: "),
        ("[\"tickets\"]", one.into(), ":9: `tickets` needs `stock`: "),
        ("[\"read_mostly\"]", one.into(), ":9: `read_mostly` needs `reads_percent`: "),
        ("[\"recover\"]", String::new(), ":9: `recover` needs `kill_point`: "),
        ("[\"round_trip\"]", String::new(), ":9: `round_trip` cannot be asked of bolt; it answers acquire, contention"),
        ("[\"contention\"]", "contenders = [0]".into(), ":10: `contenders` is at least 1, at most 62, not 0"),
        ("[\"contention\"]", "contenders = [63]".into(), ":10: `contenders` is at least 1, at most 62, not 63"),
        ("[\"contention\"]", format!("{one}lines = [257]"), ":11: `lines` is at least 1, at most 256, not 257"),
        (
            "[\"contention\"]",
            format!("{one}critical_section_ns = [0,\n20_000_000]"),
            ":12: `critical_section_ns` is at least 0 ns, at most 10 ms, not 20000000",
        ),
        (
            "[\"read_mostly\"]",
            format!("{one}reads_percent = [101]"),
            ":11: `reads_percent` is at least 0, at most 100, not 101",
        ),
        (
            "[\"contention\"]",
            format!("{one}spacing = [\"poisson\"]"),
            ":11: unknown spacing `poisson`; known: fixed, exponential",
        ),
        ("[\"tickets\"]", format!("{one}stock = [\"disk\"]"), ":11: unknown stock `disk`"),
        (
            "[\"recover\"]",
            "kill_point = [\"holdin\"]".into(),
            ":10: unknown kill point `holdin`; did you mean `holding`?",
        ),
        ("[\"acquire\"]", one.into(), ":10: `contenders` fits only contention, read_mostly, tickets"),
        (
            "[\"acquire\"]",
            "think_time_ns = [5]".into(),
            ":10: `think_time_ns` fits only round_trip, contention, read_mostly",
        ),
        ("[\"tickets\"]", format!("{one}stock = [\"memory\"]\nlines = [2]"), ":12: `lines` fits only contention"),
        ("[\"contention\"]", format!("{one}kill_point = [\"waiting\"]"), ":11: `kill_point` fits only recover"),
        (
            "[\"recover\"]",
            "kill_point = [\"waiting\"]\nhogs = [1]".into(),
            ":11: `hogs` fits only round_trip, stream, paced",
        ),
        (
            "[\"contention\"]",
            format!("{one}substrate = [\"memfd\"]"),
            ":11: `substrate` fits only mechanisms that share memory",
        ),
    ];
    for (measures, more, expected) in cases {
        let asked = block("[\"bolt\"]", measures, &more);
        let found = plan_on(&with_locks(2), &asked).expect_err(&asked).to_string();
        assert!(found.starts_with(&format!("plans/x.toml{expected}")), "expected {expected}\nfound    {found}");
    }
}
