//! Map of round trips between the CPUs of the machine.

use std::io;

use super::{AnyMechanism, Mechanism, Talk};
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureResult, core_to_core, floors};
use crate::protocol::{Order, RoleSpec};
use crate::record::{Case, Group, Isolation, Measure};
use crate::variant::{Variant, answers};

struct CoreToCore;

pub(super) fn row() -> (&'static str, AnyMechanism) {
    (core_to_core::MECHANISM, &CoreToCore)
}

impl Mechanism for CoreToCore {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: "round trips over two cache lines between all pairs of CPUs",
            measures: &[Measure::CoreToCore],
            ..Variant::of(floors::FAMILY, row, Group::Machine, Isolation::Process)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[Isolation::Process], &[Measure::CoreToCore])?;
        core_to_core::supports(case)
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Machine)
    }

    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        core_to_core::roles()
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let link = order.links.first().ok_or_else(|| io::Error::other("a map's order comes with memory"))?;
        let mut arena = core_to_core::arena(&link.address, link.end)?;
        talk.exchange(vec![])?;
        talk.ready_go()?;
        if order.slot == 0 {
            core_to_core::lead(&mut Leader::new(page, order.slots), &mut arena, &order)
        } else {
            core_to_core::follow(&mut Member::new(page, order.slot), &mut arena)
        }
    }
}
