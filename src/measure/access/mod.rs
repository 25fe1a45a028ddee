//! Cost of shared state. In a fixed window all users get and set values of random keys. Each value read must be one
//! user's version of this key, and not older than one seen before. An access is timed from the call until the value is
//! set, or read and checked.
//! If the mechanism supports atomic updates, a second, shorter window only increments counters, whose sum must match
//! the number of updates. At the end the leader checks every key.
//!
//! The window is that of `locks::contention`.

mod book;
mod draws;
mod manager;
mod summary;

use std::collections::BTreeMap;
use std::io;

use self::book::Book;
use self::draws::{Draw, Draws};
use super::paired::Floor;
use super::window::looks::{Looks, encoded};
use super::window::waits::Waits;
use super::window::{self, Player, Span, WindowGauge, wait_for};
use super::{MeasureError, MeasureResult, Task, histogram, invalid};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::protocol::HolderFinding;
use crate::record::{Case, Metrics};
use crate::shared_state::{COUNTERS, Handle, Shape, State};

pub use manager::beside;
pub use summary::conclude;

/// Name of the distribution of updates in findings.
const UPDATE: &str = "update";
/// Maximum of versions per user: eight bytes for each key and user.
const VERSIONS_MAX: u64 = 1 << 22;

/// Checks that the measure supports the parameters of the case.
///
/// Errors: the reason, with the values that are supported.
pub fn supports(case: &Case) -> Result<(), String> {
    let Shape { keys, users: seats, .. } = Shape::of(case);
    if case.params.contenders.is_none() || case.params.reads_percent.is_none() {
        return Err("a case of `access` needs the number of contenders and the percentage of reads".into());
    }
    if let Some(percent) = case.params.reads_percent.filter(|percent| *percent > 100) {
        return Err(format!("the percentage of reads is 0 to 100, not {percent}"));
    }
    if keys == 0 {
        return Err("a case of `access` needs at least one key".to_owned());
    }
    let versions = u64::from(keys) * u64::from(seats);
    if versions > VERSIONS_MAX {
        return Err(format!(
            "each user remembers a version of every key and user; {keys} keys of {seats} are {versions}, and at most \
             {VERSIONS_MAX} are remembered"
        ));
    }
    Ok(())
}

/// One user.
pub struct Accessor<S: State> {
    handle: S::Handle,
    book: Book,
    draws: Draws,
    shape: Shape,
    /// Accesses between two clock reads.
    batch: u32,
    slot: u32,
    waits: Waits,
    /// Updates of the counters.
    updates: u64,
}

/// Ticks around one batch.
struct Done {
    asked: u64,
    ended: u64,
    count: u32,
}

impl<S: State> Accessor<S> {
    /// Creates the user of `task`. The leader fills the state first.
    pub fn new(handle: S::Handle, task: &Task) -> io::Result<Self> {
        let shape = Shape::of(&task.case);
        let mut accessor = Self {
            handle,
            book: Book::new(&shape, task.slot),
            draws: Draws::new(task.slot, shape.keys, task.case.params.reads_percent.unwrap_or(0)),
            shape,
            batch: 1,
            slot: task.slot,
            waits: Waits::new(task.slot, 1.0),
            updates: 0,
        };
        if task.slot == 0 {
            accessor.fill()?;
        }
        Ok(accessor)
    }

    /// Writes every key, and sets the counters to zero.
    fn fill(&mut self) -> io::Result<()> {
        let bytes = self.shape.value_bytes;
        for key in 0..u64::from(self.shape.keys) {
            let version = self.book.next(key);
            self.handle.set(key, bytes, |room| version.fill(room))?;
        }
        for at in 0..COUNTERS {
            self.handle.set(self.counter(at), bytes, |room| book::count(bytes, 0).fill(room))?;
        }
        Ok(())
    }

    /// Key of a counter.
    fn counter(&self, at: u32) -> u64 {
        u64::from(self.shape.keys) + u64::from(at)
    }

    /// Runs a batch, with one access in each block of a kind stamped; stops early if the window ends.
    #[inline]
    fn batch(&mut self, span: Span, page: &Page) -> Result<Done, MeasureError> {
        let asked = clock::tick(span.trusted);
        let mut count = 0;
        while count < self.batch {
            match self.draws.next() {
                Draw::Read(key) => self.read(key, span.trusted)?,
                Draw::Write(key) => self.write(key, span.trusted)?,
            }
            count += 1;
            if span.cuts_short(page, count) {
                break;
            }
        }
        Ok(Done { asked, ended: clock::tick(span.trusted), count })
    }

    #[inline]
    fn read(&mut self, key: u64, trusted: bool) -> Result<(), MeasureError> {
        let Self { handle, book, waits, .. } = self;
        let stamped = waits.reads.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        let found = handle.get(key, |bytes| book.check(key, bytes))?;
        waits.reads.note(now().saturating_sub(asked));
        if found.is_none() {
            book.miss();
        }
        Ok(())
    }

