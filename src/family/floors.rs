//! Floors of the machine. Every run measures them first; plans and `ipcmark list` do not name them.

use std::io;

use super::{Mechanism, Mechanisms, Talk, core_to_core};
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureResult, floors};
use crate::protocol::Order;
use crate::protocol::RoleSpec;
use crate::record::Case;
use crate::variant::Variant;

struct Floors;

pub(super) fn rows() -> Mechanisms {
    vec![(floors::MECHANISM, &Floors), core_to_core::row()]
}

impl Mechanism for Floors {
    fn variants(&self, _: &'static str) -> Vec<Variant> {
        vec![]
    }

    fn supports(&self, _: &Case) -> Result<(), String> {
        Ok(())
    }

    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        floors::roles()
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let link = order.links.first().ok_or_else(|| io::Error::other("a floors order comes with memory"))?;
        let mut arena = floors::arena(&link.address, link.end)?;
        talk.exchange(vec![])?;
        talk.ready_go()?;
        if order.slot == 0 {
            floors::lead(&mut Leader::new(page, order.slots), &mut arena, order.case.placement)
        } else {
            floors::follow(&mut Member::new(page, order.slot), &mut arena, order.cpus.first().copied())
        }
    }
}
