//! Hardware counters and energy, on made-up counts.

use crate::common::{page, quick_run};
use ipcmark_record::{Counters, Measure, Record, metric};

/// A quick run whose streams and round trips have 600 cycles and 900 instructions a message, and whose packages use 20 W, 15 of
/// them when idle.
fn counted() -> Vec<Record> {
    let mut records = quick_run(5, 7);
    for record in &mut records {
        std::sync::Arc::make_mut(&mut record.machine).sensors.idle_watts = Some(15.0);
        let timed = matches!(record.case.measure, Measure::RoundTrip | Measure::Stream);
        let (Some(metrics), Some(roles), true) = (&mut record.outcome.metrics, &mut record.outcome.roles, timed) else {
            continue;
        };
        metrics.insert(metric::CYCLES_PER_MESSAGE.into(), 600.0);
        metrics.insert(metric::INSTRUCTIONS_PER_MESSAGE.into(), 900.0);
        roles[0].counters = Some(Counters { cycles: Some(60_000_000), user_only: true, ..Counters::default() });
        roles[0].package_energy_uj = Some(roles[0].wall_ns * 20 / 1_000);
    }
    records
}

#[test]
fn counts_and_energy_per_message_are_a_table_with_the_idle_share() {
    let page = page(counted());
    let figure = page.split("id=\"counters-same_l3\"").nth(1).and_then(|rest| rest.split("</figure>").next());
    let figure = figure.expect("a table of counters");
    for text in [">600<", ">900<", "75 %", "nJ", "at 15.0 W", "Work of the kernel is not counted"] {
        assert!(figure.contains(text), "{text}");
    }
    assert!(figure.contains("data-name=\"counters-same_l3\""));
    assert!(page.contains("Idle power of the packages"));
}

#[test]
fn without_counters_there_is_no_table_and_one_reason() {
    let mut records = quick_run(5, 7);
    let why = "this virtual machine has no performance counters; give it a virtual PMU, or measure on the host";
    for record in &mut records {
        std::sync::Arc::make_mut(&mut record.machine).sensors.counters_missing = Some(why.into());
    }
    let page = page(records);
    assert!(!page.contains("id=\"counters-"));
    assert_eq!(page.matches(why).count(), 1, "once per run");
    assert!(!page.contains("idle share"), "no energy without its idle share");
}
