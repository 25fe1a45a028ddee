//! The worker of a set-up: one process that makes the object again and again and plays both ends of it, a thread each.

use std::io;
use std::marker::PhantomData;

use super::Talk;
use super::host::both;
use super::threads::{self, Troupe};
use crate::address;
use crate::control::{Leader, Member, Page};
use crate::measure::set_up::{self, Desk};
use crate::measure::{Findings, Task};
use crate::protocol::Order;
use crate::transport::Transport;

pub(super) fn both_ends<T: Transport>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    address::lease_as_worker(&order.run_id)?;
    let tasks = [("sender", 0), ("receiver", 1)].map(|(role, index)| Task::of(order, role, index));
    talk.exchange(vec![])?;
    let makers = Makers::<T> { desk: Desk::default(), transport: PhantomData };
    threads::play(&makers, order, page, talk, &tasks, vec![(), ()])
}

/// Two threads that hand each other what they make.
struct Makers<T> {
    desk: Desk,
    transport: PhantomData<fn() -> T>,
}

impl<T: Transport> Troupe for Makers<T> {
    type Seat = ();
    type Part = ();

    fn attach(&self, (): (), _: &Task) -> io::Result<()> {
        Ok(())
    }

    fn lead(&self, (): (), leader: &mut Leader, task: &Task) -> Findings {
        set_up::lead::<T>(leader, task, &self.desk)
    }

    fn follow(&self, (): (), member: &mut Member, task: &Task) -> Findings {
        set_up::follow::<T>(member, task, &self.desk)
    }

    fn merge(&self, led: Findings, followed: Findings) -> Findings {
        threads::merge(led, followed, |led, followed| both(led, followed, true))
    }
}