    #[inline]
    fn write(&mut self, key: u64, trusted: bool) -> Result<(), MeasureError> {
        let Self { handle, book, waits, shape, .. } = self;
        let stamped = waits.writes.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        let version = book.next(key);
        handle.set(key, shape.value_bytes, |room| version.fill(room))?;
        waits.writes.note(now().saturating_sub(asked));
        Ok(())
    }

    /// Increments a counter.
    #[inline]
    fn add(&mut self, at: u32) -> Result<(), MeasureError> {
        let key = self.counter(at);
        let Self { handle, book, .. } = self;
        match handle.update(key, book::add_one)? {
            Some(true) => self.updates += 1,
            Some(false) => book.tear(),
            None => book.miss(),
        }
        Ok(())
    }

    /// Sum of all counters.
    fn counted(&mut self) -> Result<u64, MeasureError> {
        let mut sum = 0;
        for at in 0..COUNTERS {
            let key = self.counter(at);
            let found = self.handle.get(key, book::counted)?;
            sum += found
                .flatten()
                .ok_or_else(|| format!("counter {at} holds a value that is no count"))
                .map_err(MeasureError::Invalid)?;
        }
        Ok(sum)
    }
}

/// User in a window, with the control page that ends windows.
struct AtWork<'a, S: State> {
    accessor: &'a mut Accessor<S>,
    page: Page,
}

impl<S: State> Player for AtWork<'_, S> {
    fn counted(&mut self, span: Span, _: bool, gauge: &mut WindowGauge<'_>) -> Result<HolderFinding, MeasureError> {
        let Self { accessor, page } = self;
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        accessor.waits = Waits::new(accessor.slot, span.ns_per_tick);
        let started_ns = gauge.wait_for(span.start_ns)?;
        let ended_ns = span.fill(page, || {
            let done = accessor.batch(span, page)?;
            accessor.waits.end_batch();
            accessor.batch = looks.tally(done.asked, done.ended, done.count, 0.0);
            Ok(done.ended)
        })?;
        gauge.stop();
        let waits = std::mem::replace(&mut accessor.waits, Waits::new(accessor.slot, 1.0)).end();
        Ok(HolderFinding {
            agreed_ns: span.start_ns,
            started_ns,
            ended_ns,
            reads: waits.reads.count,
            samples: waits.reads.samples + waits.writes.samples,
            read_samples: waits.reads.samples,
            histograms: waits.encoded(),
            ..looks.finding()
        })
    }

    fn stamps(&self) -> bool {
        S::ATOMIC_UPDATE
    }

    fn stamped(&mut self, span: Span) -> Result<BTreeMap<String, String>, MeasureError> {
        let mut updates = histogram::empty();
        let Self { accessor, page } = self;
        wait_for(span.start_ns)?;
        let mut at = 0;
        span.fill(page, || {
            let asked = clock::tick(span.trusted);
            accessor.add(at)?;
            let ended = clock::tick(span.trusted);
            at = (at + 1) % COUNTERS;
            updates.saturating_record(((ended.saturating_sub(asked) as f64 * span.ns_per_tick) as u64).max(1));
            Ok(ended)
        })?;
        Ok(encoded([(UPDATE, updates)]))
    }

    fn changes(&self) -> u64 {
        self.accessor.updates
    }

    fn fault(&self) -> Option<String> {
        self.accessor.book.fault()
    }

    /// Checks that no update was lost and that each key holds the last value written.
    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let (counted, updates) = (self.accessor.counted()?, changes.iter().sum::<u64>());
        if counted != updates {
            return invalid(format!("the counters stand at {counted} after {updates} updates"));
        }
        let Accessor { handle, book, shape, .. } = &mut *self.accessor;
        for key in 0..u64::from(shape.keys) {
            if handle.get(key, |bytes| book.check(key, bytes))?.is_none() {
                book.miss();
            }
        }
        match book.fault() {
            Some(fault) => invalid(format!("in the end {fault}")),
            None => Ok(Metrics::new()),
        }
    }
}

/// Runs the user that opens the windows.
pub fn lead<S: State>(accessor: &mut Accessor<S>, leader: &mut Leader, task: &Task) -> MeasureResult {
    window::lead(&mut AtWork { accessor, page: leader.page().clone() }, leader, task, &mut Floor::none())
}

/// Runs a user that takes part in the leader's windows.
pub fn follow<S: State>(accessor: &mut Accessor<S>, member: &mut Member, task: &Task) -> MeasureResult {
    window::follow(&mut AtWork { accessor, page: member.page().clone() }, member, task, &mut Floor::none())
}
