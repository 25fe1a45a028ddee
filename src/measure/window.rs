//! Window of time in which all contenders run, from an agreed time on. The first contender whose clock passes the end
//! ends the window for all, since a starved contender or one in a long batch would end it late.
//!
//! The code around the windows is compiled once for all locks, states and measures: see [`Player`].

pub(super) mod looks;
pub(super) mod sample;
pub(super) mod together;
pub(super) mod waits;

use super::invalid;
use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::Duration;

use crate::abort;
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::measure::meter::Gauge;
use crate::measure::paired::Floor;
use crate::measure::schedule::spin_until;
use crate::measure::{MeasureError, MeasureResult, Task, attend, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::{Metrics, RoleCost, metric};

/// Windows: warm-up, counted, and for some measures a third in which each access is stamped.
const WARM: u32 = 40;
pub(super) const COUNTED: u32 = 41;
const STAMPED: u32 = 42;

/// Divisor of the hot time that gives the length of the stamped window.
const STAMPED_SHARE: u64 = 5;
/// Delay from opening a window to its begin, plus a part per contender: all must wake up before it.
const START_AFTER_NS: u64 = 300_000;
const START_AFTER_NS_EACH: u64 = 60_000;
/// Time before the begin at which a contender wakes up: a timer may fire 50 us late.
const AWAKE_BEFORE_NS: u64 = 100_000;
/// Batches between two checks of the abort flag.
const BATCHES_PER_ABORT_CHECK: u32 = 64;
/// Acquisitions of a batch between two clock reads: with more contenders than CPUs one may take a time slice.
const ACQUISITIONS_PER_CLOCK_CHECK: u32 = 32;

/// Shared word by which the first contender that finds the window over tells the others.
pub(super) trait Ending {
    /// Whether the window with this number has ended.
    fn is_over(&self, window: u64) -> bool;
    /// Ends the window with this number for all.
    fn end(&self, window: u64);
}

impl Ending for Page {
    #[inline]
    fn is_over(&self, window: u64) -> bool {
        self.is_window_over(window)
    }

    fn end(&self, window: u64) {
        self.end_window(window);
    }
}

/// Begin of a window that `leader` opens now.
pub(super) fn next_start_ns(leader: &Leader) -> u64 {
    clock::now_ns() + START_AFTER_NS + START_AFTER_NS_EACH * u64::from(leader.slots())
}

/// Sleeps until shortly before `start_ns`, then polls, and returns the time. Polling from the beginning would use up
/// the time slice if contenders outnumber CPUs.
pub(super) fn wait_for(start_ns: u64) -> io::Result<u64> {
    sleep_until_near(start_ns);
    spin_until(start_ns)
}

/// Sleeps until shortly before `start_ns`.
pub(super) fn sleep_until_near(start_ns: u64) {
    let sleep_ns = start_ns.saturating_sub(clock::now_ns() + AWAKE_BEFORE_NS);
    thread::sleep(Duration::from_nanos(sleep_ns));
}

/// A window, measured by one contender's clock.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) trusted: bool,
    /// A time shortly before it.
    pub(super) now: Anchor,
    pub(super) ns_per_tick: f64,
    /// Begin, which also identifies the window.
    pub(super) start_ns: u64,
    pub(super) length_ns: u64,
    pub(super) end_tick: u64,
}

impl Span {
    /// Creates a window that begins at `start_ns`. `first` is a much earlier time, for the tick rate.
    fn new(first: Anchor, page: &Page, task: &Task, start_ns: u64, length_ns: u64) -> Self {
        let trusted = page.shares_ticks() && task.ticks_trusted;
        let now = Anchor::now(trusted);
        let ns_per_tick = if trusted { first.ns_per_tick(&now) } else { 1.0 };
        let until_end_ns = (start_ns + length_ns).saturating_sub(now.ns);
        let end_tick = now.tick + (until_end_ns as f64 / ns_per_tick) as u64;
        Self { trusted, now, ns_per_tick, start_ns, length_ns, end_tick }
    }

    /// Runs `batch`, which returns its end in ticks, until the window is over. Returns the time of the end.
    #[inline]
    pub(super) fn fill(
        &self,
        ending: &impl Ending,
        mut batch: impl FnMut() -> Result<u64, MeasureError>,
    ) -> Result<u64, MeasureError> {
        let mut until_check = BATCHES_PER_ABORT_CHECK;
        loop {
            let ended = batch()?;
            if ended >= self.end_tick || ending.is_over(self.start_ns) {
                ending.end(self.start_ns);
                return Ok(clock::now_ns());
            }
            until_check -= 1;
            if until_check == 0 {
                until_check = BATCHES_PER_ABORT_CHECK;
                if abort::requested() {
                    return Err(abort::error().into());
                }
            }
        }
    }

    /// Whether to stop a batch after `done` acquisitions: the window has ended, or its end has passed by this
    /// contender's clock, which is read occasionally.
    #[inline]
    pub(super) fn cuts_short(&self, ending: &impl Ending, done: u32) -> bool {
        ending.is_over(self.start_ns)
            || done.is_multiple_of(ACQUISITIONS_PER_CLOCK_CHECK) && clock::tick(self.trusted) >= self.end_tick
    }
}

