//! What every way to share state must get right between several users, of whom there may be more than CPUs:
//!
//! 1. a key that nobody has set is not there;
//! 2. what one sets, each other gets, whole, at every length that was agreed;
//! 3. updates of few keys by all at once add up exactly; where an update is no single step, they do when each has his turn;
//! 4. a value longer than agreed is refused with a reason, and changes nothing;
//! 5. a key more than there are entries is refused with a reason, and everything else is still there;
//! 6. where a process keeps the state and dies, each user is told, be it at his next access or in the middle of one.
//!
//! A user who is not told waits for ever, and is found by the harness, whose patience ends.

mod orphans;

use std::io;
use std::marker::PhantomData;

use crate::control::{Leader, Member};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, phase, together};
use crate::payload::{Known, check, parts, stamp, stamp_of};
use crate::protocol::Report;
use crate::shared_state::{Handle, Shape, State};

/// Steps. In some, the user whose slot is the count acts, and the others look on.
const ABSENT: u32 = 60;
const SET: u32 = 61;
const GET: u32 = 62;
const RESET: u32 = 63;
const ADD: u32 = 64;
const SUM: u32 = 65;
const TOO_LONG: u32 = 66;
const FULL: u32 = 67;
const ORPHANS: u32 = 68;

const LEADER: u32 = 0;
/// Keys that hold counters, from the first on.
const COUNTERS: u64 = 3;
/// Keys that hold what each user sets, one each.
const OWN: u64 = 1_000;
/// Keys that fill the state.
const FILLING: u64 = 1_000_000;
/// A key that nobody ever sets.
const NOBODYS: u64 = 77_777_777;
/// Updates of each user.
const UPDATES: u64 = 300;
const WRITER: u16 = 9;

/// One user under test.
pub struct Examined<S: State> {
    handle: S::Handle,
    shape: Shape,
    slot: u32,
    /// Accesses so far.
    accesses: u64,
    state: PhantomData<fn() -> S>,
}

impl<S: State> Examined<S> {
    /// The user on `slot` of a fresh state.
    pub fn new(handle: S::Handle, shape: Shape, slot: u32) -> Self {
        Self { handle, shape, slot, accesses: 0, state: PhantomData }
    }

