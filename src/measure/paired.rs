//! Floor measured next to a case: in the same processes, on the same CPUs, just before and after the timed work. On a
//! virtual machine the distance of two CPUs changes within minutes, so only a ratio of adjacent measurements is valid.

use std::io;

use super::transfer::{Ahead, Arena, PLACES, Polls, Side, Walk};
use super::{MeasureError, Task, histogram, together};
use crate::address::{Address, Endpoint};
use crate::clock;
use crate::control::Leader;
use crate::pin;
use crate::record::{Isolation, Measure, PairedFloor, Placement, Substrate, Touch};
use crate::shm::{self, Segment};

/// Number of the channel that carries the floor's own memory.
pub const CHANNEL: u32 = u32::MAX;

/// Kinds of reading. Those from [`BOUNCE`] on are families: one kind for each poll policy in [`Polls::SWEEP`].
const RING: u32 = 10;
const YIELD: u32 = 11;
const TOUCH: u32 = 12;
const ROUSE: u32 = 14;
const BOUNCE: u32 = 100;
const TURN: u32 = 200;
const POUR: u32 = 300;
const POUR_AHEAD: u32 = 400;
const FAMILY: u32 = 100;

/// Wake-ups per reading of the futex hop.
const ROUSES: u32 = 15;

/// Memory that a stream's floor walks over, like the default size of the rings ...
const FOOTPRINT_BYTES: usize = 256 * 1024;
/// ... and its maximum of slots, since a short ring stays in a nearer cache.
const MAX_SLOTS: usize = 1024;
/// Message size from which a round trip is compared with a transfer of the same bytes, not with two lines.
const TURNS_FROM_BYTES: usize = 65;
/// Message size from which such a transfer no longer bounds a round trip.
const LARGE_TURN_BYTES: usize = 16 << 10;
/// Readings of a kind without poll policies per measurement; the lowest counts, since disturbances only add time. The
/// policies of a family are read once each, ...
const READINGS: u64 = 3;
/// ... and the fastest of them so many times again, a round trip over lines each time in another place.
const AGAIN: u64 = PLACES as u64;
/// Least units of a reading: a stream is in its steady state, and the clock's own cost vanishes.
const STEADY: u64 = 100;
/// Time after which readings are cut to [`HURRIED`] units. Only other load on the CPUs makes a measurement take so long, since
/// each hand-over then waits for a time slice; the trial is disturbed, and must not end as one that hangs.
const SWEEP_MAX_NS: u64 = 400_000_000;
const HURRIED: u64 = 2;
/// Bytes of a reading in turns, which has no pipeline to fill, so that large messages need fewer than [`STEADY`].
const TURNED_BYTES: usize = 512 << 10;

/// Floor of a case, if it has one.
pub struct Floor {
    plan: Option<Plan>,
    budget_ns: u64,
    arena: Option<Arena>,
    /// One entry per kind and measurement.
    seen: Vec<Reading>,
}

/// Readings of one kind in one measurement, in nanoseconds per unit.
#[derive(Clone, Copy, Debug)]
struct Reading {
    kind: u32,
    /// The lowest, which bounds a case.
    lowest_ns: f64,
    /// Median of the longest readings, which is a price.
    typical_ns: f64,
}

struct Plan {
    name: &'static str,
    /// Whether the case may be faster than this.
    reference: bool,
    kinds: Vec<u32>,
    /// Whether a kind bounds the case; other kinds only give unit costs.
    judges: fn(u32) -> bool,
    walk: Walk,
}

