//! Cost breakdowns compared with manual results.
#![allow(clippy::float_cmp)] // round numbers in, the same round numbers out

use std::fs;
use std::sync::Arc;

use crate::common;
use crate::common::recording;
use ipcmark_record::{CostModel, Counts, Floors, Measure, Operation, Placement, SizedFloor, metric};
use ipcmark_reports::analyse::cost_model::{NO_REASON, Pace, Price, Priced, at_size, price};
use ipcmark_reports::analyse::declared::{declared, disagreements};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::Study;
use ipcmark_reports::write;

/// Cost breakdown of a 4 KiB case with `cost_model` and a measured `cost_ns`, at round floors.
fn priced(measure: Measure, placement: Placement, cost_model: CostModel, cost_ns: f64) -> Priced {
    let one = common::variants()[1];
    let case = common::case(&one, measure, placement, 4096);
    let mut record = common::measured(&one, case, 0, &mut Random::new(1));
    let metrics = record.outcome.metrics.as_mut().expect("measured");
    metrics.insert(metric::ROUND_TRIP_NS.into(), cost_ns);
    metrics.insert(metric::MESSAGES_PER_S.into(), 1e9 / cost_ns);
    record.outcome.cost_model = Some(cost_model);
    let recording = recording(vec![record]);
    price(&Study::of(&recording).cases[0], &floors()).expect("declared, measured, and with floors")
}

fn floors() -> Floors {
    let at_4k = |ns: f64| vec![SizedFloor { bytes: 4096, footprint_bytes: 262_144, ns }];
    Floors {
        line_round_trip_two_ns: Some(200.0),
        copy: at_4k(400.0),
        touch: at_4k(300.0),
        transfer_stream: at_4k(650.0),
        transfer_serial: at_4k(1_000.0),
        system_call_ns: 100.0,
        wake_ns: Some(3_000.0),
        context_switch_ns: 1_000.0,
        page_fault_ns: 700.0,
        ..common::machine::floors()
    }
}

fn slice(priced: &Priced, price: Price) -> f64 {
    priced.slices.iter().find(|(known, _)| *known == price).map_or(0.0, |(_, ns)| *ns)
}

fn kernel_channel() -> CostModel {
    CostModel {
        sender: Counts { system_calls: 1.0, copied_bytes: 4096.0, wakes: 1.0, ..Counts::default() },
        receiver: Counts { system_calls: 2.0, copied_bytes: 4096.0, context_switches: 1.0, ..Counts::default() },
        ..CostModel::default()
    }
}

fn shared_memory() -> CostModel {
    CostModel {
        sender: Counts::default(),
        receiver: Counts { line_transfers: 1.0, moved_bytes: 4096.0, ..Counts::default() },
        ..CostModel::default()
    }
}

#[test]
fn a_closed_loop_adds_both_sides_twice() {
    let priced = priced(Measure::RoundTrip, Placement::SameL3, kernel_channel(), 12_000.0);
    assert_eq!(priced.pace, Pace::Both);
    assert_eq!(slice(&priced, Price::Payload), 600.0);
    assert_eq!(slice(&priced, Price::SystemCalls), 600.0);
    assert_eq!(slice(&priced, Price::Copies), 1_600.0);
    assert_eq!(slice(&priced, Price::Wakes), 6_000.0);
    assert_eq!(slice(&priced, Price::ContextSwitches), 2_000.0);
    assert_eq!(priced.explained_ns(), 10_800.0);
    assert!((priced.unexplained_share() - 0.1).abs() < 1e-9 && !priced.flagged());
}

#[test]
fn bytes_that_move_cost_what_touch_and_line_leave_over() {
    let priced = priced(Measure::RoundTrip, Placement::SameL3, shared_memory(), 2_000.0);
    assert_eq!(slice(&priced, Price::LineTransfers), 200.0);
    // 1000 in a closed loop, minus 300 of touch and 100 of one transfer, in both directions.
    assert!((slice(&priced, Price::MovedBytes) - 1_200.0).abs() < 1e-9);
    assert!((priced.unexplained_ns()).abs() < 1e-9);
}

#[test]
fn an_operation_costs_what_its_system_calls_and_page_faults_leave_over() {
    let sender = Counts { system_calls: 4.0, page_faults: 1.0, ..Counts::default() }
        .with(Operation::UnixSend, 2.0)
        .with(Operation::MapPage, 1.0);
    let receiver = Counts::default().with(Operation::RemoteFree, 1.0).with(Operation::PipeRead, 1.0);
    let cost_model = CostModel { sender, receiver, ..CostModel::default() };
    let priced = priced(Measure::Stream, Placement::SameCpu, cost_model, 4_000.0);
    assert_eq!(slice(&priced, Price::SystemCalls), 400.0);
    assert_eq!(slice(&priced, Price::PageFaults), 700.0);
    // Two sends of 480 less a call each, 1500 less two calls and a fault, a free of 20; a read has no floor here.
    assert_eq!(slice(&priced, Price::Operations), 2.0 * 380.0 + 600.0 + 20.0);
}

#[test]
fn a_case_that_the_counts_do_not_explain_says_why() {
    let odd = "a timer is set for each message";
    let cost_model = CostModel { unexplained: Some(odd.into()), ..kernel_channel() };
    let explained = priced(Measure::RoundTrip, Placement::SameL3, cost_model.clone(), 12_000.0);
    assert_eq!((explained.flagged(), explained.reason()), (false, ""));
    assert_eq!(priced(Measure::RoundTrip, Placement::SameL3, cost_model, 24_000.0).reason(), odd);
    assert_eq!(priced(Measure::RoundTrip, Placement::SameL3, kernel_channel(), 24_000.0).reason(), NO_REASON);
    assert_eq!(priced(Measure::RoundTrip, Placement::SameL3, kernel_channel(), 5_000.0).reason(), NO_REASON);
}

