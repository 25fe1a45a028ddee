//! State that several processes read and write.

use std::io;

use super::{Concluded, Family, play, play::Talk};
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::measure::access;
use crate::protocol::Order;
use crate::protocol::Report;
use crate::record::{Case, Measure};
use crate::shared_state;
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct SharedStates;

impl Family for SharedStates {
    fn name(&self) -> &'static str {
        shared_state::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        shared_state::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        shared_state::supports(case)?;
        if case.measure == Measure::Access { access::supports(case) } else { Ok(()) }
    }

    fn resolved(&self, case: &Case) -> Case {
        shared_state::resolved(case)
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        shared_state::prepare(case)
    }

    fn roles(&self, case: &Case) -> u32 {
        shared_state::prepare::roles(case)
    }

    fn conclude(&self, _: &Case, reports: &[Report]) -> Concluded {
        access::conclude(reports)
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::shared_state::play(order, page, talk)
    }
}
