//! Map of the machine: round trips over two cache lines between pairs of CPUs, in both directions.
//!
//! Two processes visit all pairs. The CPU that starts the round trips touches fresh pages first, so the lines lie on its memory
//! node. A round trip depends on where a shared cache or a mesh keeps a line, which its address decides: each pair uses
//! `LINES` lines on pages of their own, and the map states the median and both ends over them. The poll policy is the fastest
//! for the pair, as in the two-line floor, whose loop this is.

use std::io;

use super::transfer::{Arena, PAGE_BYTES, PLACES, Polls, Side};
use super::{MeasureError, MeasureResult, floors, histogram, phase, together};
use crate::address::{Address, Endpoint};
use crate::clock;
use crate::control::{Leader, Member};
use crate::machine::locality;
use crate::machine::placement::Topology;
use crate::pin;
use crate::protocol::{Link, Order, Report, RoleSpec};
use crate::record::{Case, CoreToCore, Metrics, PairTime, Placement, Role, Substrate, metric};
use crate::shm::{self, Segment};

/// Only mechanism of the measure, in the family of the floors.
pub const MECHANISM: &str = "core-to-core";

/// Lines of a pair and direction, one on each page.
const LINES: usize = 8;
/// Readings of a line, of which the median counts.
const READINGS: usize = 5;
/// Least time for one pair and direction.
const PAIR_NS: u64 = 2_000_000;
/// Time that both CPUs are busy before a pair is measured: an idle CPU has a low clock frequency, and the second direction would
/// seem faster than the first.
const WARM_NS: u64 = 1_000_000;
/// Time to move both processes, to warm up, to replace the pages and to find the fastest poll policy.
const MOVE_NS: u64 = WARM_NS + 600_000;
/// Round trips of one poll policy, twice each, in the search for the fastest.
const SWEPT: u64 = 25;
/// Limits of the round trips in one reading: fewer would time the clock.
const READ: [u64; 2] = [20, 100_000];

/// Moves the member to the CPU given by the phase's count.
const MOVE: u32 = 30;
/// Tries all poll policies on the first line.
const SWEEP: u32 = 31;
/// Reads all lines.
const READ_LINES: u32 = 32;

/// Checks that the map can be measured.
///
/// Errors: another placement, or a single CPU.
pub fn supports(case: &Case) -> Result<(), String> {
    if case.placement != Placement::Spread {
        return Err(format!("the map visits all CPUs, so its placement is `spread`, not `{}`", case.placement));
    }
    match pin::allowed_cpus().unwrap_or_default().as_slice() {
        [only] => Err(format!("only CPU {only} is allowed, and a round trip between CPUs needs two")),
        _ => Ok(()),
    }
}

/// Predicted time of a trial on these CPUs.
pub fn predicted_ns(cpus: &[u32], hot_ns: u64) -> u64 {
    let all = cpus.len() * cpus.len().saturating_sub(1);
    let pairs = match cpus.len() {
        few if few <= locality::FULL_MAP_CPUS => all,
        _ => locality::pairs(&Topology::among(cpus).by_locality()).0.len(),
    };
    pairs as u64 * (pair_ns(hot_ns, pairs) + MOVE_NS)
}

/// Time for the readings of one pair and direction: its share of the hot phase, and at least [`PAIR_NS`].
fn pair_ns(hot_ns: u64, pairs: usize) -> u64 {
    (hot_ns / pairs.max(1) as u64).max(PAIR_NS)
}

/// Both roles with their shared memory.
pub fn roles() -> io::Result<Vec<RoleSpec>> {
    let memory = shm::create(Substrate::Memfd, LINES * PAGE_BYTES)?;
    let role =
        |role, end| RoleSpec { role, links: vec![Link { channel: 0, end, address: memory.only(end) }], slots: 1 };
    Ok(vec![role(Role::First, Endpoint::Sender), role(Role::Second, Endpoint::Receiver)])
}

/// Attaches the arena of a link of [`roles`].
pub fn arena(address: &Address, end: Endpoint) -> io::Result<Arena> {
    Ok(Arena::new(Segment::attach(address, end, LINES * PAGE_BYTES)?))
}

