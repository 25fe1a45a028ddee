//! Conformance of shared state, for several users, possibly more than there are CPUs:
//!
//! 1. a key that was never set is absent;
//! 2. all users get the complete value that one user sets, at every agreed length;
//! 3. concurrent updates of few keys add up exactly; if updates are not atomic, updates one user after the other do;
//! 4. a value longer than agreed is refused with a reason and changes nothing;
//! 5. a key beyond the agreed number of entries is refused with a reason, and all other keys are still there;
//! 6. if a manager process owns the state and dies, each access fails, including one that is in progress.
//!
//! If an access blocks for ever instead, the harness ends the trial by its time-out.

mod manager_death;

use std::io;
use std::marker::PhantomData;

use crate::control::{Leader, Member};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase, together};
use crate::payload::{Known, check, parts, stamp, stamp_of};
use crate::protocol::Report;
use crate::shared_state::{Handle, Shape, State};

/// Steps. In some, only the user on the slot given by the count acts.
const ABSENT: u32 = 60;
const SET: u32 = 61;
const GET: u32 = 62;
const RESET: u32 = 63;
const ADD: u32 = 64;
const SUM: u32 = 65;
const TOO_LONG: u32 = 66;
const FULL: u32 = 67;
const MANAGER_DEATH: u32 = 68;

const LEADER: u32 = 0;
/// Number of counters, which have the lowest keys.
const COUNTERS: u64 = 3;
/// First key of the users' values.
const OWN: u64 = 1_000;
/// First key of those that fill the state.
const FILLING: u64 = 1_000_000;
/// Key that is never set.
const NEVER_SET: u64 = 77_777_777;
/// Updates of each user.
const UPDATES: u64 = 300;
const WRITER: u16 = 9;

/// User under examination.
pub struct Examined<S: State> {
    handle: S::Handle,
    shape: Shape,
    slot: u32,
    /// Accesses so far.
    accesses: u64,
    state: PhantomData<fn() -> S>,
}

impl<S: State> Examined<S> {
    /// Creates the user on `slot` of a new state.
    pub fn new(handle: S::Handle, shape: Shape, slot: u32) -> Self {
        Self { handle, shape, slot, accesses: 0, state: PhantomData }
    }