/// Meter of one window of a role.
pub(super) struct WindowGauge<'a> {
    gauge: Gauge,
    task: &'a Task,
}

impl WindowGauge<'_> {
    /// Waits for the begin of the window, and returns the time.
    pub(super) fn wait_for(&mut self, start_ns: u64) -> io::Result<u64> {
        self.gauge.wait_for(start_ns)
    }

    /// Stops the meter at the end of the window, before its results are summarised.
    pub(super) fn stop(&mut self) {
        self.gauge.stop(self.task);
    }
}

/// Code of one contender for one measure, called through a pointer once per window.
pub(super) trait Player {
    /// Runs the counted window or, unless `hot`, the warm-up. `gauge` waits for its begin and is stopped at its end.
    fn counted(&mut self, span: Span, hot: bool, gauge: &mut WindowGauge<'_>) -> Result<HolderFinding, MeasureError>;
    /// Whether a stamped window follows.
    fn stamps(&self) -> bool {
        false
    }
    /// Runs the stamped window and returns distributions by name.
    fn stamped(&mut self, _: Span) -> Result<BTreeMap<String, String>, MeasureError> {
        Ok(BTreeMap::new())
    }
    /// Changes made by this contender in all windows so far.
    fn changes(&self) -> u64;
    /// Description of a violation, if there was one.
    fn fault(&self) -> Option<String>;
    /// Compares the protected state with the changes of each contender, by slot, after the last window.
    ///
    /// Errors: a change was lost.
    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError>;
}

/// Data of one contender that lasts from one window to the next.
struct Course<'a> {
    player: &'a mut dyn Player,
    task: &'a Task,
    first: Anchor,
    finding: HolderFinding,
    cost: Option<RoleCost>,
    clock_step_ns: f64,
}

/// Runs the role that opens the windows.
pub(super) fn lead(player: &mut dyn Player, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
    let page = leader.page().clone();
    let mut course = Course::new(player, task);
    page.set_shares_ticks(task.ticks_agree());
    floor.lead(leader)?;
    course.open(leader, WARM)?;
    page.set_hot(true);
    course.open(leader, COUNTED)?;
    page.set_hot(false);
    if course.player.stamps() {
        course.open(leader, STAMPED)?;
    }
    floor.lead(leader)?;
    together(leader, phase::END, 0, || Ok(()))?;

    let report = course.report()?;
    let changes: Vec<u64> = (0..leader.slots()).map(|slot| page.tally(slot)).collect();
    let mut metrics = course.player.compare(&changes)?;
    metrics.insert(metric::CLOCK_STEP_NS.into(), course.clock_step_ns);
    page.set_count(report.messages);
    let warm_up_ns = task.timing.warm_up_ns;
    Ok(Report { chosen_by: "time".into(), warm_up_ns, metrics, floor: floor.result(), ..report })
}

/// Runs a role that takes part in the leader's windows.
pub(super) fn follow(player: &mut dyn Player, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
    let mut course = Course::new(player, task);
    attend(member, floor, &mut |member, open| {
        let known = matches!(open.kind, WARM | COUNTED | STAMPED);
        if known {
            course.window(member.page(), open.kind, open.count)?;
        }
        Ok(known)
    })?;
    course.report()
}

impl<'a> Course<'a> {
    fn new(player: &'a mut dyn Player, task: &'a Task) -> Self {
        let first = Anchor::now(task.ticks_trusted);
        Self { player, task, first, finding: HolderFinding::default(), cost: None, clock_step_ns: 0.0 }
    }

    fn open(&mut self, leader: &mut Leader, kind: u32) -> Result<(), MeasureError> {
        let start_ns = next_start_ns(leader);
        let page = leader.page().clone();
        together(leader, kind, start_ns, || self.window(&page, kind, start_ns))
    }

    /// Runs one window, from `start_ns` on.
    fn window(&mut self, page: &Page, kind: u32, start_ns: u64) -> Result<(), MeasureError> {
        let timing = &self.task.timing;
        let length_ns = match kind {
            WARM => timing.warm_up_ns,
            COUNTED => timing.hot_ns,
            _ => timing.hot_ns / STAMPED_SHARE,
        };
        let span = Span::new(self.first, page, self.task, start_ns, length_ns);
        let mut gauge = WindowGauge { gauge: Gauge::default(), task: self.task };
        match kind {
            WARM => drop(self.player.counted(span, false, &mut gauge)?),
            COUNTED => {
                let found = self.player.counted(span, true, &mut gauge)?;
                self.finding = HolderFinding { slot: self.task.slot, ..found };
                self.cost = gauge.gauge.cost(self.finding.acquisitions);
                self.clock_step_ns = clock::step_ns(span.trusted, span.ns_per_tick);
            }
            _ => self.finding.histograms.extend(self.player.stamped(span)?),
        }
        page.set_tally(self.task.slot, self.player.changes());
        Ok(())
    }

    /// Result of this contender.
    ///
    /// Errors: one of its checks failed.
    fn report(&mut self) -> MeasureResult {
        if let Some(fault) = self.player.fault() {
            return invalid(fault);
        }
        let finding = std::mem::take(&mut self.finding);
        Ok(Report {
            messages: finding.acquisitions,
            roles: self.cost.take().into_iter().collect(),
            holders: vec![finding],
            ..Report::default()
        })
    }
}
