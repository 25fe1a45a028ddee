//! One of two who have memory in common, or each a copy of it; it starts the other one itself.

use std::io;

use super::Talk;
use crate::control::Page;
use crate::isolation::{Sharing, Visitor, visit};
use crate::measure::first_write::first_write;
use crate::measure::{MeasureResult, Task};
use crate::protocol::Order;

/// Plays the order's role.
pub(in crate::family) fn play(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, "writer", 0);
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let unknown = || Err(io::Error::other(format!("this worker knows no `{}`", task.case.row())).into());
    visit(&task.case.row(), Writer { task: &task, page, other_cpu: order.cpus.get(1).copied() }).unwrap_or_else(unknown)
}

struct Writer<'a> {
    task: &'a Task,
    page: &'a Page,
    other_cpu: Option<u32>,
}

impl Visitor for Writer<'_> {
    type Output = MeasureResult;

    fn visit<S: Sharing>(self) -> MeasureResult {
        first_write::<S>(self.task, self.page, self.other_cpu)
    }
}
