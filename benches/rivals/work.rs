//! Pools and process starts compared, including Python.

use ipcmark::family::Variant;
use ipcmark::record::{Call, Case, Measure, Placement};
use ipcmark_harness::participants::Participants;

use super::{Contest, Pair, case};

/// Size of the request or response of a task without payload, src/measure/pool/frame.rs.
const TASK_BYTES: u64 = 24;

/// Measures a pool with one worker, and a round trip through the same kind of queue with the same wait strategy.
pub fn beneath(contest: &Contest, pool: &str, transport: &str, rival_first: bool) -> Option<Pair> {
    let ours = called(&usable("pool", pool)?, Call::Apply, 1);
    let rival = case(contest.row(transport)?, Measure::RoundTrip, contest.bench.placement, TASK_BYTES);
    Some(contest.cases(&ours, &rival, rival_first))
}

/// Measures two pools, the first ours, with the same call.
pub fn pools(contest: &Contest, rows: [&str; 2], call: Call, workers: u32, rival_first: bool) -> Option<Pair> {
    let [ours, rival] = rows.map(|row| Some(called(&usable("pool", row)?, call, workers)));
    Some(contest.cases(&ours?, &rival?, rival_first))
}

/// Measures two ways to start a process, the first ours.
pub fn starts(contest: &Contest, rows: [&str; 2], rival_first: bool) -> Option<Pair> {
    let [ours, rival] = rows.map(|row| Some(usable("launch", row)?.case(Measure::StartUp)));
    Some(contest.cases(&ours?, &rival?, rival_first))
}

fn called(row: &Variant, call: Call, workers: u32) -> Case {
    Case { placement: Placement::Spread, ..row.case(Measure::Dispatch) }.with(|p| {
        p.workers = Some(workers);
        p.call = Some(call);
    })
}

fn usable(family: &str, name: &str) -> Option<Variant> {
    let fits = |row: &Variant| row.family == family && row.row() == name && row.unavailable.is_none();
    Participants::embedded().all_variants().into_iter().find(fits)
}
