//! Participants: other programs that speak the protocol. Each runs all roles itself.

use std::io;

use super::{Mechanism, Talk};
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::Case;
use crate::variant::Variant;

/// Any mechanism of another program.
pub(super) struct Participant;

impl Mechanism for Participant {
    fn variants(&self, _: &'static str) -> Vec<Variant> {
        vec![]
    }

    /// The participant itself refuses other unsupported cases.
    fn supports(&self, case: &Case) -> Result<(), String> {
        match case.params.hogs {
            Some(_) => Err("hogs stop by the control page, which other programs leave alone".to_owned()),
            None => Ok(()),
        }
    }

    fn roles(&self, case: &Case) -> u32 {
        let beside = case
            .params
            .workers
            .or(case.params.clients)
            .or(case.params.contenders.map(|holders| holders.saturating_sub(1)));
        let sides = case.params.pattern.map(crate::record::Pattern::roles);
        beside.map(|others| 1 + others).or(sides).unwrap_or(2)
    }

    fn play(&self, order: Order, _: Page, _: &mut Talk) -> MeasureResult {
        Err(io::Error::other(format!("`{}` is played by another program", order.case.row())).into())
    }
}
