//! Axes that only some measures or rows know.

use ipcmark::record::{Arrivals, Measure};

use super::{block, complaint, ground, keys, plan, plan_on};

/// A block of the row `ring` with these measures; its lists start at line 8, `more` at line 11.
fn asked(measures: &str, more: &str) -> String {
    format!("[[cases]]\nmechanism = [\"ring/park\", \"pipe\"]\nmeasure = {measures}\nmessage_bytes = [64]\n\n{more}\n")
}

#[test]
fn a_paced_case_has_a_rate_and_other_measures_of_the_block_have_none() {
    let more = "rate_per_s = [10_000, 1_000_000]\narrivals = [\"constant\", \"poisson\", \"burst\"]\nburst = [10, 100]";
    let plan = plan(&asked("[\"paced\", \"round_trip\"]", more)).expect("sound");
    let paced: Vec<_> = plan.cases.iter().map(|it| &it.case).filter(|case| case.measure == Measure::Paced).collect();
    assert_eq!(paced.len(), 2 * 2 * 4, "two rows, two rates, four ways to come");
    assert!(paced.iter().all(|case| case.params.rate_per_s.is_some()));
    assert!(paced.iter().all(|case| case.params.burst.is_some() == (case.params.arrivals == Some(Arrivals::Burst))));
    let rest: Vec<_> = keys(&plan).into_iter().filter(|key| key.contains("/round_trip/")).collect();
    assert_eq!(
        rest,
        [
            "transport/ring/round_trip/process/same_l3/wait=park/substrate=memfd/message_bytes=64",
            "transport/pipe/round_trip/process/same_l3/message_bytes=64",
        ]
    );
}

#[test]
fn numbers_of_roles_double_up_to_all_cpus() {
    let text = asked("[\"stream\"]", "placement = [\"scatter\"]\npattern = [\"to all CPUs\", \"4:2\"]");
    for (cpus, wanted) in
        [(1, vec!["1:1"]), (2, vec!["1:1"]), (6, vec!["1:1", "2:2", "3:3"]), (256, vec!["16:16", "31:31"])]
    {
        let plan = plan_on(&ground(cpus), &text).expect("sound");
        let patterns: Vec<String> = plan.cases.iter().map(|it| it.case.pattern().to_string()).collect();
        assert!(wanted.iter().all(|pattern| patterns.iter().any(|found| found == pattern)), "{cpus}: {patterns:?}");
        assert!(patterns.contains(&"4:2".to_owned()));
    }
    let plan = plan_on(&ground(6), &text).expect("sound");
    assert_eq!(plan.cases.len(), 2 * 4);
    assert!(
        plan.cases.iter().all(|it| it.cpus.len() == 6 && it.obstacle.is_none()),
        "any number of roles is dealt out"
    );
    assert!(plan_on(&ground(6), &asked("[\"stream\"]", "hogs = [\"to all CPUs\"]")).is_err(), "hogs are no roles");
}

#[test]
fn arrivals_are_constant_unless_asked() {
    let plan = plan(&asked("[\"paced\"]", "rate_per_s = [10_000]")).expect("sound");
    assert_eq!(keys(&plan)[1], "transport/pipe/paced/process/same_l3/message_bytes=64/rate_per_s=10000");
    let more = "rate_per_s = [10_000]\npattern = [\"1:1\", \"2:1\"]\nplacement = [\"spread\"]";
    let plan = self::plan(&asked("[\"paced\"]", more)).expect("sound");
    let shared = "transport/pipe/paced/process/spread/message_bytes=64/pattern=2:1/rate_per_s=10000";
    assert!(keys(&plan).contains(&shared.to_owned()), "{:?}", keys(&plan));
}

#[test]
fn a_wake_case_has_a_pause_and_its_trial_lasts_three_of_them() {
    let plan = plan(&asked("[\"wake\"]", "gap_ns = [\"1 us\", \"100000 us\"]")).expect("sound");
    assert_eq!(keys(&plan)[2..], ["1000", "100000000"].map(|gap| format!("{WAKE}{gap}")));
    let (short, long) = (plan.predicted_ns(&plan.cases[2]), plan.predicted_ns(&plan.cases[3]));
    assert!(short < 100_000_000 && long > 400_000_000, "{short} {long}");
    assert_eq!(plan.timing_of(&plan.cases[0].case).floor_ns, 0);
}

const WAKE: &str = "transport/pipe/wake/process/same_l3/message_bytes=64/gap_ns=";

#[test]
fn default_values_do_not_change_the_key() {
    let plain = keys(&plan(&asked("[\"stream\"]", "")).expect("sound"));
    for more in ["pattern = [\"1:1\"]", "pairs = [1]", "hogs = [0]", "touch = [\"all\"]"] {
        assert_eq!(keys(&plan(&asked("[\"stream\"]", more)).expect(more)), plain);
    }
    let more = "pattern = [\"1:1\", \"4:2\"]\nhogs = [0, 1]\ntouch = [\"sample\"]\nprefault = [true, false]";
    let found = keys(&plan(&asked("[\"stream\"]", more)).expect("sound"));
    let ring = "transport/ring/stream/process/same_l3/wait=park/substrate=memfd/message_bytes=64";
    assert!(found.contains(&format!("{ring}/pattern=4:2/hogs=1/touch=sample/prefault=true")), "{found:?}");
    assert_eq!(found.len(), 8 + 4, "a row without memory has nothing to prefault");
}