    /// The role that opens the steps.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (page, meter) = (leader.page().clone(), Meter::start());
        for (kind, count) in self.steps() {
            together(leader, kind, count, || self.step(kind, count))?;
        }
        together(leader, phase::END, 0, || Ok(()))?;
        page.set_count(self.accesses);
        Ok(Report { chosen_by: "fixed".into(), ..self.report(meter, task) })
    }

    /// A role that goes along.
    pub fn follow(&mut self, member: &mut Member, task: &Task) -> MeasureResult {
        let meter = Meter::start();
        loop {
            let open = member.enter()?;
            if open.kind != phase::END {
                self.step(open.kind, open.count)?;
            }
            member.leave()?;
            if open.kind == phase::END {
                return Ok(self.report(meter, task));
            }
        }
    }

    fn report(&self, meter: Meter, task: &Task) -> Report {
        Report { messages: self.accesses, roles: vec![meter.stop(task, self.accesses)], ..Report::default() }
    }

    fn steps(&self) -> Vec<(u32, u64)> {
        let mut steps = vec![(ABSENT, 0)];
        for length in lengths(self.shape.value_bytes) {
            steps.extend([(SET, length as u64), (GET, length as u64)]);
        }
        steps.push((RESET, 0));
        if S::ATOMIC_UPDATE {
            steps.push((ADD, u64::MAX));
        } else {
            steps.extend((0..u64::from(self.shape.seats)).map(|slot| (ADD, slot)));
        }
        steps.extend([(SUM, 0), (TOO_LONG, 0), (FULL, 0)]);
        if S::KEPT {
            steps.push((ORPHANS, 0));
        }
        steps
    }

    /// This user's part of a step.
    ///
    /// Errors: what the state got wrong.
    fn step(&mut self, kind: u32, count: u64) -> Result<(), MeasureError> {
        let leads = self.slot == LEADER;
        match kind {
            ABSENT => self.find_nothing(),
            SET => self.set_own(count as usize),
            GET => self.get_all(count as usize),
            RESET if leads => self.reset(),
            ADD if count == u64::MAX || count == u64::from(self.slot) => self.add(),
            SUM => self.check_sums(),
            TOO_LONG => self.be_refused(),
            FULL if leads => self.fill_up(),
            ORPHANS if leads => orphans::examine::<S>(&self.shape),
            _ => Ok(()),
        }
    }

    fn get(&mut self, key: u64) -> io::Result<Option<Vec<u8>>> {
        self.accesses += 1;
        self.handle.get(key, <[u8]>::to_vec)
    }

    fn put(&mut self, key: u64, bytes: usize, value: Known) -> io::Result<()> {
        self.accesses += 1;
        self.handle.set(key, bytes, |room| value.fill(room))
    }

    fn find_nothing(&mut self) -> Result<(), MeasureError> {
        for key in [0, OWN, NOBODYS, u64::MAX - 1] {
            if self.get(key)?.is_some() {
                return Err(format!("key {key} is there, and nobody has set it").into());
            }
        }
        match self.handle.update(NOBODYS, |_| ())? {
            None => Ok(()),
            Some(()) => Err("a key that nobody has set was updated".to_owned().into()),
        }
    }

    fn set_own(&mut self, bytes: usize) -> Result<(), MeasureError> {
        let slot = u64::from(self.slot);
        Ok(self.put(OWN + slot, bytes, Known::new(bytes, own_stamp(slot, bytes)))?)
    }

    /// Everybody's, by everybody.
    fn get_all(&mut self, bytes: usize) -> Result<(), MeasureError> {
        for slot in 0..u64::from(self.shape.seats) {
            let key = OWN + slot;
            let found = self.get(key)?.ok_or_else(|| format!("key {key} was set, and is not there"))?;
            check(&found, bytes, own_stamp(slot, bytes))
                .map_err(|why| format!("key {key} of the user on slot {slot}: {why}"))?;
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), MeasureError> {
        let bytes = self.shape.value_bytes;
        (0..COUNTERS).try_for_each(|key| self.put(key, bytes, Known::new(bytes, stamp(WRITER, 0))))?;
        Ok(())
    }

    fn add(&mut self) -> Result<(), MeasureError> {
        for round in 0..UPDATES {
            self.accesses += 1;
            let updated = self.handle.update(round % COUNTERS, |value| {
                let next = counted(value)? + 1;
                Known::new(value.len(), stamp(WRITER, next)).fill(value);
                Ok::<(), String>(())
            })?;
            updated.ok_or_else(|| "a counter that was set is not there".to_owned())??;
        }
        Ok(())
    }

    fn check_sums(&mut self) -> Result<(), MeasureError> {
        let mut sum = 0;
        for key in 0..COUNTERS {
            let value = self.get(key)?.ok_or_else(|| "a counter that was set is not there".to_owned())?;
            sum += counted(&value)?;
        }
        let updates = UPDATES * u64::from(self.shape.seats);
        if sum != updates {
            return Err(format!("the counters stand at {sum} after {updates} updates").into());
        }
        Ok(())
    }

    /// A value longer than agreed, for a key that is there.
    fn be_refused(&mut self) -> Result<(), MeasureError> {
        let (key, bytes) = (OWN + u64::from(self.slot), self.shape.value_bytes);
        let before = self.get(key)?;
        refusal(self.handle.set(key, bytes + 1, |room| room.fill(7)), io::ErrorKind::InvalidInput, &bytes.to_string())?;
        if self.get(key)? != before {
            return Err("a value that was refused changed what was there".to_owned().into());
        }
        Ok(())
    }

    /// As many keys as there is room for, and one more.
    fn fill_up(&mut self) -> Result<(), MeasureError> {
        let (entries, bytes) = (u64::from(self.shape.entries), self.shape.value_bytes);
        let value = |key: u64| Known::new(bytes, stamp(WRITER, key));
        let mut set = 0;
        let refused = loop {
            match self.put(FILLING + set, bytes, value(set)) {
                Ok(()) => set += 1,
                refused => break refused,
            }
            if set > entries {
                return Err(format!("a state of {entries} entries took {set} more").into());
            }
        };
        refusal(refused, io::ErrorKind::StorageFull, &entries.to_string())?;
        if set == 0 {
            return Err("there was no room for a single key more".to_owned().into());
        }
        if self.get(FILLING + set)?.is_some() {
            return Err("a key that was refused is there".to_owned().into());
        }
        for key in 0..set {
            let found = self.get(FILLING + key)?.ok_or_else(|| "a key of a full state is not there".to_owned())?;
            check(&found, bytes, stamp(WRITER, key))?;
        }
        // Those that are there can still be set.
        self.put(FILLING, bytes, value(set))?;
        Ok(())
    }
}

/// Lengths of values, the longest last: what later steps find.
fn lengths(longest: usize) -> [usize; 4] {
    [1, 8, longest - 1, longest]
}

fn own_stamp(slot: u64, bytes: usize) -> u64 {
    stamp(slot as u16 + 1, bytes as u64)
}

/// Where a counter stands.
///
/// Errors: it is none.
fn counted(value: &[u8]) -> Result<u64, String> {
    let claimed = stamp_of(value).ok_or_else(|| "a counter is shorter than a word".to_owned())?;
    check(value, value.len(), claimed)?;
    match parts(claimed) {
        (WRITER, number) => Ok(number),
        _ => Err("a counter holds what nobody counted".to_owned()),
    }
}

/// Errors: it was no refusal of this kind, or one that does not name the limit.
fn refusal(outcome: io::Result<()>, kind: io::ErrorKind, limit: &str) -> Result<(), MeasureError> {
    match outcome {
        Ok(()) => Err(format!("what exceeds the limit of {limit} was taken").into()),
        Err(error) if error.kind() == kind && error.to_string().contains(limit) => Ok(()),
        Err(error) => Err(format!("a refusal was due that names the limit of {limit}, not `{error}`").into()),
    }
}