impl Plan {
    /// Plan for a case between two CPUs, or on one.
    fn of(task: &Task, one_cpu: bool) -> Self {
        let walk = walk(task.message_bytes());
        let measure = task.case.measure;
        let bounces = || family(BOUNCE);
        let (name, kinds, judges): (_, Vec<u32>, fn(u32) -> bool) = match measure {
            Measure::Stream if one_cpu => ("touch_one_cpu", vec![TOUCH], |kind| kind == TOUCH),
            Measure::Stream => {
                let far = if walk.footprint_bytes() > FOOTPRINT_BYTES { Polls::SWEEP.len() } else { 0 };
                let pours = family(POUR).chain(family(POUR_AHEAD).take(far));
                ("transfer_stream", pours.chain(bounces()).collect(), |kind| kind >= POUR)
            }
            _ if one_cpu => ("switch_round_trip_one_cpu", vec![RING, YIELD], |_| true),
            _ if task.message_bytes() >= TURNS_FROM_BYTES => {
                ("turns_round_trip", family(TURN).chain(bounces()).chain([ROUSE]).collect(), |kind| {
                    family_of(kind) == TURN
                })
            }
            _ => ("two_line_round_trip", bounces().chain([ROUSE]).collect(), |kind| family_of(kind) == BOUNCE),
        };
        // Unpinned roles may move to nearer CPUs, the floor's partner does not think, untouched payloads are not transferred,
        // and a lock may be acquired again without a transfer. Threads may keep their messages on a heap with larger pages:
        // 64 KiB streams over rtrb took 0.71 times the floor. How fast large messages move depends on the caches that they
        // pass through, and a ring may use them better than the sweep does: a stream of 1 MiB took 0.89 times its fastest
        // reading, round trips of 16 and 64 KiB 0.92 to 0.98 times.
        let case = &task.case;
        let outgrows_caches = match measure {
            Measure::Stream => walk.footprint_bytes() > FOOTPRINT_BYTES,
            _ => task.message_bytes() >= LARGE_TURN_BYTES,
        };
        let reference = case.placement == Placement::Unpinned && !one_cpu
            || case.isolation == Isolation::Thread
            || task.touch() != Touch::All
            || case.params.think_time_ns.is_some_and(|ns| ns > 0)
            || outgrows_caches && !one_cpu
            || !matches!(measure, Measure::Stream | Measure::RoundTrip);
        Self { name, reference, kinds, judges, walk }
    }

    /// Units of a reading that takes `share_ns`, if one unit takes `unit_ns`.
    fn units(&self, kind: u32, unit_ns: f64, share_ns: f64) -> u64 {
        let bytes = self.walk.message_bytes.max(1);
        let least = match family_of(kind) {
            TURN => ((TURNED_BYTES / bytes) as u64).clamp(2, STEADY),
            _ if kind == TOUCH => ((TURNED_BYTES / bytes) as u64).clamp(4, STEADY),
            _ => STEADY,
        };
        ((share_ns / unit_ns.max(0.5)) as u64).max(least)
    }
}

/// The kinds of a family, by poll policy.
fn family(first: u32) -> impl Iterator<Item = u32> {
    (first..).take(Polls::SWEEP.len())
}

/// First kind of the family, or the kind itself.
fn family_of(kind: u32) -> u32 {
    if kind < BOUNCE { kind } else { kind / FAMILY * FAMILY }
}

impl Floor {
    /// No floor: for the null transport, and for plans without floor time.
    pub fn none() -> Self {
        Self { plan: None, budget_ns: 0, arena: None, seen: vec![] }
    }

    /// Creates the memory for the floor of `message_bytes`, a link of both roles on [`CHANNEL`].
    pub fn memory(message_bytes: usize) -> io::Result<Address> {
        shm::create(Substrate::Memfd, walk(message_bytes).segment_bytes())
    }

    /// Attaches the floor that fits the task to the memory at `address`.
    pub fn attach(task: &Task, address: &Address, end: Endpoint) -> io::Result<Self> {
        if task.timing.floor_ns == 0 {
            return Ok(Self::none());
        }
        // Unpinned roles that are allowed one CPU share it.
        let one_cpu =
            task.case.placement == Placement::SameCpu || task.cpu.is_none() && pin::allowed_cpus()?.len() == 1;
        let plan = Plan::of(task, one_cpu);
        let arena = Arena::new(Segment::attach(address, end, plan.walk.segment_bytes())?);
        Ok(Self { plan: Some(plan), budget_ns: task.timing.floor_ns / 2, arena: Some(arena), seen: vec![] })
    }

