//! Ways to start, watch and end a process.

use std::io;

use super::{Family, hosted, play, play::Talk};
use crate::control::Page;
use crate::launch;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::{Case, Group};
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Launches;

impl Family for Launches {
    fn name(&self) -> &'static str {
        launch::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        launch::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        launch::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        Case { group: Some(Group::Processes), ..case.clone() }
    }

    /// One worker plays the parent; what it starts is no worker of the harness.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(launch::prepare::roles(case)))
    }

    fn roles(&self, case: &Case) -> u32 {
        launch::prepare::roles(case)
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::launch::play(&order, &page, talk)
    }
}
