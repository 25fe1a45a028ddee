//! What the machine itself can do. Every run measures it first; no plan asks for it.

use std::io;

use super::{Family, play, play::Talk};
use crate::control::Page;
use crate::measure::{MeasureResult, floors};
use crate::protocol::Order;
use crate::record::Case;
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Floors;

impl Family for Floors {
    fn name(&self) -> &'static str {
        floors::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        vec![]
    }

    fn supports(&self, _: &Case) -> Result<(), String> {
        Ok(())
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone()
    }

    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        floors::roles()
    }

    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::floors(&order, page, talk)
    }
}
