//! Programs of others that speak the protocol: the harness knows their variants, and each plays all roles itself.

use std::io;

use super::{Family, hosted, play, play::Talk};
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::Case;
use crate::variant::{RoleSpec, Variant};

/// The family, whatever the case's own is.
pub(super) struct Participants;

impl Family for Participants {
    fn name(&self) -> &'static str {
        "participant"
    }

    fn variants(&self) -> Vec<Variant> {
        vec![]
    }

    /// What else it cannot do, a participant says itself.
    fn supports(&self, case: &Case) -> Result<(), String> {
        match case.params.hogs {
            Some(_) => Err("hogs stop by the control page, which other programs leave alone".to_owned()),
            None => Ok(()),
        }
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone()
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(self.roles(case)))
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
        Err(play::unknown_row(&order))
    }
}
