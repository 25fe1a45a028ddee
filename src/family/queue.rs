//! Queues of work with bounded put and get, and a word for what is done.

use std::io;

use super::{Family, play, play::Talk};
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::queue::{self, prepare::Sides};
use crate::record::Case;
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Queues;

impl Family for Queues {
    fn name(&self) -> &'static str {
        queue::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        queue::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        queue::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        queue::resolved(case)
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        queue::prepare(case)
    }

    fn roles(&self, case: &Case) -> u32 {
        Sides::of(case).roles()
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::queue::play(&order, page, talk)
    }
}
