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
    format!("[[cases]]\nfamily = \"lock\"\nmechanisms = {mechanisms}\nmeasures = {measures}\n{more}\n")
}

fn plan(mechanisms: &str, measures: &str, more: &str) -> Plan {
    plan_on(&with_locks(2), &block(mechanisms, measures, more)).expect("sound")
}

fn cases(plan: &Plan) -> Vec<&Case> {
    plan.cases.iter().map(|planned| &planned.case).collect()
}

#[test]
fn each_measure_takes_the_axes_it_has_a_use_for() {
    let more = "holders = [1, 4]\nlines = [1, 8]\nreads_percent = [50, 100]\nstocks = [\"memory\"]\n\
                deaths = [\"inside\"]\nhogs = [0, 1]";
    let measures =
        "[\"acquire\", \"contention\", \"read_mostly\", \"tickets\", \"recover\", \"anatomy\", \"conformance\"]";
    let plan = plan("[\"bolt\"]", measures, more);
    let of = |measure| cases(&plan).into_iter().filter(|case| case.measure == measure).cloned().collect::<Vec<_>>();
    let keys = |measure| of(measure).iter().map(Case::key).collect::<Vec<_>>();
    assert_eq!(keys(Measure::Acquire), ["lock/bolt/acquire/process/same_l3/-/wait=park"]);
    assert_eq!(of(Measure::Contention).len(), 2 * 2 * 2);
    assert!(keys(Measure::Contention)[0].ends_with("/holders=1"), "one line and no hog are left out of the key");
    assert!(keys(Measure::Contention)[7].ends_with("/hogs=1/holders=4/lines=8"));
    assert_eq!(of(Measure::ReadMostly).len(), 2 * 2 * 2);
    assert!(of(Measure::ReadMostly).iter().all(|case| case.reads_percent.is_some() && case.lines.is_none()));
    assert_eq!(of(Measure::Tickets).len(), 2 * 2);
    assert!(keys(Measure::Recover)[0].ends_with("/death=inside"));
    assert_eq!(of(Measure::Anatomy).iter().map(|case| case.holders).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(keys(Measure::Conformance), ["lock/bolt/conformance/process/same_l3/-/wait=park"]);
}

#[test]
fn work_is_spread_only_where_there_is_some_outside() {
    let more = "holders = [2]\ninside_ns = [100]\noutside_ns = [0, 1000]\nspacings = [\"fixed\", \"exponential\"]";
    let plan = plan("[\"bolt\"]", "[\"contention\"]", more);
    let found: Vec<_> = cases(&plan).iter().map(|case| (case.outside_ns, case.spacing)).collect();
    assert_eq!(found, [(Some(0), None), (Some(1000), None), (Some(1000), Some(Spacing::Exponential))]);
}

#[test]
fn more_holders_than_cpus_want_permission_where_they_poll_but_promises_are_checked_anyway() {
    let asked = block("[\"*\"]", "[\"contention\", \"conformance\"]", "holders = [4]\nplacements = [\"spread\"]");
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
fn a_trial_of_several_holders_is_predicted_with_all_that_it_does() {
    let more = "holders = [2, 8]\nplacements = [\"spread\"]";
    let plan = plan("[\"bolt\"]", "[\"contention\", \"anatomy\"]", more);
    let of = |measure, holders| {
        let found = plan.cases.iter().find(|it| it.case.measure == measure && it.case.holders == Some(holders));
        plan.predicted_ns(found.expect("asked"))
    };
    let (two, eight) = (of(Measure::Contention, 2), of(Measure::Contention, 8));
    assert!(two >= plan.timing.warm_up_ns + plan.timing.hot_ns * 6 / 5, "the stamped window is a fifth");
    assert!(eight > two, "six more processes");
    assert!(of(Measure::Anatomy, 2) > of(Measure::Anatomy, 1), "each hand-over is forced by a wait");
}

#[test]
fn what_is_wrong_with_a_block_of_locks_is_named_with_its_line() {
    let holders = "holders = [2]\n";
    let cases = [
        ("[\"acquire\"]", "message_bytes = [8]".to_owned(), ":10: a lock sends no messages; leave `message_bytes` out"),
        ("[\"contention\"]", String::new(), ":9: `contention` wants `holders`, how many want the lock"),
        ("[\"tickets\"]", "stocks = [\"memory\"]".into(), ":9: `tickets` wants `holders`"),
        ("[\"tickets\"]", holders.into(), ":9: `tickets` wants `stocks`, where the stock is kept"),
        ("[\"read_mostly\"]", holders.into(), ":9: `read_mostly` wants `reads_percent`"),
        ("[\"recover\"]", String::new(), ":9: `recover` wants `deaths`, when the process is killed"),
        ("[\"round_trip\"]", String::new(), ":9: `round_trip` cannot be asked of bolt; it answers acquire, contention"),
        ("[\"contention\"]", "holders = [0]".into(), ":10: 0 is no entry for `holders`"),
        ("[\"contention\"]", "holders = [63]".into(), ":10: an entry of `holders` may be at most 62"),
        ("[\"contention\"]", format!("{holders}lines = [257]"), ":11: an entry of `lines` may be at most 256"),
        (
            "[\"contention\"]",
            format!("{holders}inside_ns = [0,\n20_000_000]"),
            ":12: `inside_ns` may be at most 10000000 (10 ms), not 20000000",
        ),
        ("[\"read_mostly\"]", format!("{holders}reads_percent = [101]"), ":11: `reads_percent` is 0 to 100, not 101"),
        (
            "[\"contention\"]",
            format!("{holders}spacings = [\"poisson\"]"),
            ":11: unknown spacing `poisson`; known: fixed, exponential",
        ),
        ("[\"tickets\"]", format!("{holders}stocks = [\"disk\"]"), ":11: unknown stock `disk`"),
        ("[\"recover\"]", "deaths = [\"insid\"]".into(), ":10: unknown death `insid`; did you mean `inside`?"),
        ("[\"acquire\"]", holders.into(), ":10: `holders` fits only contention, read_mostly, tickets"),
        ("[\"acquire\"]", "outside_ns = [5]".into(), ":10: `outside_ns` fits only contention, read_mostly"),
        ("[\"tickets\"]", format!("{holders}stocks = [\"memory\"]\nlines = [2]"), ":12: `lines` fits only contention"),
        ("[\"contention\"]", format!("{holders}deaths = [\"queued\"]"), ":11: `deaths` fits only recover"),
        (
            "[\"recover\"]",
            "deaths = [\"queued\"]\nhogs = [1]".into(),
            ":11: `hogs` fits only round_trip, stream, paced",
        ),
        (
            "[\"contention\"]",
            format!("{holders}substrates = [\"memfd\"]"),
            ":11: `substrates` fits only what shares memory",
        ),
    ];
    for (measures, more, expected) in cases {
        let asked = block("[\"bolt\"]", measures, &more);
        let found = plan_on(&with_locks(2), &asked).expect_err(&asked).to_string();
        assert!(found.starts_with(&format!("plans/x.toml{expected}")), "expected {expected}\nfound    {found}");
    }
}
