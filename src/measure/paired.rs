//! Floor measured next to a case: in the same processes, on the same CPUs, just before and after the timed work. On a
//! virtual machine the distance of two CPUs changes within minutes, so only a ratio of adjacent measurements is valid.

use std::io;

use super::transfer::{Arena, Polls, Side, Walk};
use super::{MeasureError, Task, together};
use crate::address::{Address, Endpoint};
use crate::clock;
use crate::control::Leader;
use crate::pin;
use crate::record::{Measure, PairedFloor, Placement, Substrate};
use crate::shm::{self, Segment};

/// Number of the channel that carries the floor's own memory.
pub const CHANNEL: u32 = u32::MAX;

/// First of the kinds for the poll policies in [`Polls::SWEEP`].
const BOUNCE: u32 = 100;
const RING: u32 = 10;
const POUR: u32 = 11;
const TOUCH: u32 = 12;
const TURN: u32 = 13;
const ROUSE: u32 = 14;

/// Wake-ups per reading of the futex hop.
const ROUSES: u32 = 15;

/// Memory that a stream's floor walks over, like the default size of the rings ...
const FOOTPRINT_BYTES: usize = 256 * 1024;
/// ... and its maximum of slots, since a short ring stays in a nearer cache.
const MAX_SLOTS: usize = 1024;
/// Message size from which a round trip is compared with a transfer of the same bytes, not with two lines.
const TURNS_FROM_BYTES: usize = 65;
/// Readings of each kind per measurement; the lowest counts, since disturbances only add time.
const READINGS: u64 = 3;
/// Pilot units, which fault pages in and warm caches; fewer for large messages.
const PILOT: u64 = 64;
const PILOT_BYTES: usize = 2 << 20;

/// Floor of a case, if it has one.
pub struct Floor {
    plan: Option<Plan>,
    budget_ns: u64,
    arena: Option<Arena>,
    /// Nanoseconds per unit, by kind: one entry per measurement.
    seen: Vec<(u32, f64)>,
}

