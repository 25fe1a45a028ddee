//! Roles as threads of one process: the calling thread leads; the others follow, each pinned to its own CPU.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::Talk;
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureError, MeasureResult, Task};
use crate::pin;
use crate::protocol::{Order, Report};

/// Attached role, as a trait object, so that the code around the timed loops is compiled once.
pub(super) trait Attached {
    /// Runs the first role of a trial.
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult;
    /// Runs any other role.
    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult;
}

/// Attaches a role. Called in the role's thread before the clock starts.
pub(super) type Attach<'a> = Box<dyn FnOnce(&Task) -> io::Result<Box<dyn Attached>> + Send + 'a>;

/// Waits for `go` and runs `role`, the only one of this process.
pub(super) fn play_alone(
    role: Box<dyn Attached>,
    page: Page,
    talk: &mut Talk,
    slots: u32,
    task: &Task,
) -> MeasureResult {
    talk.ready_go()?;
    if task.slot == 0 {
        role.lead(&mut Leader::new(page, slots), task)
    } else {
        role.follow(&mut Member::new(page, task.slot), task)
    }
}

/// Creates one role per task, all attached in the same way.
pub(super) fn alike<'a>(
    tasks: &[Task],
    attach: &'a (dyn Fn(&Task) -> io::Result<Box<dyn Attached>> + Sync),
) -> Vec<Attach<'a>> {
    tasks.iter().map(|_| -> Attach<'a> { Box::new(attach) }).collect()
}

/// Runs `roles`, one per task; `merge` combines two reports.
pub(super) fn play(
    order: &Order,
    page: &Page,
    talk: &mut Talk,
    tasks: &[Task],
    roles: Vec<Attach>,
    merge: &dyn Fn(MeasureResult, MeasureResult) -> MeasureResult,
) -> MeasureResult {
    let mut roles = roles.into_iter();
    let first = roles.next().ok_or_else(|| io::Error::other("a host without roles"))?;
    let (attached, all_attached) = mpsc::channel();
    thread::scope(|scope| {
        let members: Vec<_> = tasks[1..]
            .iter()
            .zip(roles)
            .map(|(task, attach)| {
                let (control, attached) = (order.control.clone(), attached.clone());
                scope.spawn(move || {
                    let page = Page::attach(&control)?;
                    let call_off = CallOff::unless_done(&page);
                    task.cpu.map_or(Ok(()), pin::pin_this_thread)?;
                    let role = attach(task)?;
                    attached.send(()).map_err(io::Error::other)?;
                    let found = role.follow(&mut Member::new(page.clone(), task.slot), task)?;
                    call_off.done();
                    Ok(found)
                })
            })
            .collect();
        drop(attached);
        let lead = || {
            let call_off = CallOff::unless_done(page);
            let role = first(&tasks[0])?;
            for _ in &tasks[1..] {
                all_attached.recv().map_err(|_| io::Error::other("another thread could not attach"))?;
            }
            talk.ready_go()?;
            let found = role.lead(&mut Leader::new(page.clone(), tasks.len() as u32), &tasks[0])?;
            call_off.done();
            Ok(found)
        };
        let mut all = lead();
        for member in members {
            let followed = member.join().map_err(|_| io::Error::other("a thread panicked"))?;
            all = merge(all, followed);
        }
        all
    })
}

/// Guard that aborts the trial if its thread ends early, by an error or a panic.
struct CallOff<'a>(Option<&'a Page>);

impl<'a> CallOff<'a> {
    fn unless_done(page: &'a Page) -> Self {
        Self(Some(page))
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CallOff<'_> {
    fn drop(&mut self) {
        if let Some(page) = self.0 {
            page.abort();
        }
    }
}

/// Combines two reports by `join`. A failed check takes precedence over the abort that it causes on the other side.
pub(super) fn merge(
    led: MeasureResult,
    followed: MeasureResult,
    join: impl FnOnce(Report, Report) -> MeasureResult,
) -> MeasureResult {
    match (led, followed) {
        (Ok(led), Ok(followed)) => join(led, followed),
        (_, Err(MeasureError::Invalid(why))) | (Err(MeasureError::Invalid(why)), _) => Err(MeasureError::Invalid(why)),
        (Err(led), Ok(_)) => Err(led),
        (_, Err(followed)) => Err(followed),
    }
}

/// Combines the reports of both sides. Those of a `pair` must count the same; otherwise the leader has checked the sum.
pub(super) fn both(led: MeasureResult, followed: MeasureResult, pair: bool) -> MeasureResult {
    merge(led, followed, |mut led, mut followed| {
        if pair && led.messages != followed.messages {
            let (ours, theirs) = (led.messages, followed.messages);
            return Err(MeasureError::Invalid(format!("the leader counted {ours} and the member {theirs}")));
        }
        led.roles.append(&mut followed.roles);
        led.metrics.append(&mut followed.metrics);
        led.arrivals.append(&mut followed.arrivals);
        led.histogram = led.histogram.or(followed.histogram);
        if led.windows.is_empty() {
            led.windows = followed.windows;
        }
        Ok(led)
    })
}

/// Adds the follower's costs and findings to the leader's report.
pub(super) fn gather(led: MeasureResult, followed: MeasureResult) -> MeasureResult {
    merge(led, followed, |mut led, Report { mut roles, mut holders, .. }| {
        led.roles.append(&mut roles);
        led.holders.append(&mut holders);
        Ok(led)
    })
}
