//! Axes that only some measures or rows know.

use ipcmark::record::{Arrivals, Measure};

use super::{block, complaint, ground, keys, plan, plan_on};

/// A block of the row `ring` with these measures; its lists start at line 8, `more` at line 11.
fn asked(measures: &str, more: &str) -> String {
    format!(
        "[[cases]]\nmechanisms = [\"ring/park\", \"pipe\"]\nmeasures = {measures}\nmessage_bytes = [64]\n\n{more}\n"
    )
}

#[test]
fn a_paced_case_has_a_rate_and_other_measures_of_the_block_have_none() {
    let more =
        "rates_per_s = [10_000, 1_000_000]\narrivals = [\"constant\", \"poisson\", \"burst\"]\nbursts = [10, 100]";
    let plan = plan(&asked("[\"paced\", \"round_trip\"]", more)).expect("sound");
    let paced: Vec<_> = plan.cases.iter().map(|it| &it.case).filter(|case| case.measure == Measure::Paced).collect();
    assert_eq!(paced.len(), 2 * 2 * 4, "two rows, two rates, four ways to come");
    assert!(paced.iter().all(|case| case.rate_per_s.is_some() && case.arrivals.is_some()));
    assert!(paced.iter().all(|case| case.burst.is_some() == (case.arrivals == Some(Arrivals::Burst))));
    let rest: Vec<_> = keys(&plan).into_iter().filter(|key| key.contains("/round_trip/")).collect();
    assert_eq!(
        rest,
        [
            "transport/ring/round_trip/process/same_l3/64/wait=park/substrate=memfd",
            "transport/pipe/round_trip/process/same_l3/64",
        ]
    );
}

#[test]
fn arrivals_are_constant_unless_asked() {
    let plan = plan(&asked("[\"paced\"]", "rates_per_s = [10_000]")).expect("sound");
    assert_eq!(keys(&plan)[1], "transport/pipe/paced/process/same_l3/64/rate=10000/arrivals=constant");
}

#[test]
fn a_wake_case_has_a_pause_and_its_trial_lasts_three_of_them() {
    let plan = plan(&asked("[\"wake\"]", "gaps_us = [1, 100_000]")).expect("sound");
    assert_eq!(keys(&plan)[2..], ["1000", "100000000"].map(|gap| format!("{WAKE}{gap}")));
    let (short, long) = (plan.predicted_ns(&plan.cases[2]), plan.predicted_ns(&plan.cases[3]));
    assert!(short < 100_000_000 && long > 400_000_000, "{short} {long}");
    assert_eq!(plan.timing_of(&plan.cases[0].case).floor_ns, 0);
}

const WAKE: &str = "transport/pipe/wake/process/same_l3/64/gap=";

#[test]
fn what_is_plain_leaves_the_key_as_it_was() {
    let plain = keys(&plan(&asked("[\"stream\"]", "")).expect("sound"));
    for more in ["topologies = [\"1:1\"]", "pairs = [1]", "hogs = [0]", "touches = [\"all\"]"] {
        assert_eq!(keys(&plan(&asked("[\"stream\"]", more)).expect(more)), plain);
    }
    let more = "topologies = [\"1:1\", \"4:2\"]\nhogs = [0, 1]\ntouches = [\"sample\"]\nprefault = [true, false]";
    let found = keys(&plan(&asked("[\"stream\"]", more)).expect("sound"));
    let ring = "transport/ring/stream/process/same_l3/64/wait=park/substrate=memfd";
    assert!(found.contains(&format!("{ring}/topology=4:2/hogs=1/touch=sample/prefault=false")), "{found:?}");
    assert_eq!(found.len(), 8 + 4, "a row without memory has nothing to prefault");
}

#[test]
fn a_polling_row_wants_a_cpu_for_every_role() {
    let asked = "[[cases]]\nmechanisms = [\"ring\"]\nmeasures = [\"stream\"]\nmessage_bytes = [8]\npairs = [1, 2]\n\
                 placements = [\"spread\"]\n";
    let plan = plan_on(&ground(2), asked).expect("sound");
    let stopped: Vec<String> = plan.cases.iter().filter_map(|it| it.obstacle.as_ref().map(|_| it.case.key())).collect();
    assert_eq!(stopped, ["transport/ring/stream/process/spread/8/wait=spin/substrate=memfd/pairs=2"]);
}

#[test]
fn one_cpu_is_too_few_for_an_open_loop_but_no_mistake_of_the_plan() {
    let plan = plan_on(&ground(1), &asked("[\"paced\", \"wake\"]", "rates_per_s = [10_000]\ngaps_us = [1]"));
    let plan = plan.expect("sound");
    assert!(plan.cases.iter().all(|it| it.obstacle.as_deref().is_some_and(|why| why.contains("keeps its CPU busy"))));
}

