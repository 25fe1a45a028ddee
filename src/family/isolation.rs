//! Isolation made visible: what a write costs, and who sees it.

use std::io;

use super::{Family, hosted, play, play::Talk};
use crate::control::Page;
use crate::isolation;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::{Case, Group};
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Isolations;

impl Family for Isolations {
    fn name(&self) -> &'static str {
        isolation::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        isolation::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        isolation::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        Case { group: Some(Group::Processes), ..case.clone() }
    }

    /// The other one is no worker of the harness, and has a CPU of its own.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(self.roles(case)))
    }

    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::isolation::play(&order, &page, talk)
    }
}
