//! Advice on synthetic records with known best answers.

use std::sync::Arc;

use crate::common::families::processes::{WAYS, start_up};
use crate::common::families::{pools, states};
use crate::common::locks::{Asked, LOCKS, contention, recover};
use crate::common::sweeps::paced;
use crate::common::{Variant, case, measured, quick_run, recording, seen, variants};
use ipcmark_record::{Arrivals, KillPoint, Measure, Pattern, Placement, Record};
use ipcmark_reports::advise::{Advice, Basis, Candidate, Decision, Figure, Request, Subject, advise, by_machine};
use ipcmark_reports::analyse::statistics::Random;

const REPETITIONS: u32 = 5;

/// Request without limits.
fn wanted(subject: Subject) -> Request {
    Request { subject, p99_ns: None, max_cpus: None, must_survive_crash: false }
}

fn messages(message_bytes: u64, rate_per_s: u64) -> Request {
    wanted(Subject::Transport { message_bytes, rate_per_s, pattern: Pattern::default() })
}

fn ask(request: &Request, records: Vec<Record>) -> Advice {
    advise(request, &by_machine(recording(records)), &|_| None)
}

fn named<'a>(advice: &'a Advice, row: &str) -> &'a Candidate {
    let found = advice.candidates.iter().find(|one| one.row == row);
    found.unwrap_or_else(|| panic!("{row} is no candidate: {:?}", advice.excluded))
}

/// Why a row was ruled out.
fn against(advice: &Advice, row: &str) -> String {
    let found = advice.excluded.iter().find(|one| one.row == row);
    let found = found.unwrap_or_else(|| panic!("{row} was not ruled out: {}", advice.answer));
    format!("{} ({})", found.why, found.detail).replace('\u{202f}', " ")
}

fn typical(candidate: &Candidate) -> &Figure {
    candidate.typical.as_ref().expect("a figure")
}

pub fn row(mechanism: &str, wait: &str) -> Variant {
    let is = |one: &Variant| one.mechanism == mechanism && one.wait.is_some_and(|found| found.word() == wait);
    variants().into_iter().find(is).expect("in the table")
}

/// Rows of which everything is measured at these sizes and rates: open loops, streams and round trips.
pub fn grid(who: &[Variant], sizes: &[u64], rates: &[u64]) -> Vec<Record> {
    let mut random = Random::new(5);
    let mut records = Vec::new();
    for (repetition, one) in (0..REPETITIONS).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        for &bytes in sizes {
            let sized = Variant { fixed_ns: one.fixed_ns + one.per_byte_ns * bytes as f64, ..*one };
            for &rate in rates {
                let mut record = paced(&sized, Arrivals::Constant, rate, repetition, &mut random);
                record.case.params.message_bytes = Some(bytes);
                record.case_key = record.case.key();
                records.push(record);
            }
            for measure in [Measure::RoundTrip, Measure::Stream] {
                let mut record = measured(one, case(one, measure, Placement::SameL3, bytes), repetition, &mut random);
                for (role, word) in record.outcome.roles.iter_mut().flatten().zip(["sender", "receiver"]) {
                    word.clone_into(&mut role.role);
                }
                records.push(record);
            }
        }
    }
    records
}

pub fn few() -> Vec<Variant> {
    vec![row("shm-spsc", "spin"), row("shm-spsc", "park"), row("pipe", "block"), row("unix-stream", "block")]
}

#[test]
fn what_was_measured_as_asked_decides() {
    let advice = ask(&messages(64, 10_000), grid(&few(), &[64], &[10_000]));
    assert_eq!((advice.decision, advice.candidates[0].row.as_str()), (Decision::Clear, "shm-spsc/spin"));
    assert!(advice.answer.starts_with("Use shm-spsc/spin: p50 1"), "{}", advice.answer);
    assert!(advice.to_measure.is_none());
    let first = typical(&advice.candidates[0]);
    assert!(first.basis == Basis::Measured && first.evidence.contains("as asked, 5 repetitions"), "{first:?}");
    assert!(first.cases[0].contains("/paced/"), "{:?}", first.cases);
    assert!(advice.candidates.iter().all(|one| one.is_sure() && one.p99_ns.is_some()), "{:?}", advice.candidates);
}