/// Runs the member of the leader's phases.
pub fn follow(member: &mut Member, arena: &mut Arena) -> MeasureResult {
    loop {
        let open = member.enter()?;
        match open.kind {
            phase::END => {
                member.leave()?;
                return Ok(Report { messages: 1, ..Report::default() });
            }
            MOVE => settle_on(open.count as u32)?,
            SWEEP => drop(sweep(arena, Side::Second)?),
            READ_LINES => {
                let (policy, count) = floors::unpack(open.count);
                read(arena, Side::Second, floors::policy(policy)?, count)?;
            }
            kind => return Err(MeasureError::Invalid(format!("a phase of kind {kind} that the map does not know"))),
        }
        member.leave()?;
    }
}

/// Runs the leader, which measures all pairs of the CPUs that the order is spread over.
pub fn lead(leader: &mut Leader, arena: &mut Arena, order: &Order) -> MeasureResult {
    if let Err(why) = arena.renew() {
        together(leader, phase::END, 0, || Ok(()))?;
        let skipped = Some(format!("each pair needs fresh pages, and this kernel does not replace them: {why}"));
        return Ok(Report { messages: 1, skipped, ..Report::default() });
    }
    let cpus = Topology::among(&order.spread_over).by_locality();
    let (pairs, sampled) = locality::pairs(&cpus);
    let budget_ns = pair_ns(order.timing.hot_ns, pairs.len());
    let measured = pairs.iter().map(|&(from, to)| pair(leader, arena, (cpus[from].cpu, cpus[to].cpu), budget_ns));
    let pairs = measured.collect::<Result<Vec<PairTime>, MeasureError>>()?;
    together(leader, phase::END, 0, || Ok(()))?;

    let medians = || pairs.iter().map(|pair| pair.median_ns);
    let metrics = Metrics::from([
        (metric::LINE_ROUND_TRIP_NS.to_owned(), histogram::median(medians().collect())),
        (metric::NEAREST_ROUND_TRIP_NS.to_owned(), medians().fold(f64::INFINITY, f64::min)),
        (metric::FARTHEST_ROUND_TRIP_NS.to_owned(), medians().fold(0.0, f64::max)),
    ]);
    Ok(Report {
        messages: pairs.len() as u64,
        chosen_by: "fixed".into(),
        metrics,
        core_to_core: Some(Box::new(CoreToCore { cpus, sampled, lines: LINES as u32, pairs })),
        ..Report::default()
    })
}

/// Measures one pair in one direction.
fn pair(
    leader: &mut Leader,
    arena: &mut Arena,
    (from, to): (u32, u32),
    budget_ns: u64,
) -> Result<PairTime, MeasureError> {
    together(leader, MOVE, u64::from(to), || Ok(settle_on(from)?))?;
    arena.renew()?;
    let swept = together(leader, SWEEP, 0, || sweep(arena, Side::First))?;
    let fastest = (0..).zip(&swept).min_by(|a, b| a.1.total_cmp(b.1));
    let (policy, trip_ns) = fastest.map_or((0, 1.0), |(index, ns)| (index, *ns));
    let count = (budget_ns as f64 / (LINES * READINGS) as f64 / trip_ns.max(1.0)) as u64;
    let count = count.clamp(READ[0], READ[1]);
    let polls = floors::policy(policy)?;
    let mut lines =
        together(leader, READ_LINES, floors::pack(policy, count), || read(arena, Side::First, polls, count))?;
    lines.sort_by(f64::total_cmp);
    let tenths = |ns: f64| (ns * 10.0).round().max(1.0) / 10.0;
    let (low_ns, high_ns) = (tenths(lines[0]), tenths(lines[LINES - 1]));
    Ok(PairTime { from, to, median_ns: tenths(histogram::median(lines)), low_ns, high_ns })
}

/// Moves this process to `cpu` and keeps it busy until the clock frequency has risen.
fn settle_on(cpu: u32) -> io::Result<()> {
    pin::pin_this_thread(cpu)?;
    let warm_ns = clock::now_ns() + WARM_NS;
    while clock::now_ns() < warm_ns {}
    Ok(())
}

/// Nanoseconds per round trip with each poll policy, the lower of two readings.
fn sweep(arena: &mut Arena, side: Side) -> Result<Vec<f64>, MeasureError> {
    let mut lowest = vec![f64::INFINITY; Polls::SWEEP.len()];
    for _ in 0..2 {
        for (polls, lowest) in Polls::SWEEP.into_iter().zip(&mut lowest) {
            *lowest = lowest.min(reading(arena, side, 0, polls, SWEPT)?);
        }
    }
    Ok(lowest)
}

