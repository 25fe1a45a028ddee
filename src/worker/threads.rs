//! Roles as threads of one process: the first, on this thread, leads; the others follow, each pinned to a CPU of its own.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::Talk;
use crate::control::{Leader, Member, Page};
use crate::measure::{Findings, Task, Trouble};
use crate::pin;
use crate::protocol::{Order, Report};

/// What the roles of one process do.
pub(super) trait Troupe: Sync {
    /// What a role is given before its thread starts.
    type Seat: Send;
    /// What it makes of that, in its thread.
    type Part;

    /// Runs in the role's thread, before the clock starts.
    fn attach(&self, seat: Self::Seat, task: &Task) -> io::Result<Self::Part>;
    /// The first role's work.
    fn lead(&self, part: Self::Part, leader: &mut Leader, task: &Task) -> Findings;
    /// The work of each other.
    fn follow(&self, part: Self::Part, member: &mut Member, task: &Task) -> Findings;
    /// One report of two.
    fn merge(&self, led: Findings, followed: Findings) -> Findings;
}

/// Plays all of `seats`, one for each of `tasks`.
pub(super) fn play<T: Troupe>(
    troupe: &T,
    order: &Order,
    page: &Page,
    talk: &mut Talk,
    tasks: &[Task],
    seats: Vec<T::Seat>,
) -> Findings {
    let mut seats = seats.into_iter();
    let first = seats.next().ok_or_else(|| io::Error::other("a host without roles"))?;
    let (attached, all_attached) = mpsc::channel();
    thread::scope(|scope| {
        let members: Vec<_> = tasks[1..]
            .iter()
            .zip(seats)
            .map(|(task, seat)| {
                let (control, attached) = (order.control.clone(), attached.clone());
                scope.spawn(move || {
                    let page = Page::attach(&control)?;
                    let call_off = CallOff::unless_done(&page);
                    task.cpu.map_or(Ok(()), pin::pin_this_thread)?;
                    let part = troupe.attach(seat, task)?;
                    attached.send(()).map_err(io::Error::other)?;
                    let found = troupe.follow(part, &mut Member::new(page.clone(), task.slot), task)?;
                    call_off.done();
                    Ok(found)
                })
            })
            .collect();
        drop(attached);
        let lead = || {
            let call_off = CallOff::unless_done(page);
            let part = troupe.attach(first, &tasks[0])?;
            for _ in &tasks[1..] {
                all_attached.recv().map_err(|_| io::Error::other("another thread could not attach"))?;
            }
            talk.ready_go()?;
            let found = troupe.lead(part, &mut Leader::new(page.clone(), tasks.len() as u32), &tasks[0])?;
            call_off.done();
            Ok(found)
        };
        let mut all = lead();
        for member in members {
            let followed = member.join().map_err(|_| io::Error::other("a thread panicked"))?;
            all = troupe.merge(all, followed);
        }
        all
    })
}

/// Calls the trial off when its thread ends without having finished, by an error or a panic.
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

/// One report of two, by `join` where both have one. A failed check outranks the call-off that it caused on the other
/// side.
pub(super) fn merge(led: Findings, followed: Findings, join: impl FnOnce(Report, Report) -> Findings) -> Findings {
    match (led, followed) {
        (Ok(led), Ok(followed)) => join(led, followed),
        (_, Err(Trouble::Invalid(why))) | (Err(Trouble::Invalid(why)), _) => Err(Trouble::Invalid(why)),
        (Err(led), Ok(_)) => Err(led),
        (_, Err(followed)) => Err(followed),
    }
}

/// One report of two that differ in what their own roles cost and saw.
pub(super) fn gather(led: Findings, followed: Findings) -> Findings {
    merge(led, followed, |mut led, Report { mut roles, mut holders, .. }| {
        led.roles.append(&mut roles);
        led.holders.append(&mut holders);
        Ok(led)
    })
}
