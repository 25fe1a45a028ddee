//! Floors of this machine for the cost model, measured by two processes on one pair of CPUs: line transfers, copy and
//! transfer by size, system call, futex hops, operations of the kernel, page fault, clocks and idle noise.

mod alone;
mod operations;

use std::io;

use super::transfer::{Ahead, Arena, Polls, Side, Walk};
use super::{MeasureError, MeasureResult, phase, together};
use crate::address::{Address, Endpoint};
use crate::clock;
use crate::control::{Leader, Member};
use crate::pin;
use crate::protocol::RoleSpec;
use crate::protocol::{Link, Report};
use crate::record::{Case, Floors, Measure, Placement, Role, SizedFloor, Substrate};
use crate::shm::{self, Segment};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "machine";
/// Only mechanism of the family.
pub const MECHANISM: &str = "floors";

const LINE: u32 = 20;
const RING: u32 = 21;
const ROUSE: u32 = 26;
/// First of the kinds for the poll policies in [`Polls::SWEEP`].
const TURN: u32 = 200;
const POUR: u32 = 300;
const POUR_AHEAD: u32 = 400;
/// Moves the member to the CPU given by the phase's count, or back to its own.
const MOVE_IN: u32 = 24;
const MOVE_OUT: u32 = 25;

const SIZES: [usize; 11] =
    [8, 64, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];
const FOOTPRINT_BYTES: usize = 256 * 1024;
/// Readings of each floor; the lowest counts.
const READINGS: usize = 5;
/// Target duration of a reading.
const READING_NS: f64 = 3e6;
/// Target duration of a reading of one poll policy.
const POLICY_NS: f64 = 1e6;
/// Least messages of a stream, so that it is in its steady state.
const STEADY: u64 = 100;

/// Case of a floors trial.
pub fn case(placement: Placement) -> Case {
    Case { placement, ..Case::new(FAMILY, MECHANISM, Measure::Floors) }
}

/// Roles with their shared memory. With one CPU the second role takes part only in the floors of one CPU.
pub fn roles() -> io::Result<Vec<RoleSpec>> {
    let memory = shm::create(Substrate::Memfd, arena_bytes())?;
    let role =
        |role, end| RoleSpec { role, links: vec![Link { channel: 0, end, address: memory.only(end) }], slots: 1 };
    Ok(vec![role(Role::First, Endpoint::Sender), role(Role::Second, Endpoint::Receiver)])
}

fn arena_bytes() -> usize {
    SIZES.iter().map(|bytes| walk(*bytes).segment_bytes()).max().unwrap_or(0)
}

fn walk(message_bytes: usize) -> Walk {
    Walk::within(FOOTPRINT_BYTES, message_bytes)
}

/// Attaches the arena of a link of [`roles`].
pub fn arena(address: &Address, end: Endpoint) -> io::Result<Arena> {
    Ok(Arena::new(Segment::attach(address, end, arena_bytes())?))
}

/// Runs the member of the leader's phases, on its own CPU or on the leader's.
pub fn follow(member: &mut Member, arena: &mut Arena, own_cpu: Option<u32>) -> MeasureResult {
    member.page().set_progress(member.slot(), u64::from(own_cpu.unwrap_or_default()));
    loop {
        let open = member.enter()?;
        let (size, count) = unpack(open.count);
        match open.kind {
            phase::END => {
                member.leave()?;
                return Ok(Report { messages: 1, ..Report::default() });
            }
            MOVE_IN | MOVE_OUT => {
                let to = if open.kind == MOVE_IN { Some(open.count as u32) } else { own_cpu };
                to.map_or(Ok(()), pin::pin_this_thread)?;
                arena.reset();
                arena.rewind();
            }
            LINE => arena.bounce(Side::Second, size & 1 != 0, 0, policy(size >> 1)?, count)?,
            RING => arena.ring(Side::Second, u32::try_from(count).unwrap_or(u32::MAX))?,
            ROUSE => drop(arena.wake_counted(Side::Second, count as u32)?),
            kind if kind >= POUR => {
                let (ahead, first) = if kind < POUR_AHEAD { (Ahead::Near, POUR) } else { (Ahead::Far, POUR_AHEAD) };
                arena.pour(Side::Second, walk(size).in_pieces(), ahead, policy((kind - first) as usize)?, count)?;
            }
            kind if kind >= TURN => arena.turn(Side::Second, walk(size), policy((kind - TURN) as usize)?, count)?,
            kind => return Err(MeasureError::Invalid(format!("a phase of kind {kind} that floors do not know"))),
        }
        member.leave()?;
    }
}