    /// Runs the leader, which opens the steps.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (page, meter) = (leader.page().clone(), Meter::start());
        for (kind, count) in self.steps() {
            together(leader, kind, count, || self.step(kind, count))?;
        }
        together(leader, phase::END, 0, || Ok(()))?;
        page.set_count(self.accesses);
        Ok(Report { chosen_by: "fixed".into(), ..self.report(meter, task) })
    }

    /// Runs a follower.
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
            steps.extend((0..u64::from(self.shape.users)).map(|slot| (ADD, slot)));
        }
        steps.extend([(SUM, 0), (TOO_LONG, 0), (FULL, 0)]);
        if S::HAS_MANAGER {
            steps.push((MANAGER_DEATH, 0));
        }
        steps
    }

    /// Runs this user's part of a step.
    ///
    /// Errors: a violated guarantee.
    fn step(&mut self, kind: u32, count: u64) -> Result<(), MeasureError> {
        let leads = self.slot == LEADER;
        match kind {
            ABSENT => self.check_absent(),
            SET => self.set_own(count as usize),
            GET => self.get_all(count as usize),
            RESET if leads => self.reset(),
            ADD if count == u64::MAX || count == u64::from(self.slot) => self.add(),
            SUM => self.check_sums(),
            TOO_LONG => self.set_too_long(),
            FULL if leads => self.fill_up(),
            MANAGER_DEATH if leads => manager_death::examine::<S>(&self.shape),
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

    fn check_absent(&mut self) -> Result<(), MeasureError> {
        for key in [0, OWN, NEVER_SET, u64::MAX - 1] {
            if self.get(key)?.is_some() {
                return invalid(format!("key {key} is present but was never set"));
            }
        }
        match self.handle.update(NEVER_SET, |_| ())? {
            None => Ok(()),
            Some(()) => invalid("a key that was never set was updated"),
        }
    }

    fn set_own(&mut self, bytes: usize) -> Result<(), MeasureError> {
        let slot = u64::from(self.slot);
        Ok(self.put(OWN + slot, bytes, Known::new(bytes, own_stamp(slot, bytes)))?)
    }

    /// Gets the values of all users.
    fn get_all(&mut self, bytes: usize) -> Result<(), MeasureError> {
        for slot in 0..u64::from(self.shape.users) {
            let key = OWN + slot;
            let found = self
                .get(key)?
                .ok_or_else(|| format!("key {key} was set but is absent"))
                .map_err(MeasureError::Invalid)?;
            check(&found, bytes, own_stamp(slot, bytes))
                .map_err(|why| format!("key {key} of the user on slot {slot}: {why}"))
                .map_err(MeasureError::Invalid)?;
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
            updated
                .ok_or_else(|| "a counter that was set is absent".to_owned())
                .map_err(MeasureError::Invalid)?
                .map_err(MeasureError::Invalid)?;
        }
        Ok(())
    }

    fn check_sums(&mut self) -> Result<(), MeasureError> {
        let mut sum = 0;
        for key in 0..COUNTERS {
            let value = self
                .get(key)?
                .ok_or_else(|| "a counter that was set is absent".to_owned())
                .map_err(MeasureError::Invalid)?;
            sum += counted(&value).map_err(MeasureError::Invalid)?;
        }
        let updates = UPDATES * u64::from(self.shape.users);
        if sum != updates {
            return invalid(format!("the counters add up to {sum} after {updates} updates"));
        }
        Ok(())
    }

    /// Sets a present key to a value longer than agreed.
    fn set_too_long(&mut self) -> Result<(), MeasureError> {
        let (key, bytes) = (OWN + u64::from(self.slot), self.shape.value_bytes);
        let before = self.get(key)?;
        refusal(self.handle.set(key, bytes + 1, |room| room.fill(7)), io::ErrorKind::InvalidInput, &bytes.to_string())?;
        if self.get(key)? != before {
            return invalid("a refused value changed the old one");
        }
        Ok(())
    }
    /// Sets keys until the state is full.
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
                return invalid(format!("a state of {entries} entries accepted {set} more"));
            }
        };
        refusal(refused, io::ErrorKind::StorageFull, &entries.to_string())?;
        if set == 0 {
            return invalid("the state had no room for another key");
        }
        if self.get(FILLING + set)?.is_some() {
            return invalid("a refused key is present");
        }
        for key in 0..set {
            let found = self
                .get(FILLING + key)?
                .ok_or_else(|| "a key of a full state is absent".to_owned())
                .map_err(MeasureError::Invalid)?;
            check(&found, bytes, stamp(WRITER, key)).map_err(MeasureError::Invalid)?;
        }
        // Present keys can still be set.
        self.put(FILLING, bytes, value(set))?;
        Ok(())
    }
}

/// Lengths of values. The longest is last, since later steps rely on it.
fn lengths(longest: usize) -> [usize; 4] {
    [1, 8, longest - 1, longest]
}

fn own_stamp(slot: u64, bytes: usize) -> u64 {
    stamp(slot as u16 + 1, bytes as u64)
}

/// Number in a counter.
///
/// Errors: the value is not a counter.
fn counted(value: &[u8]) -> Result<u64, String> {
    let claimed = stamp_of(value).ok_or_else(|| "a counter is shorter than a word".to_owned())?;
    check(value, value.len(), claimed)?;
    match parts(claimed) {
        (WRITER, number) => Ok(number),
        _ => Err("a counter holds a value that no update wrote".to_owned()),
    }
}

/// Errors: `outcome` is not a refusal of this kind that names the limit.
fn refusal(outcome: io::Result<()>, kind: io::ErrorKind, limit: &str) -> Result<(), MeasureError> {
    match outcome {
        Ok(()) => invalid(format!("the limit of {limit} was not enforced")),
        Err(error) if error.kind() == kind && error.to_string().contains(limit) => Ok(()),
        Err(error) => invalid(format!("an error that names the limit of {limit} was expected, not `{error}`")),
    }
}