#[test]
fn limits_rule_rows_out_with_the_reason() {
    let request = Request { max_cpus: Some(0.9), must_survive_crash: true, ..messages(64, 10_000) };
    let advice = ask(&request, grid(&few(), &[64], &[10_000]));
    assert_eq!(advice.candidates[0].row, "pipe/block", "{}", advice.answer);
    assert_eq!(against(&advice, "shm-spsc/spin"), "needs more than 0.9 CPUs (1 CPU)");
    assert!(against(&advice, "shm-spsc/park").starts_with("does not survive a crash (not told;"));
    let pipe = named(&advice, "pipe/block");
    assert!(pipe.death.survives == Some(true) && pipe.death.words.contains("end of file"), "{:?}", pipe.death);

    let slow = ask(&Request { p99_ns: Some(1_000.0), ..messages(64, 10_000) }, grid(&few(), &[64], &[10_000]));
    assert_eq!(slow.candidates.len(), 1);
    assert!(against(&slow, "pipe/block").starts_with("p99 above 1 µs (7."), "{}", against(&slow, "pipe/block"));
    let fast = ask(&messages(64, 10_000_000), grid(&few(), &[64], &[10_000_000]));
    assert!(against(&fast, "pipe/block").starts_with("cannot keep 10 M/s (at most 1."), "{:?}", fast.excluded);
    let none = ask(&Request { p99_ns: Some(1.0), ..messages(64, 10_000) }, grid(&few(), &[64], &[10_000]));
    assert_eq!((none.decision, none.answer.as_str()), (Decision::Nothing, "None of 4 mechanisms meets the request."));
}

#[test]
fn equal_rows_are_tied() {
    let twin = Variant { mechanism: "shm-bytes", ..row("shm-spsc", "spin") };
    let advice = ask(&messages(64, 10_000), grid(&[few(), vec![twin]].concat(), &[64], &[10_000]));
    assert_eq!(advice.decision, Decision::Tied, "{}", advice.answer);
    assert!(advice.answer.contains("Statistically tied with shm-"), "{}", advice.answer);
    assert!(advice.candidates[1].tied && !advice.candidates[2].tied);
}

#[test]
fn what_a_program_refuses_is_ruled_out_by_its_words() {
    let refused = |row: &str| (row == "pipe/block").then(|| "a pipe has one reader".to_owned());
    let records = by_machine(recording(grid(&few(), &[64], &[10_000])));
    let advice = advise(&messages(64, 10_000), &records, &refused);
    assert!(against(&advice, "pipe/block").starts_with("a pipe has one reader"));
}

/// Round trips and streams of 64 bytes.
fn closed_loops() -> Vec<Record> {
    let mut records = quick_run(REPETITIONS, 3);
    records.retain(|record| record.case.params.message_bytes == Some(64) && record.case.placement == Placement::SameL3);
    records
}

#[test]
fn without_open_loops_the_best_is_a_prediction_and_is_called_one() {
    let advice = ask(&messages(64, 100_000), closed_loops());
    assert_eq!(advice.decision, Decision::CannotTell);
    assert_eq!(advice.candidates[0].row, "shm-spsc/spin", "{}", advice.answer);
    let figure = typical(&advice.candidates[0]);
    assert!((80.0..130.0).contains(&figure.span.value), "half a round trip: {figure:?}");
    assert!(figure.basis == Basis::OtherMeasure && figure.evidence.starts_with("round trip as asked"), "{figure:?}");
    assert!(advice.answer.contains("Predicted best is shm-spsc/spin"), "{}", advice.answer);
    assert!(advice.answer.contains("p50 a prediction, its error unknown"), "{}", advice.answer);
    let command = "ipcmark advise --message-bytes 64 --rate 100000 --measure 2m";
    assert_eq!(advice.to_measure.as_deref(), Some(command));
    // A rate above what a stream carried is ruled out all the same.
    assert!(against(&ask(&messages(64, 5_000_000), closed_loops()), "pipe/block").starts_with("cannot keep"));
    // The p99 of an open loop does not follow from a round trip.
    assert!(advice.candidates.iter().all(|one| one.p99_ns.is_none() && !one.tied));
}

