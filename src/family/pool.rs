//! Worker pools: ways to hand out tasks to processes and threads.

use std::io;

use super::{Family, hosted, play, play::Talk};
use crate::control::Page;
use crate::measure;
use crate::measure::MeasureResult;
use crate::pool::{self, prepare};
use crate::protocol::Order;
use crate::record::Case;
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Pools;

impl Family for Pools {
    fn name(&self) -> &'static str {
        pool::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        pool::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        measure::pool::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        pool::resolved(case)
    }

    /// The dispatcher starts the workers, which have their places on its CPUs.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(self.roles(case)))
    }

    fn roles(&self, case: &Case) -> u32 {
        if prepare::is_serial(case) { 1 } else { 1 + prepare::workers(case) }
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::pool::play(&order, page, talk)
    }
}
