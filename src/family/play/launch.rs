//! The parent of those who are started, and what a started program does.

use std::io;

use super::Talk;
use crate::conformance;
use crate::control::Page;
use crate::launch::watch::{self, Watch};
use crate::launch::{self, Launch, Program, Visitor};
use crate::measure::launch::{newborn, start_up, start_up_bare, watch_ends};
use crate::measure::{MeasureResult, Task};
use crate::protocol::Order;
use crate::record::Measure;

/// First word of a newborn program's arguments.
pub(crate) const NEWBORN_ARGUMENT: &str = "worker-child";

/// The main of a newborn program.
pub(crate) fn be_newborn() -> u8 {
    use std::os::fd::AsFd;
    newborn::live(io::stdin().as_fd(), io::stdout().as_fd())
}

/// Plays the order's role.
pub(in crate::family) fn play(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, "parent", 0);
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let program = program();
    let unknown = || Err(io::Error::other(format!("this worker knows no `{}`", task.case.row())).into());
    match task.case.measure {
        Measure::StartUp if task.case.mechanism == launch::prepare::BARE => start_up_bare(&program, &task, page),
        Measure::Watch => {
            let child_cpu = order.cpus.get(1).copied();
            watch::visit(&task.case.row(), Watcher { task: &task, page, child_cpu }).unwrap_or_else(unknown)
        }
        _ => launch::visit(&task.case.row(), Parent { program: &program, task: &task, page }).unwrap_or_else(unknown),
    }
}

/// This very program, which is told by its arguments that it is newborn.
fn program() -> Program {
    Program {
        exe: c"/proc/self/exe".into(),
        args: vec![c"ipcmark".into(), c"worker-child".into()],
        entry: newborn::live,
    }
}

/// Plays the parent with a way's type at hand.
struct Parent<'a> {
    program: &'a Program,
    task: &'a Task,
    page: &'a Page,
}

impl Visitor for Parent<'_> {
    type Output = MeasureResult;

    fn visit<L: Launch>(self) -> MeasureResult {
        let Self { program, task, page } = self;
        match task.case.measure {
            Measure::StartUp => start_up::<L>(program, task, page),
            Measure::Conformance => conformance::launch::examine::<L>(program, page),
            other => Err(io::Error::other(format!("no way to start somebody can be asked for `{other}`")).into()),
        }
    }
}

/// Plays the parent who watches, with a way's type at hand.
struct Watcher<'a> {
    task: &'a Task,
    page: &'a Page,
    child_cpu: Option<u32>,
}

impl watch::Visitor for Watcher<'_> {
    type Output = MeasureResult;

    fn visit<W: Watch>(self) -> MeasureResult {
        watch_ends::<W>(self.task, self.page, self.child_cpu)
    }
}