#[test]
fn an_exclamation_mark_takes_rows_away() {
    let found = |mechanisms: &str| plan(&block(mechanisms, "")).map(|plan| keys(&plan));
    let all = found("[\"*\"]").expect("sound");
    let less = found("[\"!ring/spin\", \"*\", \"!p*\"]").expect("sound");
    assert!(all.iter().any(|key| key.contains("/pipe/")) && !less.iter().any(|key| key.contains("/pipe/")));
    assert!(less.iter().any(|key| key.contains("wait=park")) && !less.iter().any(|key| key.contains("wait=spin")));
    let told = |mechanisms: &str| found(mechanisms).expect_err(mechanisms).to_string();
    assert!(told("[\"*\", \"!pip\"]").contains("did you mean `pipe`?"));
    for nothing in ["[\"!pipe\"]", "[\"pipe\", \"!*\"]"] {
        assert!(told(nothing).starts_with("plans/x.toml:7: `mechanisms` leaves nothing to run"), "{}", told(nothing));
    }
}

#[test]
fn a_message_may_be_empty() {
    let empty = block("[\"pipe\"]", "").replace("[8]", "[0]");
    assert_eq!(keys(&plan(&empty).expect("sound")), ["transport/pipe/round_trip/process/same_l3/0"]);
}

#[test]
fn what_no_measure_or_row_can_use_is_refused_with_its_line() {
    let rates = "rates_per_s = [10_000]\n";
    let cases = [
        ("[\"paced\"]", String::new(), "plans/x.toml:8: `paced` wants `rates_per_s`"),
        ("[\"wake\"]", String::new(), "plans/x.toml:8: `wake` wants `gaps_us`"),
        ("[\"stream\"]", rates.into(), "plans/x.toml:11: `rates_per_s` fits only paced"),
        ("[\"paced\"]", format!("{rates}gaps_us = [1]"), "plans/x.toml:12: `gaps_us` fits only wake"),
        ("[\"round_trip\"]", "arrivals = [\"poisson\"]".into(), "plans/x.toml:11: `arrivals` fits only paced"),
        ("[\"paced\"]", format!("{rates}bursts = [10]"), "plans/x.toml:12: `bursts` fits only `arrivals"),
        ("[\"paced\"]", format!("{rates}arrivals = [\"burst\"]"), "plans/x.toml:12: `burst` wants `bursts`"),
        (
            "[\"paced\"]",
            format!("{rates}arrivals = [\"poison\"]"),
            "plans/x.toml:12: unknown kind of arrivals `poison`; did you mean `poisson`?",
        ),
        ("[\"paced\"]", "rates_per_s = [0]".into(), "plans/x.toml:11: 0 is no entry for `rates_per_s`"),
        (
            "[\"paced\"]",
            "rates_per_s = [10_000,\n100]".into(),
            "plans/x.toml:12: 100 messages a second are 1 in a hot phase of 10 ms, and it takes 100; raise",
        ),
        (
            "[\"paced\"]",
            "rates_per_s = [2_000_000_000]".into(),
            "plans/x.toml:11: an entry of `rates_per_s` may be at most",
        ),
        ("[\"wake\"]", "gaps_us = [2_000_000]".into(), "plans/x.toml:11: an entry of `gaps_us` may be at most 1000000"),
        ("[\"anatomy\"]", "touches = [\"none\"]".into(), "plans/x.toml:11: `touches` fits only round_trip, stream"),
        ("[\"round_trip\"]", "topologies = [\"2:1\"]".into(), "plans/x.toml:11: `topologies` fits only stream"),
        ("[\"stream\"]", "topologies = [\"2\"]".into(), "plans/x.toml:11: `2` is no topology; write senders:receivers"),
        ("[\"stream\"]", "topologies = [\"0:1\"]".into(), "plans/x.toml:11: `0:1` is out of range"),
        ("[\"stream\"]", "pairs = [2]\ntopologies = [\"2:1\"]".into(), "plans/x.toml:11: a pair is one sender and one"),
        ("[\"anatomy\"]", "hogs = [1]".into(), "plans/x.toml:11: `hogs` fits only round_trip, stream, paced, wake"),
    ];
    for (measures, more, expected) in cases {
        let found = complaint(&asked(measures, &more));
        assert!(found.starts_with(expected), "expected {expected}\nfound    {found}");
    }
    let prefault = complaint(&block("[\"pipe\"]", "prefault = [true]"));
    assert!(prefault.starts_with("plans/x.toml:10: `prefault` fits only what shares memory, not pipe"), "{prefault}");
}