#[test]
fn a_polling_row_needs_a_cpu_for_every_role() {
    let asked = "[[cases]]\nmechanism = [\"ring\"]\nmeasure = [\"stream\"]\nmessage_bytes = [8]\npairs = [1, 2]\n\
                 placement = [\"spread\"]\n";
    let plan = plan_on(&ground(2), asked).expect("sound");
    let stopped: Vec<String> = plan.cases.iter().filter_map(|it| it.obstacle.as_ref().map(|_| it.case.key())).collect();
    assert_eq!(stopped, ["transport/ring/stream/process/spread/wait=spin/substrate=memfd/message_bytes=8/pairs=2"]);
}

#[test]
fn an_open_loop_on_one_cpu_is_skipped_and_not_an_error_of_the_plan() {
    let plan = plan_on(&ground(1), &asked("[\"paced\", \"wake\"]", "rate_per_s = [10_000]\ngap_ns = [\"1 us\"]"));
    let plan = plan.expect("sound");
    assert!(plan.cases.iter().all(|it| it.obstacle.as_deref().is_some_and(|why| why.contains("keeps its CPU busy"))));
}

#[test]
fn an_exclamation_mark_excludes_rows() {
    let found = |mechanisms: &str| plan(&block(mechanisms, "")).map(|plan| keys(&plan));
    let all = found("[\"*\"]").expect("sound");
    let less = found("[\"!ring/spin\", \"*\", \"!p*\"]").expect("sound");
    assert!(all.iter().any(|key| key.contains("/pipe/")) && !less.iter().any(|key| key.contains("/pipe/")));
    assert!(less.iter().any(|key| key.contains("wait=park")) && !less.iter().any(|key| key.contains("wait=spin")));
    let told = |mechanisms: &str| found(mechanisms).expect_err(mechanisms).to_string();
    assert!(told("[\"*\", \"!pip\"]").contains("did you mean `pipe`?"));
    for nothing in ["[\"!pipe\"]", "[\"pipe\", \"!*\"]"] {
        assert!(told(nothing).starts_with("plans/x.toml:7: `mechanism` leaves nothing to run"), "{}", told(nothing));
    }
}

#[test]
fn a_message_may_be_empty() {
    let empty = block("[\"pipe\"]", "").replace("[8]", "[0]");
    assert_eq!(keys(&plan(&empty).expect("sound")), ["transport/pipe/round_trip/process/same_l3/message_bytes=0"]);
}

#[test]
fn a_list_without_use_is_an_error_with_its_line() {
    let rates = "rate_per_s = [10_000]\n";
    let cases = [
        ("[\"paced\"]", String::new(), "plans/x.toml:8: `paced` needs `rate_per_s`: Messages a second"),
        ("[\"wake\"]", String::new(), "plans/x.toml:8: `wake` needs `gap_ns`: "),
        ("[\"stream\"]", rates.into(), "plans/x.toml:11: `rate_per_s` fits only paced"),
        ("[\"paced\"]", format!("{rates}gap_ns = [\"1 us\"]"), "plans/x.toml:12: `gap_ns` fits only wake"),
        ("[\"round_trip\"]", "arrivals = [\"poisson\"]".into(), "plans/x.toml:11: `arrivals` fits only paced"),
        ("[\"paced\"]", format!("{rates}burst = [10]"), "plans/x.toml:12: `burst` fits only `arrivals"),
        ("[\"paced\"]", format!("{rates}arrivals = [\"burst\"]"), "plans/x.toml:12: `burst` needs `burst`"),
        (
            "[\"paced\"]",
            format!("{rates}arrivals = [\"poison\"]"),
            "plans/x.toml:12: unknown arrivals `poison`; did you mean `poisson`?",
        ),
        (
            "[\"paced\"]",
            "rate_per_s = [0]".into(),
            "plans/x.toml:11: `rate_per_s` is at least 1, at most 1000000000, not 0",
        ),
        (
            "[\"paced\"]",
            "rate_per_s = [10_000,\n100]".into(),
            "plans/x.toml:12: 100 messages a second are 1 in a hot phase of 10 ms, and it takes 100; raise",
        ),
        (
            "[\"paced\"]",
            "rate_per_s = [2_000_000_000]".into(),
            "plans/x.toml:11: `rate_per_s` is at least 1, at most 1000000000, not 2000000000",
        ),
        (
            "[\"wake\"]",
            "gap_ns = [\"2000000 us\"]".into(),
            "plans/x.toml:11: `gap_ns` is at least 1 ns, at most 1 s, not 2000000 us",
        ),
        ("[\"cost_model\"]", "touch = [\"none\"]".into(), "plans/x.toml:11: `touch` fits only round_trip, stream"),
        ("[\"round_trip\"]", "pattern = [\"2:1\"]".into(), "plans/x.toml:11: `pattern` fits only stream, paced, drain"),
        ("[\"paced\"]", format!("{rates}pairs = [2]"), "plans/x.toml:12: `pairs` fits only stream, drain"),
        ("[\"stream\"]", "pattern = [\"2\"]".into(), "plans/x.toml:11: `2` is no pattern; write senders:receivers"),
        ("[\"stream\"]", "pattern = [\"0:1\"]".into(), "plans/x.toml:11: `0:1` is out of range"),
        ("[\"stream\"]", "pairs = [2]\npattern = [\"2:1\"]".into(), "plans/x.toml:11: a pair is one sender and one"),
        ("[\"cost_model\"]", "hogs = [1]".into(), "plans/x.toml:11: `hogs` fits only round_trip, stream, paced, wake"),
    ];
    for (measures, more, expected) in cases {
        let found = complaint(&asked(measures, &more));
        assert!(found.starts_with(expected), "expected {expected}\nfound    {found}");
    }
    let prefault = complaint(&block("[\"pipe\"]", "prefault = [true]"));
    assert!(
        prefault.starts_with("plans/x.toml:10: `prefault` fits only mechanisms that share memory, not pipe"),
        "{prefault}"
    );
}
