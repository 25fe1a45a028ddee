//! The worker of a set-up: one process that makes the object again and again and plays both ends of it, a thread each.

use std::io;
use std::thread;

use super::Talk;
use super::host::{CallOff, merge};
use crate::address;
use crate::control::{Leader, Member, Page};
use crate::measure::set_up::{self, Desk};
use crate::measure::{Findings, Task};
use crate::pin;
use crate::protocol::Order;
use crate::transport::Transport;

pub(super) fn both_ends<T: Transport>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    address::lease_as_worker(&order.run_id)?;
    let [first, second] = [("sender", 0), ("receiver", 1)].map(|(role, index)| Task::of(order, role, index));
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let desk = Desk::default();
    thread::scope(|scope| {
        let (control, desk) = (&order.control, &desk);
        let member = scope.spawn(move || {
            let page = Page::attach(control)?;
            let call_off = CallOff::unless_done(&page);
            second.cpu.map_or(Ok(()), pin::pin_this_thread)?;
            let found = set_up::follow::<T>(&mut Member::new(page.clone(), 1), &second, desk)?;
            call_off.done();
            Ok(found)
        });
        let led = lead::<T>(page, &first, desk);
        let followed = member.join().map_err(|_| io::Error::other("the second thread panicked"))?;
        merge(led, followed, true)
    })
}

fn lead<T: Transport>(page: &Page, task: &Task, desk: &Desk) -> Findings {
    let call_off = CallOff::unless_done(page);
    let found = set_up::lead::<T>(&mut Leader::new(page.clone(), 2), task, desk)?;
    call_off.done();
    Ok(found)
}