#[test]
fn a_size_between_measured_ones_is_predicted_within_the_stated_error() {
    let advice = ask(&messages(4096, 10_000), grid(&few(), &[64, 1024, 16_384, 65_536], &[10_000]));
    for one in &few() {
        let candidate = named(&advice, &case(one, Measure::Paced, Placement::SameL3, 64).row());
        let truth = one.fixed_ns + one.per_byte_ns * 4096.0;
        let figure = typical(candidate);
        assert!(figure.basis > Basis::Bound && figure.span.low <= truth && truth <= figure.span.high, "{figure:?}");
        let words = figure.error_in_words().expect("a prediction");
        assert!(words.starts_with("off by up to x") && words.ends_with("left out)"), "{words}");
        assert!(figure.evidence.contains("KiB"), "{}", figure.evidence);
    }
}

#[test]
fn rows_that_wait_alike_have_an_error_of_their_own() {
    let (sizes, rates) = ([64, 1024, 16_384], [3_000, 30_000, 100_000]);
    let hybrid = row("shm-spsc", "hybrid");
    // Sleeps at the lowest rate.
    let slow = grid(&[Variant { fixed_ns: 20_000.0, ..hybrid }], &sizes, &rates[..1]);
    let mut records =
        grid(&[row("shm-spsc", "spin"), row("shm-mailbox", "spin"), row("pipe", "block")], &sizes, &rates);
    records.extend(slow.into_iter().filter(|record| record.case.measure == Measure::Paced));
    records.extend(grid(&[hybrid], &sizes, &rates[1..]));
    // A range of three repetitions is enough for a prediction, not for a value that was measured as asked.
    records.retain(|record| record.case.mechanism != "shm-mailbox" || record.repetition < 3);

    let advice = ask(&messages(512, 20_000), records.clone());
    let factor = |row: &str| typical(named(&advice, row)).error.expect("a prediction").factor;
    // Sixteen times the size takes four times as long; the rate changes nothing.
    assert!(factor("shm-spsc/spin") < 5.0 && factor("shm-mailbox/spin") < 5.0, "{}", advice.answer);
    assert!(factor("shm-spsc/hybrid") > 20.0, "{}", factor("shm-spsc/hybrid"));
    assert_eq!(advice.decision, Decision::Tied, "{}", advice.answer);
    assert!(advice.answer.contains("; such choices were "), "{}", advice.answer);
    let at_a_point = ask(&messages(64, 3_000), records);
    assert!(named(&at_a_point, "shm-spsc/spin").is_sure() && !named(&at_a_point, "shm-mailbox/spin").is_sure());
}

#[test]
fn what_is_too_far_from_the_records_cannot_be_told() {
    // One rate was measured: how latency changes with it is unknown.
    let advice = ask(&messages(64, 100), grid(&few(), &[64, 1024, 16_384], &[10_000]));
    assert_eq!(advice.decision, Decision::CannotTell, "{}", advice.answer);
    let pairs = Pattern { senders: 2, receivers: 1 };
    let many = wanted(Subject::Transport { message_bytes: 64, rate_per_s: 10_000, pattern: pairs });
    assert_eq!(ask(&many, grid(&few(), &[64], &[10_000])).decision, Decision::CannotTell);
    let nothing = ask(&wanted(Subject::Lock { contenders: 2, critical_section_ns: 0 }), grid(&few(), &[64], &[10_000]));
    assert_eq!(nothing.answer, "Can't tell: these records have no case of this kind.");
    assert!(nothing.to_measure.expect("a command").starts_with("ipcmark advise lock --contenders 2"));
}

