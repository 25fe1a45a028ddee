//! Effect of isolation: cost of the first write to shared memory, and its visibility to another process or thread.

use std::marker::PhantomData;

use super::{AnyMechanism, Mechanism, Talk};
use crate::control::Page;
use crate::isolation::{Entry, FAMILY, Sharing};
use crate::measure::first_write::first_write;
use crate::measure::{MeasureResult, Task};
use crate::protocol::Order;
use crate::record::{Case, Group, Measure, Role};
use crate::variant::{Variant, answers};

const MEASURES: &[Measure] = &[Measure::FirstWrite];

struct Row<S>(PhantomData<fn() -> S>);

impl Entry for AnyMechanism {
    fn of<S: Sharing>() -> Self {
        &Row::<S>(PhantomData)
    }
}

impl<S: Sharing> Mechanism for Row<S> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: S::SUMMARY,
            measures: MEASURES,
            ..Variant::of(FAMILY, row, Group::Processes, S::ISOLATION)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[S::ISOLATION], MEASURES)
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Processes)
    }

    /// The writer starts the other process or thread itself, on a separate CPU.
    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let task = Task::of(&order, Role::Writer, 0);
        talk.exchange(vec![])?;
        talk.ready_go()?;
        first_write::<S>(&task, &page, order.cpus.get(1).copied())
    }
}