    /// Measures the floor once, as the leader.
    pub fn lead(&mut self, leader: &mut Leader) -> Result<(), MeasureError> {
        let (Some(plan), Some(arena)) = (&self.plan, &mut self.arena) else { return Ok(()) };
        let judging = plan.kinds.iter().filter(|kind| (plan.judges)(**kind)).count();
        let started_ns = clock::now_ns();
        let late = || clock::now_ns() - started_ns > SWEEP_MAX_NS;
        for kinds in plan.kinds.chunk_by(|a, b| family_of(*a) == family_of(*b)) {
            if kinds == [ROUSE] {
                let hop_ns =
                    together(leader, ROUSE, u64::from(ROUSES), || Ok(arena.wake_counted(Side::First, ROUSES)?))?;
                self.seen.push(Reading { kind: ROUSE, lowest_ns: hop_ns, typical_ns: hop_ns });
                continue;
            }
            let mut timed = |kind: u32, count: u64| {
                together(leader, kind, count, || {
                    let start = clock::now_ns();
                    let by_reader = unit(arena, Side::First, kind, plan.walk, count)?;
                    Ok(by_reader.unwrap_or_else(|| (clock::now_ns() - start) as f64 / count as f64))
                })
            };
            // The first pilot of a walk covers all slots, so that later readings fault in no page.
            let round = match family_of(kinds[0]) {
                POUR | POUR_AHEAD => plan.walk.in_pieces().slots as u64,
                TURN | TOUCH => plan.walk.slots as u64,
                _ => 0,
            };
            let pilot_ns = timed(kinds[0], plan.units(kinds[0], f64::INFINITY, 0.0).max(round))?;
            let readings = if kinds.len() == 1 { READINGS } else { 1 };
            // Kinds that only give unit costs take the least time.
            let share_ns = if (plan.judges)(kinds[0]) {
                let swept_ns = self.budget_ns as f64 / if kinds.len() > 1 { 2.0 } else { 1.0 };
                swept_ns / (judging as u64 * readings) as f64
            } else {
                0.0
            };
            for &kind in kinds {
                let count = if late() { HURRIED } else { plan.units(kind, pilot_ns, share_ns) };
                let mut lowest = f64::INFINITY;
                for _ in 0..readings {
                    lowest = lowest.min(timed(kind, count)?);
                }
                self.seen.push(Reading { kind, lowest_ns: lowest, typical_ns: lowest });
            }
            // Half of the time is for more readings of the fastest policy: short ones start with cold caches.
            let swept = self.seen.len() - kinds.len();
            let fastest = self.seen[swept..].iter_mut().min_by(|a, b| a.lowest_ns.total_cmp(&b.lowest_ns));
            if let Some(fastest) = fastest
                && kinds.len() > 1
                && share_ns > 0.0
                && !late()
            {
                let count = plan.units(fastest.kind, fastest.lowest_ns, self.budget_ns as f64 / 2.0 / AGAIN as f64);
                let places = (0..AGAIN as u32).map(|place| match family_of(fastest.kind) {
                    BOUNCE => fastest.kind + place * Polls::SWEEP.len() as u32,
                    _ => fastest.kind,
                });
                let again = places.map(|kind| timed(kind, count)).collect::<Result<Vec<_>, _>>()?;
                fastest.lowest_ns = again.iter().copied().fold(fastest.lowest_ns, f64::min);
                fastest.typical_ns = histogram::median(again);
            }
        }
        Ok(())
    }

    /// Runs the member's part of a floor phase.
    pub fn follow(&mut self, kind: u32, count: u64) -> Result<(), MeasureError> {
        match (&self.plan, &mut self.arena) {
            (Some(plan), Some(arena)) => unit(arena, Side::Second, kind, plan.walk, count).map(drop),
            _ => Err(MeasureError::Invalid(format!("a phase of kind {kind} that this role does not know"))),
        }
    }

