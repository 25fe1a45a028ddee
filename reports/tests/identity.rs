//! Which machine a record is from: names, fingerprints and boots.

use std::sync::Arc;

use crate::common;
use ipcmark_record::{Facts, Record};
use ipcmark_reports::{Machines, machine_id};

/// 2026-11-21T00:00:00Z.
const MIDNIGHT_S: u64 = 1_795_219_200;

/// Two runs of one plan, the second with `change`d facts.
fn two_runs(change: impl Fn(&mut Facts)) -> Vec<Record> {
    let mut records = common::quick_run(2, 5);
    for record in &mut records {
        let facts = &mut Arc::make_mut(&mut record.machine).facts;
        facts.fingerprint = Some("0123456789abcdef0123456789abcdef".into());
        facts.boot_id = Some("aaaaaaaaaaaaaaaaaaaa".into());
        facts.booted_at_s = Some(MIDNIGHT_S);
        record.ended_at = "2026-11-21T01:00:00.500Z".into();
    }
    let mut second = records.clone();
    for record in &mut second {
        change(&mut Arc::make_mut(&mut record.machine).facts);
        record.run_id.push_str("-second");
    }
    records.extend(second);
    records
}

/// What a report of `records` says against them; `None` if they are pooled.
fn refused(records: &[Record]) -> Option<String> {
    common::recording(records.to_vec()).of_one_machine().err().map(|error| error.to_string())
}

#[test]
fn one_machine_under_two_names_has_one_report() {
    let records = two_runs(|facts| facts.hostname = "renamed".into());
    assert_eq!(refused(&records), None);
    let page = common::page(records);
    assert!(page.contains("synthetic and renamed"), "both names are shown");
}

#[test]
fn two_machines_of_one_name_are_told_apart() {
    let records = two_runs(|facts| facts.fingerprint = Some("fedcba9876543210fedcba9876543210".into()));
    let told = refused(&records).expect("they are never pooled");
    for due in ["2 machines", "synthetic (", "0123456789ab", "fedcba987654"] {
        assert!(told.contains(due), "{told}\nlacks {due}");
    }
    let machines = Machines::of(&records);
    let (first, last) = (&records[0].machine.facts, &records[records.len() - 1].machine.facts);
    assert_ne!(machines.id(first), machines.id(last));
}

#[test]
fn clones_with_one_fingerprint_are_told_apart_by_boots_that_overlap() {
    let boot = |minutes: u64| {
        two_runs(move |facts| {
            facts.boot_id = Some("bbbbbbbbbbbbbbbbbbbb".into());
            facts.booted_at_s = Some(MIDNIGHT_S + minutes * 60);
        })
    };
    let told = refused(&boot(30)).expect("the second booted half an hour before the first wrote its last record");
    assert!(told.contains("boot aaaaaaaaaaaa") && told.contains("boot bbbbbbbbbbbb"), "{told}");
    assert_eq!(refused(&boot(90)), None, "a reboot between the runs");
    assert_eq!(refused(&boot(60)), None, "clocks differ by less than a minute");
}

#[test]
fn recordings_without_a_fingerprint_go_by_host_and_processor() {
    let old = |change: fn(&mut Facts)| {
        let mut records = two_runs(change);
        for record in &mut records {
            let facts = &mut Arc::make_mut(&mut record.machine).facts;
            (facts.fingerprint, facts.boot_id, facts.booted_at_s) = (None, None, None);
        }
        records
    };
    assert_eq!(refused(&old(|_| {})), None);
    assert!(refused(&old(|facts| facts.hostname = "elsewhere".into())).is_some());
    assert!(refused(&old(|facts| facts.cpu_model = "Another".into())).is_some());
    assert_eq!(machine_id(&old(|_| {})[0].machine.facts), "synthetic (Made-up Processor 2000)");
}

#[test]
fn a_new_kernel_is_not_pooled_but_the_same_machine() {
    let records = two_runs(|facts| facts.kernel = "0.0.1-synthetic".into());
    assert!(refused(&records).is_some_and(|told| told.contains("0.0.1-synthetic")));
    let machines = Machines::of(&records);
    assert_eq!(machines.id(&records[0].machine.facts), machines.id(&records[records.len() - 1].machine.facts));
}