#[test]
fn open_loops_of_the_pattern_are_evidence_like_those_of_a_pair() {
    let pattern = Pattern { senders: 2, receivers: 1 };
    let request = wanted(Subject::Transport { message_bytes: 64, rate_per_s: 10_000, pattern });
    let mut records = grid(&few(), &[64, 4096], &[10_000, 100_000]);
    for record in records.iter_mut().filter(|record| record.case.measure == Measure::Paced) {
        record.case.params.pattern = Some(pattern);
        record.case_key = record.case.key();
    }
    let advice = ask(&request, records);
    assert_ne!(advice.decision, Decision::CannotTell, "{}", advice.answer);
    for candidate in &advice.candidates {
        assert_eq!(typical(candidate).basis, Basis::Measured, "{candidate:?}");
        assert!(typical(candidate).cases[0].contains("/pattern=2:1/"), "{candidate:?}");
        let capacity = candidate.capacity_per_s.as_ref().expect("a rate was kept");
        assert_eq!(capacity.basis, Basis::Measured, "{capacity:?}");
    }
}

#[test]
fn where_only_floors_were_measured_the_cost_model_predicts() {
    let declared = |one: &Variant| seen(one, case(one, Measure::CostModel, Placement::SameL3, 64), 0);
    let mut here: Vec<Record> = variants().iter().map(declared).collect();
    let advice = ask(&messages(64, 10_000), here.clone());
    let figure = typical(named(&advice, "pipe/block"));
    assert!(figure.basis >= Basis::OtherMeasure && !figure.span.is_sure(), "{figure:?}");

    // Another machine shows how far such predictions are off.
    let mut elsewhere = closed_loops();
    for record in &mut elsewhere {
        Arc::make_mut(&mut record.machine).facts.hostname = "another".into();
    }
    elsewhere.append(&mut here);
    let advice = ask(&messages(64, 10_000), elsewhere);
    assert!(advice.machine.starts_with("Made-up Processor"), "{}", advice.machine);
    let figure = typical(named(&advice, "pipe/block"));
    assert_eq!(figure.basis, Basis::Floors, "{figure:?}");
    assert!((500.0..50_000.0).contains(&figure.span.value), "a wake-up and two system calls: {figure:?}");
    assert!(figure.evidence.contains("floors of this machine"), "{}", figure.evidence);
}

/// Two and eight contenders of each lock, with and without a critical section, and a kill of each.
pub fn locks() -> Vec<Record> {
    let mut random = Random::new(3);
    let mut records = vec![];
    let locks = LOCKS.iter().filter(|lock| lock.mechanism != "no-lock");
    for (repetition, lock) in locks.flat_map(|lock| (0..REPETITIONS).map(move |repetition| (repetition, lock))) {
        for (contenders, critical_section_ns) in [(2, 0), (8, 0), (2, 1000), (8, 1000)] {
            let asked = Asked { contenders, critical_section_ns, think_time_ns: 0, hogs: 0 };
            records.push(contention(lock, asked, repetition, &mut random));
        }
        records.push(recover(lock, KillPoint::Holding, repetition, &mut random));
    }
    records
}

/// Each way to start a process from parents of three sizes.
pub fn starts() -> Vec<Record> {
    let mut random = Random::new(3);
    let all = (0..REPETITIONS).flat_map(|repetition| WAYS.iter().map(move |one| (repetition, one)));
    all.flat_map(|(repetition, one)| [1, 64, 1024].map(|mib| start_up(one, mib, None, repetition, &mut random)))
        .collect()
}

