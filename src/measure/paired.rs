//! The floor that is measured next to a case: by the same processes, on the same CPUs, in the same set, just before and
//! just after the timed work. On virtual machines two CPUs may be near one minute and far apart the next; only a ratio
//! taken side by side survives that.

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

/// One kind for each rhythm of [`Polls::SWEEP`], from here on.
const BOUNCE: u32 = 100;
const RING: u32 = 10;
const POUR: u32 = 11;
const TOUCH: u32 = 12;
const TURN: u32 = 13;
const ROUSE: u32 = 14;

/// Wake-ups that one reading of the futex hop takes.
const ROUSES: u32 = 15;

/// What a stream's floor walks over: as much as the rings do by default, in bytes ...
const FOOTPRINT_BYTES: usize = 256 * 1024;
/// ... and in slots, since a short ring stays in a nearer cache.
const MAX_SLOTS: usize = 1024;
/// From this size on a round trip is held against the same bytes handed over in turns, not against two lines.
const TURNS_FROM_BYTES: usize = 65;
/// Readings of each kind on each occasion; the lowest counts, since a disturbance can only add.
const READINGS: u64 = 3;
/// Units before the first reading, to bring pages and caches in; fewer when they are large.
const PILOT: u64 = 64;
const PILOT_BYTES: usize = 2 << 20;

/// A floor next to a case, or none.
pub struct Floor {
    plan: Option<Plan>,
    budget_ns: u64,
    arena: Option<Arena>,
    /// Nanoseconds a unit, by kind, one entry per time it was measured.
    seen: Vec<(u32, f64)>,
}

struct Plan {
    name: &'static str,
    kinds: Vec<u32>,
    /// Which of the kinds the case is held against; the others are prices only.
    judges: fn(u32) -> bool,
    walk: Walk,
}

impl Floor {
    /// No floor: for the null transport, and where the plan gives it no time.
    pub fn none() -> Self {
        Self { plan: None, budget_ns: 0, arena: None, seen: vec![] }
    }

    /// Memory for the floor of `message_bytes`, to be handed to both roles as a link on [`CHANNEL`].
    pub fn memory(message_bytes: usize) -> io::Result<Address> {
        shm::create(Substrate::Memfd, walk(message_bytes).segment_bytes())
    }

    /// The floor that fits the task, in the memory at `address`.
    pub fn attach(task: &Task, address: &Address, end: Endpoint) -> io::Result<Self> {
        let walk = walk(task.message_bytes());
        // Wherever the scheduler puts two roles that have one CPU to share, they share it.
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
            // The first pilot walks all the way round once, where the floor walks, so that no page is new afterwards.
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

    /// Does the member's part.
    pub fn follow(&mut self, kind: u32, count: u64) -> Result<(), MeasureError> {
        match (&self.plan, &mut self.arena) {
            (Some(plan), Some(arena)) => unit(arena, Side::Second, kind, plan.walk, count),
            _ => Err(MeasureError::Invalid(format!("a phase of kind {kind} that this role does not know"))),
        }
    }

    /// The floor, and the prices of this moment.
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

    /// The lowest mean of before and after among the kinds that `wanted` picks.
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
    let rhythm = kind.checked_sub(BOUNCE).and_then(|index| Polls::SWEEP.get(index as usize));
    if let Some(polls) = rhythm {
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
