//! Mechanisms that start, watch and collect processes or threads. The parent is the only worker of the harness.

use std::io;
use std::marker::PhantomData;

use super::{AnyMechanism, Mechanism, Mechanisms, Talk, unasked};
use crate::conformance;
use crate::control::Page;
use crate::launch::watch::{self, Watch, ending};
use crate::launch::{self, FAMILY, Launch, Program};
use crate::measure::launch::{start_up, start_up_bare, started, watch_ends};
use crate::measure::{MeasureError, MeasureResult, Task};
use crate::protocol::Order;
use crate::record::{Case, Group, Isolation, Measure, Placement, Role};
use crate::variant::{Variant, answers};

/// First argument of a child program.
pub(crate) const STARTED_ARGUMENT: &str = "worker-child";

/// Main function of a child program.
pub(crate) fn run_started() -> u8 {
    use std::os::fd::AsFd;
    started::live(io::stdin().as_fd(), io::stdout().as_fd())
}

/// Reference row: a plain loop of posix_spawn and waitpid without this suite's code.
const BARE: &str = "posix-spawn-bare";
const MEASURES: &[Measure] = &[Measure::StartUp, Measure::Conformance];

struct Row<L>(PhantomData<fn() -> L>);
struct Bare;
struct Watcher<W>(PhantomData<fn() -> W>);

impl launch::Entry for AnyMechanism {
    fn of<L: Launch>() -> Self {
        &Row::<L>(PhantomData)
    }
}

impl watch::Entry for AnyMechanism {
    fn of<W: Watch>() -> Self {
        &Watcher::<W>(PhantomData)
    }
}

pub(super) fn rows() -> Mechanisms {
    let bare: (_, AnyMechanism) = (BARE, &Bare);
    launch::rows().into_iter().chain([bare]).chain(watch::rows()).collect()
}

impl<L: Launch> Mechanism for Row<L> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: L::SUMMARY,
            measures: MEASURES,
            unavailable: L::unavailable(),
            ..Variant::of(FAMILY, row, Group::Processes, L::ISOLATION)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[L::ISOLATION], MEASURES)?;
        shares_cpus(case)
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Processes)
    }

    /// The child shares the CPUs of its parent.
    fn roles(&self, _: &Case) -> u32 {
        1
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let task = parent(&order, talk)?;
        match task.case.measure {
            Measure::StartUp => start_up::<L>(&program(), &task, &page),
            Measure::Conformance => conformance::launch::examine::<L>(&program(), &page),
            _ => Err(unasked(&task.case)),
        }
    }
}

impl Mechanism for Bare {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: "a plain posix_spawn and waitpid loop, for comparison",
            measures: &[Measure::StartUp],
            ..Variant::of(FAMILY, row, Group::Processes, Isolation::Process)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[Isolation::Process], &[Measure::StartUp])?;
        shares_cpus(case)?;
        if case.params.batch.is_some_and(|many| many > 1) {
            return Err(format!("`{BARE}` is a loop of one process at a time; `posix-spawn` starts several"));
        }
        Ok(())
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Processes)
    }

    fn roles(&self, _: &Case) -> u32 {
        1
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        start_up_bare(&program(), &parent(&order, talk)?, &page)
    }
}

impl<W: Watch> Mechanism for Watcher<W> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: W::SUMMARY,
            measures: &[Measure::Watch],
            unavailable: W::unavailable(),
            ..Variant::of(FAMILY, row, Group::Processes, W::ISOLATION)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[W::ISOLATION], &[Measure::Watch])?;
        let ending = ending(case);
        if !W::ENDINGS.contains(&ending) {
            let known: Vec<&str> = W::ENDINGS.iter().map(|ending| ending.word()).collect();
            let (row, known) = (case.row(), known.join(", "));
            return Err(format!("`{row}` cannot be asked for the ending `{ending}`, only for {known}"));
        }
        Ok(())
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Processes)
    }

    /// The watched process has a separate CPU.
    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        watch_ends::<W>(&parent(&order, talk)?, &page, order.cpus.get(1).copied())
    }
}

/// Errors: the placement gives parent and child separate CPUs.
fn shares_cpus(case: &Case) -> Result<(), String> {
    if case.measure == Measure::StartUp && !matches!(case.placement, Placement::Unpinned | Placement::SameCpu) {
        return Err(format!(
            "a started process may use the CPUs of its parent: that is `unpinned` or `same_cpu`, never `{}`",
            case.placement
        ));
    }
    Ok(())
}

/// Waits for `go` and returns the parent's task.
fn parent(order: &Order, talk: &mut Talk) -> Result<Task, MeasureError> {
    talk.exchange(vec![])?;
    talk.ready_go()?;
    Ok(Task::of(order, Role::Parent, 0))
}

/// This program, with the argument that makes it a child.
fn program() -> Program {
    Program {
        exe: c"/proc/self/exe".into(),
        args: vec![c"ipcmark".into(), c"worker-child".into()],
        entry: started::live,
    }
}