struct Plan {
    name: &'static str,
    kinds: Vec<u32>,
    /// Whether a kind bounds the case; other kinds only give unit costs.
    judges: fn(u32) -> bool,
    walk: Walk,
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
        let walk = walk(task.message_bytes());
        // Unpinned roles that are allowed one CPU share it.
        let one_cpu =
            task.case.placement == Placement::SameCpu || task.cpu.is_none() && pin::allowed_cpus()?.len() == 1;
        let plan = match task.case.measure {
            _ if task.timing.floor_ns == 0 => return Ok(Self::none()),
            Measure::Stream if one_cpu => {
                Plan { name: "touch_one_cpu", kinds: vec![TOUCH], judges: |kind| kind == TOUCH, walk }
            }
            Measure::Stream => Plan { name: "transfer_stream", kinds: vec![POUR], judges: |kind| kind == POUR, walk },
            _ if one_cpu => {
                Plan { name: "futex_round_trip_one_cpu", kinds: vec![RING], judges: |kind| kind == RING, walk }
            }
            _ => {
                let kinds = (BOUNCE..).take(Polls::SWEEP.len()).chain([TURN, ROUSE]).collect();
                if task.message_bytes() >= TURNS_FROM_BYTES {
                    Plan { name: "turns_round_trip", kinds, judges: |kind| kind == TURN, walk }
                } else {
                    Plan { name: "two_line_round_trip", kinds, judges: |kind| kind >= BOUNCE, walk }
                }
            }
        };
        let arena = Arena::new(Segment::attach(address, end, walk.segment_bytes())?);
        Ok(Self { plan: Some(plan), budget_ns: task.timing.floor_ns / 2, arena: Some(arena), seen: vec![] })
    }

    /// Measures the floor once, as the leader.
    pub fn lead(&mut self, leader: &mut Leader) -> Result<(), MeasureError> {
        let (Some(plan), Some(arena)) = (&self.plan, &mut self.arena) else { return Ok(()) };
        let budget_ns = self.budget_ns / plan.kinds.len() as u64;
        for kind in plan.kinds.iter().copied() {
            if kind == ROUSE {
                let hop_ns =
                    together(leader, kind, u64::from(ROUSES), || Ok(arena.wake_counted(Side::First, ROUSES)?))?;
                self.seen.push((kind, hop_ns));
                continue;
            }
            let mut timed = |count: u64| {
                together(leader, kind, count, || {
                    let start = clock::now_ns();
                    unit(arena, Side::First, kind, plan.walk, count)?;
                    Ok((clock::now_ns() - start) as f64 / count as f64)
                })
            };
            // The first pilot of a walk covers all slots, so that later readings fault in no page.
            let round = if matches!(kind, POUR | TOUCH | TURN) { plan.walk.slots as u64 } else { 0 };
            let least = ((PILOT_BYTES / plan.walk.message_bytes.max(1)) as u64).clamp(4, PILOT);
            let pilot_ns = timed(least.max(round))?;
            let count = (budget_ns as f64 / pilot_ns.max(0.5)) as u64 / READINGS;
            let mut lowest = f64::INFINITY;
            for _ in 0..READINGS {
                lowest = lowest.min(timed(count.max(least))?);
            }
            self.seen.push((kind, lowest));
        }
        Ok(())
    }

    /// Runs the member's part of a floor phase.
    pub fn follow(&mut self, kind: u32, count: u64) -> Result<(), MeasureError> {
        match (&self.plan, &mut self.arena) {
            (Some(plan), Some(arena)) => unit(arena, Side::Second, kind, plan.walk, count),
            _ => Err(MeasureError::Invalid(format!("a phase of kind {kind} that this role does not know"))),
        }
    }

    /// Result, with the unit costs measured at the same time.
    pub fn result(&self) -> Option<PairedFloor> {
        let plan = self.plan.as_ref()?;
        Some(PairedFloor {
            name: plan.name.into(),
            ns: self.lowest(plan.judges)?,
            line_round_trip_ns: self.lowest(|kind| kind >= BOUNCE),
            transfer_serial_ns: self.lowest(|kind| kind == TURN).map(|both_ways| both_ways / 2.0),
            futex_hop_ns: self.lowest(|kind| kind == ROUSE),
        })
    }

    /// Lowest mean over all measurements among the kinds that `wanted` selects.
    fn lowest(&self, wanted: impl Fn(u32) -> bool) -> Option<f64> {
        let mean = |kind: u32| {
            let all: Vec<f64> = self.seen.iter().filter(|(seen, _)| *seen == kind).map(|(_, ns)| *ns).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let kinds = self.seen.iter().map(|(kind, _)| *kind).filter(|kind| wanted(*kind));
        kinds.map(mean).min_by(f64::total_cmp)
    }
}

fn walk(message_bytes: usize) -> Walk {
    Walk::within(FOOTPRINT_BYTES, message_bytes).of_at_most(MAX_SLOTS)
}

fn unit(arena: &mut Arena, side: Side, kind: u32, walk: Walk, count: u64) -> Result<(), MeasureError> {
    let policy = kind.checked_sub(BOUNCE).and_then(|index| Polls::SWEEP.get(index as usize));
    if let Some(polls) = policy {
        return Ok(arena.bounce(side, true, *polls, count)?);
    }
    match kind {
        RING => arena.ring(side, u32::try_from(count).unwrap_or(u32::MAX))?,
        POUR => arena.pour(side, walk, count)?,
        TURN => arena.turn(side, walk, count)?,
        ROUSE => drop(arena.wake_counted(side, count as u32)?),
        TOUCH if side == Side::First => arena.touch(walk, count)?,
        TOUCH => {}
        other => return Err(MeasureError::Invalid(format!("a phase of kind {other} that no floor knows"))),
    }
    Ok(())
}