pub(super) fn policy(index: usize) -> Result<Polls, MeasureError> {
    Polls::SWEEP.get(index).copied().ok_or_else(|| MeasureError::Invalid(format!("there is no poll policy {index}")))
}

/// Packs a size or flags and a count into one word of the page.
pub(super) fn pack(size: usize, count: u64) -> u64 {
    ((size as u64) << 32) | count.min(u64::from(u32::MAX))
}

pub(super) fn unpack(word: u64) -> (usize, u64) {
    ((word >> 32) as usize, word & 0xffff_ffff)
}

/// Runs the leader, which measures all floors. With `SameCpu` there is one CPU and no transfer.
pub fn lead(leader: &mut Leader, arena: &mut Arena, placement: Placement) -> MeasureResult {
    let own_cpu = pin::current_cpu();
    let clocks = clock::measure_cost();
    let system_call_ns = alone::system_call_ns();
    let atomic_ns = alone::atomic_ns();
    let pause_ns = alone::pause_ns();
    let page_fault_ns = alone::page_fault_ns()?;
    let operations = operations::measure();
    let idle_noise = alone::idle_noise();
    let (touch, copy) = alone::one_core(arena)?;
    let two_cpus = placement != Placement::SameCpu;
    let pair = if two_cpus { Some(Pair::measure(leader, arena)?) } else { None };
    move_member(leader, arena, MOVE_IN, own_cpu)?;
    let ring = |n: u64| Ok(arena.ring(Side::First, u32::try_from(n).unwrap_or(u32::MAX))?);
    let futex_hop_one_cpu_ns = both(leader, RING, 0, 4000.0, ring)? / 2.0;
    move_member(leader, arena, MOVE_OUT, 0)?;
    together(leader, phase::END, 0, || Ok(()))?;

    let pair = pair.unwrap_or_default();
    let floors = Floors {
        cpus: if two_cpus { vec![own_cpu, leader.page().progress(1) as u32] } else { vec![own_cpu] },
        placement,
        line_round_trip_one_ns: pair.line_one_ns,
        line_round_trip_two_ns: pair.line_two_ns,
        copy,
        touch,
        transfer_stream: pair.stream,
        transfer_serial: pair.serial,
        atomic_ns: Some(atomic_ns),
        pause_ns: Some(pause_ns),
        system_call_ns,
        futex_hop_two_cpus_ns: pair.hop_ns,
        futex_hop_one_cpu_ns,
        wake_ns: pair.hop_ns.map(|hop| (hop - futex_hop_one_cpu_ns).max(0.0)),
        context_switch_ns: (futex_hop_one_cpu_ns - 2.0 * system_call_ns).max(0.0),
        operations,
        page_fault_ns,
        clock_read_ns: clocks.read_ns,
        clock_step_ns: clocks.step_ns,
        tick_read_ns: clocks.tick_read_ns,
        idle_noise,
    };
    Ok(Report { messages: 1, chosen_by: "fixed".into(), floors: Some(Box::new(floors)), ..Report::default() })
}

/// Floors that need two CPUs.
#[derive(Default)]
struct Pair {
    line_one_ns: Option<f64>,
    line_two_ns: Option<f64>,
    hop_ns: Option<f64>,
    stream: Vec<SizedFloor>,
    serial: Vec<SizedFloor>,
}

impl Pair {
    fn measure(leader: &mut Leader, arena: &mut Arena) -> Result<Self, MeasureError> {
        let mut lines = [0.0; 2];
        for (two, line_ns) in lines.iter_mut().enumerate() {
            let mut lowest = f64::INFINITY;
            for (policy, polls) in Polls::SWEEP.into_iter().enumerate() {
                // All variants count from zero in the same words.
                move_member(leader, arena, MOVE_OUT, 0)?;
                let flags = two | policy << 1;
                let ns = both(leader, LINE, flags, 1.0, |n| Ok(arena.bounce(Side::First, two == 1, 0, polls, n)?))?;
                lowest = lowest.min(ns);
            }
            *line_ns = lowest;
        }
        let hop_ns = rouse_ns(leader, arena)?;
        let mut pair =
            Self { line_one_ns: Some(lines[0]), line_two_ns: Some(lines[1]), hop_ns: Some(hop_ns), ..Self::default() };
        for bytes in SIZES {
            let walk = walk(bytes);
            let pieces = walk.in_pieces();
            let mut ns = f64::INFINITY;
            for (first, ahead) in [(POUR, Ahead::Near), (POUR_AHEAD, Ahead::Far)] {
                let poured = swept(leader, arena, first, (bytes, STEADY), &mut |arena, polls, n| {
                    Ok(arena.pour(Side::First, pieces, ahead, polls, n)?.unwrap_or(f64::INFINITY))
                })?;
                ns = ns.min(poured);
            }
            pair.stream.push(sized(walk, ns * bytes as f64 / pieces.message_bytes as f64));
            let ns = swept(leader, arena, TURN, (bytes, 1), &mut |arena, polls, n| {
                let start = clock::now_ns();
                arena.turn(Side::First, walk, polls, n)?;
                Ok((clock::now_ns() - start) as f64 / n as f64)
            })?;
            pair.serial.push(sized(walk, ns / 2.0));
        }
        Ok(pair)
    }
}