    /// Result, with the unit costs measured at the same time.
    pub fn result(&self) -> Option<PairedFloor> {
        let plan = self.plan.as_ref()?;
        Some(PairedFloor {
            name: plan.name.into(),
            ns: self.read(plan.judges).map(|reading| reading.lowest_ns).min_by(f64::total_cmp)?,
            reference: plan.reference,
            line_round_trip_ns: self.typical(|kind| family_of(kind) == BOUNCE),
            transfer_serial_ns: self.typical(|kind| family_of(kind) == TURN).map(|both_ways| both_ways / 2.0),
            futex_hop_ns: self.typical(|kind| kind == ROUSE),
        })
    }

    /// Readings of the kinds that `wanted` selects, of all measurements.
    fn read(&self, wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = &Reading> {
        self.seen.iter().filter(move |reading| wanted(reading.kind))
    }

    /// Price while the case ran: the mean of the measurements before and after it, of the cheapest kind.
    fn typical(&self, wanted: impl Fn(u32) -> bool) -> Option<f64> {
        let mean = |kind: u32| {
            let all: Vec<f64> = self.read(|other| other == kind).map(|reading| reading.typical_ns).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        self.read(wanted).map(|reading| mean(reading.kind)).min_by(f64::total_cmp)
    }
}

fn walk(message_bytes: usize) -> Walk {
    Walk::within(FOOTPRINT_BYTES, message_bytes).of_at_most(MAX_SLOTS)
}

/// Runs `count` units of a kind. A stream returns its time per message.
fn unit(arena: &mut Arena, side: Side, kind: u32, walk: Walk, count: u64) -> Result<Option<f64>, MeasureError> {
    let (policies, index) = (Polls::SWEEP.len(), (kind % FAMILY) as usize);
    let (polls, place) = (Polls::SWEEP[index % policies], index / policies);
    let places = if family_of(kind) == BOUNCE { PLACES } else { 1 };
    if kind >= BOUNCE && place >= places {
        return Err(MeasureError::Invalid(format!("a phase of kind {kind} has no poll policy")));
    }
    match family_of(kind) {
        BOUNCE => arena.bounce(side, true, place, polls, count)?,
        TURN => arena.turn(side, walk, polls, count)?,
        family @ (POUR | POUR_AHEAD) => {
            let ahead = if family == POUR { Ahead::Near } else { Ahead::Far };
            let pieces = walk.in_pieces();
            let pieces_per_message = walk.message_bytes as f64 / pieces.message_bytes.max(1) as f64;
            let piece_ns = arena.pour(side, pieces, ahead, polls, count)?;
            return Ok(piece_ns.map(|ns| ns * pieces_per_message.max(1.0)));
        }
        RING => arena.ring(side, u32::try_from(count).unwrap_or(u32::MAX))?,
        YIELD => arena.bounce(side, true, 0, Polls::YIELDING, count)?,
        ROUSE => drop(arena.wake_counted(side, count as u32)?),
        TOUCH if side == Side::First => arena.touch(walk, count)?,
        TOUCH => {}
        other => return Err(MeasureError::Invalid(format!("a phase of kind {other} that no floor knows"))),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Member, Page};
    use crate::measure::{attend, phase};
    use crate::protocol::Timing;
    use crate::record::{Case, Role};

    fn task(measure: Measure, bytes: u64) -> Task {
        let case = Case { placement: Placement::CrossNode, ..Case::new("transport", "x", measure) };
        let timing = Timing { warm_up_ns: 0, hot_ns: 0, floor_ns: 1000, fixed_count: None };
        let case = case.with(|params| params.message_bytes = Some(bytes));
        Task {
            case,
            timing,
            fault: None,
            role: Role::Sender,
            slot: 0,
            cpu: Some(0),
            trial_cpus: vec![],
            ticks_trusted: false,
        }
    }

    #[test]
    fn streams_and_round_trips_of_each_size_sweep_every_poll_policy() {
        let swept = |measure, bytes| {
            let plan = Plan::of(&task(measure, bytes), false);
            plan.kinds.iter().filter(|kind| (plan.judges)(**kind)).count()
        };
        for bytes in [0, 8, 64, 65, 1024, 64 << 10, 1 << 20, 64 << 20] {
            for measure in [Measure::Stream, Measure::RoundTrip] {
                let far = measure == Measure::Stream && bytes > 64 << 10;
                let sweeps = if far { 2 } else { 1 };
                assert_eq!(swept(measure, bytes), sweeps * Polls::SWEEP.len(), "{measure} of {bytes} bytes");
            }
        }
    }

    #[test]
    fn a_reading_of_a_stream_has_a_hundred_messages_or_pieces_however_slow_they_are() {
        for bytes in [0, 8, 1024, 64 << 10, 1 << 20, 64 << 20] {
            let plan = Plan::of(&task(Measure::Stream, bytes), false);
            assert!(family(POUR).all(|kind| plan.units(kind, 1e9, 1.0) >= 100), "{bytes} bytes");
            assert!(plan.walk.in_pieces().footprint_bytes() <= plan.walk.footprint_bytes().max(FOOTPRINT_BYTES));
        }
    }

    #[test]
    fn what_a_case_may_undercut_is_a_reference() {
        let of = |task: &Task, one_cpu| Plan::of(task, one_cpu).reference;
        let pinned = task(Measure::Stream, 64);
        assert!(!of(&pinned, false) && !of(&pinned, true) && !of(&task(Measure::RoundTrip, 8), false));
        let mut unpinned = pinned.clone();
        unpinned.case.placement = Placement::Unpinned;
        let mut untouched = pinned;
        untouched.case.params.touch = Some(Touch::None);
        assert!(of(&unpinned, false) && of(&untouched, false) && of(&task(Measure::Contention, 0), false));
        let large = task(Measure::Stream, 1 << 20);
        assert!(of(&large, false) && !of(&large, true));
        let turns = |bytes| of(&task(Measure::RoundTrip, bytes), false);
        assert!(!turns(8 << 10) && turns(16 << 10));
        let mut threads = task(Measure::Stream, 64);
        threads.case.isolation = Isolation::Thread;
        assert!(of(&threads, false));
    }

    /// One floor with both sides as threads.
    fn measured(measure: Measure, bytes: u64, one_cpu: bool) -> Floor {
        let memory = Floor::memory(bytes as usize).unwrap();
        let side = |end| {
            let mut task = task(measure, bytes);
            task.case.placement = if one_cpu { Placement::SameCpu } else { Placement::CrossNode };
            Floor::attach(&task, &memory, end).unwrap()
        };
        let (page, descriptor) = Page::create().unwrap();
        let mut first = side(Endpoint::Sender);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut member = Member::new(Page::attach(&descriptor).unwrap(), 1);
                attend(&mut member, &mut side(Endpoint::Receiver), &mut |_, _| Ok(false)).unwrap();
            });
            let mut leader = Leader::new(page, 2);
            first.lead(&mut leader).unwrap();
            together(&mut leader, phase::END, 0, || Ok(())).unwrap();
        });
        first
    }

    #[test]
    fn every_kind_gives_a_time_and_the_lowest_is_the_floor() {
        for (measure, bytes, one_cpu) in [
            (Measure::Stream, 8, true),
            (Measure::Stream, 300_000, false),
            (Measure::RoundTrip, 8, false),
            (Measure::RoundTrip, 4096, false),
            (Measure::RoundTrip, 8, true),
        ] {
            let floor = measured(measure, bytes, one_cpu);
            let plan = floor.plan.as_ref().unwrap();
            let seen: Vec<u32> = floor.seen.iter().map(|reading| reading.kind).collect();
            assert_eq!(seen, plan.kinds, "{measure} of {bytes} bytes");
            let sound = |reading: &Reading| reading.lowest_ns > 0.0 && reading.typical_ns.is_finite();
            assert!(floor.seen.iter().all(sound), "{:?}", floor.seen);
            assert!(floor.seen.iter().all(|reading| reading.lowest_ns <= reading.typical_ns), "{:?}", floor.seen);
            let judging =
                floor.seen.iter().filter(|reading| (plan.judges)(reading.kind)).map(|reading| reading.lowest_ns);
            let lowest = judging.fold(f64::INFINITY, f64::min);
            assert_eq!(floor.result().unwrap().ns.to_bits(), lowest.to_bits());
        }
    }
}