/// A page of two round trips at `cost_ns`, of which the first has a declared reason.
fn page_of_two(cost_ns: f64) -> String {
    let reasons = [Some("its poll loop runs in turns".to_owned()), None];
    let records = common::variants().into_iter().zip(reasons).map(|(one, unexplained)| {
        let case = common::case(&one, Measure::RoundTrip, Placement::SameL3, 4096);
        let mut record = common::measured(&one, case, 0, &mut Random::new(1));
        record.outcome.metrics.as_mut().expect("measured").insert(metric::ROUND_TRIP_NS.into(), cost_ns);
        record.outcome.cost_model = Some(CostModel { unexplained, ..kernel_channel() });
        Arc::make_mut(&mut record.machine).floors = Some(floors());
        record
    });
    let dir = tempfile::tempdir().expect("a directory for the test");
    let path = write(&recording(records.collect()), dir.path()).expect("a page").page;
    fs::read_to_string(path).expect("the page")
}

#[test]
fn the_page_prints_the_reason_beside_the_row_and_counts_those_without() {
    let page = page_of_two(24_000.0);
    assert!(page.contains("its poll loop runs in turns") && page.contains(NO_REASON));
    assert!(page.contains("Declared counts explain 0 of 2 cases to within 25 %."), "the answer of the chart");
    assert!(page.contains("Reason declared (see the table): 1. Without a reason: 1 ("));
    let page = page_of_two(11_000.0);
    assert!(page.contains("Declared counts explain 2 of 2 cases to within 25 %.") && !page.contains(NO_REASON));
}

#[test]
fn nothing_moves_on_one_cpu() {
    let priced = priced(Measure::RoundTrip, Placement::SameCpu, kernel_channel(), 12_000.0);
    assert_eq!(slice(&priced, Price::Wakes), 0.0);
    let priced = self::priced(Measure::RoundTrip, Placement::SameCpu, shared_memory(), 2_000.0);
    assert_eq!((slice(&priced, Price::LineTransfers), slice(&priced, Price::MovedBytes)), (0.0, 0.0));
}

#[test]
fn the_slower_side_of_a_stream_sets_the_pace() {
    let priced = priced(Measure::Stream, Placement::SameL3, kernel_channel(), 4_000.0);
    assert_eq!(priced.pace, Pace::Sender);
    // Half of the touch, one call, one copy, one wake-up.
    assert_eq!(priced.explained_ns(), 150.0 + 100.0 + 400.0 + 3_000.0);
    let on_one_cpu = self::priced(Measure::Stream, Placement::SameCpu, kernel_channel(), 4_000.0);
    assert_eq!(on_one_cpu.pace, Pace::Both);
    assert_eq!(on_one_cpu.explained_ns(), 300.0 + 300.0 + 800.0 + 1_000.0);
}

#[test]
fn a_stream_through_shared_memory_runs_at_the_floor() {
    let mut cost_model = shared_memory();
    cost_model.receiver.line_transfers = 0.0;
    let priced = priced(Measure::Stream, Placement::SameL3, cost_model, 650.0);
    assert_eq!(priced.pace, Pace::Receiver);
    assert!(priced.unexplained_ns().abs() < 1e-9);
}

#[test]
fn too_much_explained_is_shown_as_such() {
    let priced = priced(Measure::RoundTrip, Placement::SameL3, kernel_channel(), 5_000.0);
    assert!(priced.unexplained_ns() < 0.0 && priced.flagged());
}

#[test]
fn what_misses_by_more_than_half_is_withheld() {
    // 10,800 ns are explained.
    let withheld =
        |measured_ns| priced(Measure::RoundTrip, Placement::SameL3, kernel_channel(), measured_ns).withheld();
    assert_eq!([7_100.0, 7_201.0, 21_599.0, 21_700.0].map(withheld), [true, false, false, true]);
}

#[test]
fn floors_between_sizes_lie_on_a_power_law() {
    let floor = |bytes, ns| SizedFloor { bytes, footprint_bytes: 0, ns };
    let floors = [floor(1_000, 10.0), floor(100_000, 1_000.0)];
    assert!((at_size(&floors, 10_000) - 100.0).abs() < 1e-9);
    assert!((at_size(&floors, 100) - 1.0).abs() < 1e-9);
    assert!((at_size(&floors, 200_000) - 2_000.0).abs() < 1e-9);
    assert_eq!((at_size(&floors, 0), at_size(&[], 64)), (0.0, 0.0));
}

#[test]
fn declared_and_seen_stand_side_by_side() {
    let one = common::variants()[3];
    let case = common::case(&one, Measure::CostModel, Placement::SameL3, 8);
    let recording = recording(vec![common::seen(&one, case, 0)]);
    let study = Study::of(&recording);
    let rows = declared(&study.cases[0]);
    let of = |role: &str, count: &str| {
        let row = rows.iter().find(|row| row.role == role && row.count == count).expect("a row");
        (row.declared, row.seen)
    };
    assert_eq!(of("pinger", "system calls"), (2.0, 3.0));
    assert_eq!(of("ponger", "system calls"), (2.0, 2.001));
    assert_eq!(of("ponger", "context switches"), (1.0, 1.0));
    assert_eq!(disagreements(&study.cases[0]).len(), 1);
}