/// Nanoseconds per unit: the lowest over all poll policies, one reading each of at least `least` units, after a pilot.
fn swept(
    leader: &mut Leader,
    arena: &mut Arena,
    first: u32,
    (bytes, least): (usize, u64),
    timed: &mut dyn FnMut(&mut Arena, Polls, u64) -> Result<f64, MeasureError>,
) -> Result<f64, MeasureError> {
    move_member(leader, arena, MOVE_OUT, 0)?;
    let walk = walk(bytes);
    // The pilot covers all slots, so that later readings fault in no page.
    let slots = if first >= POUR { walk.in_pieces().slots } else { walk.slots } as u64;
    let mut reading = |arena: &mut Arena, (kind, polls): (u32, Polls), count: u64| {
        together(leader, kind, pack(bytes, count), || timed(arena, polls, count))
    };
    let policies = || (first..).zip(Polls::SWEEP);
    let pilot_ns = policies().next().map_or(Ok(1.0), |policy| reading(arena, policy, slots.max(least)))?;
    let count = ((POLICY_NS / pilot_ns.max(0.5)) as u64).max(least);
    let readings: Result<Vec<f64>, MeasureError> = policies().map(|policy| reading(arena, policy, count)).collect();
    Ok(lowest(readings?))
}

fn sized(walk: Walk, ns: f64) -> SizedFloor {
    SizedFloor { bytes: walk.message_bytes as u64, footprint_bytes: walk.footprint_bytes() as u64, ns }
}

/// Moves the member to `cpu` or back; both sides reset their counters.
fn move_member(leader: &mut Leader, arena: &mut Arena, kind: u32, cpu: u32) -> Result<(), MeasureError> {
    together(leader, kind, u64::from(cpu), || Ok(()))?;
    arena.reset();
    arena.rewind();
    Ok(())
}

/// Time from the wake call until the other side runs.
fn rouse_ns(leader: &mut Leader, arena: &mut Arena) -> Result<f64, MeasureError> {
    const TIMES: u32 = 100;
    let mut reading = || together(leader, ROUSE, u64::from(TIMES), || Ok(arena.wake_counted(Side::First, TIMES)?));
    let readings: Result<Vec<f64>, MeasureError> = (0..READINGS).map(|_| reading()).collect();
    Ok(lowest(readings?))
}

/// Nanoseconds per unit with both sides at work: the lowest of several readings, after a pilot.
fn both(
    leader: &mut Leader,
    kind: u32,
    size: usize,
    guess_ns: f64,
    mut work: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<f64, MeasureError> {
    let mut timed = |count: u64| {
        together(leader, kind, pack(size, count), || {
            let start = clock::now_ns();
            work(count)?;
            Ok((clock::now_ns() - start) as f64 / count as f64)
        })
    };
    let pilot_ns = timed(units(guess_ns.max(50.0) * 4.0))?;
    let readings: Result<Vec<f64>, MeasureError> = (0..READINGS).map(|_| timed(units(pilot_ns))).collect();
    Ok(lowest(readings?))
}

/// Units per reading; at least two, so that a walk completes a round.
fn units(unit_ns: f64) -> u64 {
    (READING_NS / unit_ns.max(0.5)).max(2.0) as u64
}

fn lowest(readings: Vec<f64>) -> f64 {
    readings.into_iter().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_and_a_count_share_a_word() {
        for (size, count) in [(0, 0), (64 << 20, 1), (3, 1_000_000)] {
            assert_eq!(unpack(pack(size, count)), (size, count));
        }
    }
}
