//! What does state cost that several read and write? Each user gets and sets values of keys drawn at random, in a fixed
//! window in which all of them run. Every value that is read is checked as a whole: that it is one version of this very key,
//! written by one user, and none older than what was seen of him before. An access is timed from the call until the value
//! is had and checked, or set.
//!
//! Where the mechanism can change a value in one step, a second, shorter window only adds to a few counters; they have to
//! add up to what all users added. In the end the leader looks at every key once more.
//!
//! The window is that of `locks::contention`.

mod book;
mod draws;
mod keeper;
mod summary;

use std::collections::BTreeMap;
use std::io;

use self::book::Book;
use self::draws::{Draw, Draws};
use super::paired::Floor;
use super::window::looks::{Looks, encoded};
use super::window::waits::Waits;
use super::window::{self, Player, Span, wait_for};
use super::{MeasureError, MeasureResult, Task, histogram};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::protocol::HolderFinding;
use crate::record::{Case, Metrics};
use crate::shared_state::{COUNTERS, Handle, Shape, State};

pub use keeper::beside;
pub use summary::conclude;

/// Name of the distribution of updates in findings.
const UPDATE: &str = "update";
/// What one user remembers of versions, at most: eight bytes for each key and user.
const VERSIONS_MAX: u64 = 1 << 22;

/// Whether the measure can be taken of the case's shape.
///
/// Errors: the reason, with what would be right.
pub fn supports(case: &Case) -> Result<(), String> {
    let Shape { keys, seats, .. } = Shape::of(case);
    if case.params.contenders.is_none() || case.params.reads_percent.is_none() {
        return Err(
            "a case of `access` names how many use the state and how many of a hundred accesses only read".into()
        );
    }
    if let Some(percent) = case.params.reads_percent.filter(|percent| *percent > 100) {
        return Err(format!("of a hundred accesses 0 to 100 only read, not {percent}"));
    }
    if keys == 0 {
        return Err("there is nothing to access without a key".to_owned());
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
    /// Accesses from one look at the clock to the next.
    batch: u32,
    waits: Waits,
    /// Updates of the counters.
    updates: u64,
}

/// The moments around one batch, in ticks.
struct Done {
    asked: u64,
    ended: u64,
    count: u32,
}

impl<S: State> Accessor<S> {
    /// The user that plays `task`. The leader's fills the state first.
    pub fn new(handle: S::Handle, task: &Task) -> io::Result<Self> {
        let shape = Shape::of(&task.case);
        let mut accessor = Self {
            handle,
            book: Book::new(&shape, task.slot),
            draws: Draws::new(task.slot, shape.keys, task.case.params.reads_percent.unwrap_or(0)),
            shape,
            batch: 1,
            waits: Waits::none(),
            updates: 0,
        };
        if task.slot == 0 {
            accessor.fill()?;
        }
        Ok(accessor)
    }

    /// Sets every key, and the counters to nothing.
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

    /// The key of a counter.
    fn counter(&self, at: u32) -> u64 {
        u64::from(self.shape.keys) + u64::from(at)
    }

    /// Accesses, of which the first of each kind is stamped; fewer than planned when the window ends.
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

    /// Adds one to a counter.
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

    /// What all counters stand at.
    fn counted(&mut self) -> Result<u64, MeasureError> {
        let mut sum = 0;
        for at in 0..COUNTERS {
            let key = self.counter(at);
            let found = self.handle.get(key, book::counted)?;
            sum += found.flatten().ok_or_else(|| format!("counter {at} holds what nobody counted"))?;
        }
        Ok(sum)
    }
}

/// A user at his work, with the page where windows end.
struct AtWork<'a, S: State> {
    accessor: &'a mut Accessor<S>,
    page: Page,
}

impl<S: State> Player for AtWork<'_, S> {
    fn counted(&mut self, span: Span, _: bool) -> Result<HolderFinding, MeasureError> {
        let Self { accessor, page } = self;
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        accessor.waits = Waits::none();
        let started_ns = wait_for(span.start_ns)?;
        let ended_ns = span.fill(page, || {
            let done = accessor.batch(span, page)?;
            accessor.waits.end_batch(span.ns_per_tick);
            accessor.batch = looks.tally(done.asked, done.ended, done.count, 0.0);
            Ok(done.ended)
        })?;
        let waits = std::mem::replace(&mut accessor.waits, Waits::none());
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

    /// An update may have got lost, or a key hold something else than the last that was written.
    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let (counted, updates) = (self.accessor.counted()?, changes.iter().sum::<u64>());
        if counted != updates {
            return Err(format!("the counters stand at {counted} after {updates} updates").into());
        }
        let Accessor { handle, book, shape, .. } = &mut *self.accessor;
        for key in 0..u64::from(shape.keys) {
            if handle.get(key, |bytes| book.check(key, bytes))?.is_none() {
                book.miss();
            }
        }
        match book.fault() {
            Some(fault) => Err(format!("in the end {fault}").into()),
            None => Ok(Metrics::new()),
        }
    }
}

/// The user that opens the windows.
pub fn lead<S: State>(accessor: &mut Accessor<S>, leader: &mut Leader, task: &Task) -> MeasureResult {
    window::lead(&mut AtWork { accessor, page: leader.page().clone() }, leader, task, &mut Floor::none())
}

/// A user that goes along.
pub fn follow<S: State>(accessor: &mut Accessor<S>, member: &mut Member, task: &Task) -> MeasureResult {
    window::follow(&mut AtWork { accessor, page: member.page().clone() }, member, task, &mut Floor::none())
}