/// Nanoseconds per round trip over each line, the median of its readings. The lines take turns, so that a disturbance meets
/// one reading of each.
fn read(arena: &mut Arena, side: Side, polls: Polls, count: u64) -> Result<Vec<f64>, MeasureError> {
    let mut seen = vec![vec![]; LINES];
    for _ in 0..READINGS {
        for (line, seen) in seen.iter_mut().enumerate() {
            // Each line has another place in its page, too.
            let place = line * PLACES + line % PLACES;
            reading(arena, side, place, polls, READ[0])?;
            seen.push(reading(arena, side, place, polls, count)?);
        }
    }
    Ok(seen.into_iter().map(histogram::median).collect())
}

fn reading(arena: &mut Arena, side: Side, place: usize, polls: Polls, count: u64) -> Result<f64, MeasureError> {
    let start_ns = clock::now_ns();
    arena.bounce(side, true, place, polls, count)?;
    Ok((clock::now_ns() - start_ns) as f64 / count as f64)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::control::Page;
    use crate::protocol::{PROTOCOL, Timing};
    use crate::record::Measure;

    /// Map of these CPUs, measured by two threads.
    fn map(cpus: &[u32]) -> Report {
        let memory = shm::create(Substrate::Memfd, LINES * PAGE_BYTES).unwrap();
        let (_page, control) = Page::create().unwrap();
        let order = Order {
            protocol: PROTOCOL,
            run_id: "map".into(),
            role: Role::First,
            slot: 0,
            slots: 2,
            case: Case::new(floors::FAMILY, MECHANISM, Measure::CoreToCore),
            links: vec![],
            control: control.clone(),
            cpus: vec![],
            trial_cpus: vec![],
            spread_over: cpus.to_vec(),
            timing: Timing { warm_up_ns: 0, hot_ns: 1, floor_ns: 0, fixed_count: None },
            fault: None,
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut member = Member::new(Page::attach(&control).unwrap(), 1);
                follow(&mut member, &mut arena(&memory, Endpoint::Receiver).unwrap()).unwrap();
            });
            // The thread ends pinned.
            let lead = scope.spawn(|| {
                let page = Page::attach(&order.control).unwrap();
                lead(&mut Leader::new(page, 2), &mut arena(&memory, Endpoint::Sender).unwrap(), &order).unwrap()
            });
            lead.join().unwrap()
        })
    }

    #[test]
    fn every_pair_of_allowed_cpus_is_measured_in_both_directions() {
        let cpus = pin::allowed_cpus().unwrap();
        if cpus.len() < 2 {
            println!("skipped: only one CPU is allowed");
            return;
        }
        let cpus = &cpus[..cpus.len().min(4)];
        let report = map(cpus);
        let found = report.core_to_core.unwrap();
        assert_eq!((found.sampled, found.lines), (false, LINES as u32));
        let mut pairs: Vec<(u32, u32)> = found.pairs.iter().map(|pair| (pair.from, pair.to)).collect();
        pairs.sort_unstable();
        let other = |a: u32| cpus.iter().filter(move |b| **b != a).map(move |&b| (a, b));
        assert_eq!(pairs, cpus.iter().flat_map(|&a| other(a)).collect::<Vec<_>>());
        for pair in &found.pairs {
            assert!(0.0 < pair.low_ns && pair.low_ns <= pair.median_ns && pair.median_ns <= pair.high_ns, "{pair:?}");
        }
        let metrics = report.metrics;
        assert!(metrics[metric::NEAREST_ROUND_TRIP_NS] <= metrics[metric::LINE_ROUND_TRIP_NS]);
        assert!(metrics[metric::LINE_ROUND_TRIP_NS] <= metrics[metric::FARTHEST_ROUND_TRIP_NS]);
    }

    #[test]
    fn the_time_of_a_map_grows_with_its_pairs_unless_the_hot_phase_is_longer() {
        let cpus: Vec<u32> = (0..64).collect();
        assert_eq!(predicted_ns(&cpus[..2], 100_000_000), 2 * (50_000_000 + MOVE_NS));
        assert_eq!(predicted_ns(&cpus, 100_000_000), 64 * 63 * (PAIR_NS + MOVE_NS));
        assert_eq!(predicted_ns(&cpus[..1], 100_000_000), 0);
    }

    #[test]
    fn another_placement_is_refused() {
        let case = Case { placement: Placement::SameL3, ..Case::new(floors::FAMILY, MECHANISM, Measure::CoreToCore) };
        assert!(supports(&case).unwrap_err().contains("`spread`, not `same_l3`"));
    }
}
