//! The floor that is measured next to a case: by the same processes, on the same CPUs, in the same set, just before and
//! just after the timed work. On virtual machines two CPUs may be near one minute and far apart the next; only a ratio
//! taken side by side survives that.

use std::io;

use super::hand_over::{Arena, Polls, Side, Walk};
use super::{Task, Trouble, together};
use crate::address::{Address, End};
use crate::clock;
use crate::control::Leader;
use crate::record::{Measure, PairedFloor, Placement, Substrate};
use crate::shm::{self, Segment};

/// Number of the channel that carries the floor's own memory.
pub const CHANNEL: u32 = u32::MAX;

/// One kind for each rhythm of [`Polls::SWEEP`], from here on.
const BOUNCE: u32 = 100;
const RING: u32 = 10;
const POUR: u32 = 11;
const TOUCH: u32 = 12;

/// Bytes a stream's floor walks over: what the rings use by default.
const FOOTPRINT_BYTES: usize = 256 * 1024;
/// Units before the first reading, to bring pages and caches in; fewer when they are large.
const PILOT: u64 = 64;
const PILOT_BYTES: usize = 4 << 20;

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
    pub fn attach(task: &Task, address: &Address, end: End) -> io::Result<Self> {
        let walk = walk(task.message_bytes());
        let plan = match (task.case.measure, task.case.placement) {
            _ if task.timing.floor_ns == 0 => return Ok(Self::none()),
            (Measure::Stream, Placement::SameCpu) => Plan { name: "touch_one_cpu", kinds: vec![TOUCH], walk },
            (Measure::Stream, _) => Plan { name: "hand_over_stream", kinds: vec![POUR], walk },
            (_, Placement::SameCpu) => Plan { name: "futex_round_trip_one_cpu", kinds: vec![RING], walk },
            _ => {
                let kinds = (BOUNCE..).take(Polls::SWEEP.len()).collect();
                Plan { name: "two_line_round_trip", kinds, walk }
            }
        };
        let arena = Arena::new(Segment::attach(address, end, walk.segment_bytes())?);
        Ok(Self { plan: Some(plan), budget_ns: task.timing.floor_ns / 2, arena: Some(arena), seen: vec![] })
    }

    /// Measures the floor once, as the leader.
    pub fn lead(&mut self, leader: &mut Leader) -> Result<(), Trouble> {
        let (Some(plan), Some(arena)) = (&self.plan, &mut self.arena) else { return Ok(()) };
        for kind in &plan.kinds {
            let budget_ns = self.budget_ns / plan.kinds.len() as u64;
            let mut timed = |count: u64| {
                together(leader, *kind, count, || {
                    let start = clock::now_ns();
                    unit(arena, Side::First, *kind, plan.walk, count)?;
                    Ok((clock::now_ns() - start) as f64 / count as f64)
                })
            };
            let least = ((PILOT_BYTES / plan.walk.message_bytes.max(1)) as u64).clamp(8, PILOT);
            let pilot_ns = timed(least)?;
            let count = (budget_ns as f64 / pilot_ns.max(0.5)) as u64;
            self.seen.push((*kind, timed(count.max(least))?));
        }
        Ok(())
    }

    /// Does the member's part.
    pub fn follow(&mut self, kind: u32, count: u64) -> Result<(), Trouble> {
        match (&self.plan, &mut self.arena) {
            (Some(plan), Some(arena)) => unit(arena, Side::Second, kind, plan.walk, count),
            _ => Err(Trouble::Invalid(format!("a phase of kind {kind} that this role does not know"))),
        }
    }

    /// The lower of the kinds tried, each as the mean of before and after.
    pub fn result(&self) -> Option<PairedFloor> {
        let plan = self.plan.as_ref()?;
        let mean = |kind: &u32| {
            let all: Vec<f64> = self.seen.iter().filter(|(seen, _)| seen == kind).map(|(_, ns)| *ns).collect();
            all.iter().sum::<f64>() / all.len().max(1) as f64
        };
        let ns = plan.kinds.iter().map(mean).min_by(f64::total_cmp)?;
        Some(PairedFloor { name: plan.name.into(), ns })
    }
}

fn walk(message_bytes: usize) -> Walk {
    Walk::within(FOOTPRINT_BYTES, message_bytes)
}

fn unit(arena: &mut Arena, side: Side, kind: u32, walk: Walk, count: u64) -> Result<(), Trouble> {
    let rhythm = kind.checked_sub(BOUNCE).and_then(|index| Polls::SWEEP.get(index as usize));
    if let Some(polls) = rhythm {
        return Ok(arena.bounce(side, true, *polls, count)?);
    }
    match kind {
        RING => arena.ring(side, u32::try_from(count).unwrap_or(u32::MAX))?,
        POUR => arena.pour(side, walk, count)?,
        TOUCH if side == Side::First => arena.touch(walk, count)?,
        TOUCH => {}
        other => return Err(Trouble::Invalid(format!("a phase of kind {other} that no floor knows"))),
    }
    Ok(())
}