#[test]
fn locks_are_ranked_by_rate_and_by_what_a_kill_does() {
    let records = locks();
    let lock = |contenders, critical_section_ns| wanted(Subject::Lock { contenders, critical_section_ns });
    let fastest = ask(&lock(2, 0), records.clone());
    let best = LOCKS.iter().filter(|lock| lock.is_lock() && lock.mechanism != "std-mutex");
    let best = best.max_by(|a, b| a.rate(2, 0, 0).total_cmp(&b.rate(2, 0, 0))).expect("some");
    assert!(fastest.candidates[0].row.starts_with(best.mechanism), "{}", fastest.answer);
    assert!(against(&fastest, "fetch-add").starts_with("protects no critical section"));

    let robust = ask(&Request { must_survive_crash: true, ..lock(8, 1000) }, records.clone());
    assert!(robust.candidates[0].row.starts_with("pthread-robust"), "{}", robust.answer);
    assert!(against(&robust, "ttas/spin").starts_with("does not survive a crash (never acquired again"));
    let words = &robust.candidates[0].death.words;
    assert!(words.starts_with("the next has it after 6") && words.ends_with("told of the death"), "{words}");

    // The work under the lock is known, so no prediction exceeds one acquisition in that time.
    let longer = ask(&lock(8, 1_000_000), records);
    assert!(longer.candidates.iter().all(|one| typical(one).span.high <= 1_000.0), "{}", longer.answer);
}

#[test]
fn pools_are_predicted_from_their_overhead_and_the_work() {
    let advice = ask(&wanted(Subject::Pool { grain_ns: 30_000, workers: 2 }), pools::pool_run(REPETITIONS, 3));
    assert!(advice.candidates[0].row.starts_with("shm-"), "{}", advice.answer);
    for row in ["shm-queue/hybrid", "pipe-each/block"] {
        let figure = typical(named(&advice, row));
        let truth = 15_000.0 + pools::named(row).cost * 0.5;
        assert!((figure.span.value / truth - 1.0).abs() < 0.1, "{row}: {truth} {figure:?}");
    }
    let killed = ask(
        &Request { must_survive_crash: true, ..wanted(Subject::Pool { grain_ns: 1_000, workers: 2 }) },
        pools::pool_run(REPETITIONS, 3),
    );
    assert!(killed.candidates[0].death.measured, "{:?}", killed.candidates[0].death);
}

#[test]
fn state_and_starts_have_advice_too() {
    let state = wanted(Subject::State { contenders: 2, reads_percent: 90, message_bytes: 64 });
    let advice = ask(&state, states::state_run(REPETITIONS, 3));
    assert_eq!((advice.decision, advice.candidates[0].row.as_str()), (Decision::Clear, "shards/spin"));
    assert!(against(&advice, "python-manager-dict/block").contains("Python"), "{:?}", advice.excluded);

    let records = starts();
    let small = ask(&wanted(Subject::Start { parent_rss_bytes: 1 << 20, batch: 1 }), records.clone());
    assert!(["fork", "clone3"].contains(&small.candidates[0].row.as_str()), "{}", small.answer);
    let large = ask(&wanted(Subject::Start { parent_rss_bytes: 1 << 30, batch: 1 }), records);
    assert_eq!(large.candidates[0].row, "zygote", "{}", large.answer);
}

#[test]
fn the_command_in_an_advice_asks_for_the_same() {
    let limits = Request { p99_ns: Some(5e4), max_cpus: Some(1.5), must_survive_crash: true, ..messages(4096, 7) };
    let all = "--message-bytes 4096 --rate 7 --p99-us 50 --max-cpu 1.5 --must-survive-crash";
    assert_eq!(limits.options(), all);
    let pool = wanted(Subject::Pool { grain_ns: 1_500, workers: 4 });
    assert_eq!(pool.options(), "pool --grain-us 1.5 --workers 4");
}

#[test]
fn json_has_every_figure_with_its_evidence() {
    let advice = ask(&messages(64, 10_000), grid(&few(), &[64], &[10_000]));
    let json = serde_json::to_value(&advice).expect("JSON");
    let first = &json["candidates"][0];
    assert_eq!(first["typical"]["basis"], "measured");
    assert!(first["typical"]["value"].is_f64() && first["typical"]["cases"][0].is_string(), "{first}");
    assert_eq!(json["decision"], "clear");
    assert!(first["capacity_per_s"]["high"].is_null(), "an unknown end: {first}");
}
