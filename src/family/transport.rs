//! Channels of byte messages.

use std::io;

use super::Family;
use crate::record::{Anatomy, Case};
use crate::variant::{RoleSpec, Variant};
use crate::{measure, transport};

/// The family.
pub(super) struct Transports;

impl Family for Transports {
    fn name(&self) -> &'static str {
        transport::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        transport::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        transport::supports(case)?;
        transport::delivery(case).map_or(Ok(()), |delivery| measure::supports(case, delivery))
    }

    fn resolved(&self, case: &Case) -> Case {
        transport::resolved(case)
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        transport::prepare(case)
    }

    fn roles(&self, case: &Case) -> u32 {
        transport::Cast::of(case).roles()
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn counts_agree(&self, case: &Case) -> bool {
        transport::Cast::of(case).is_pair()
    }

    fn turn(&self, case: &Case, slot: u32) -> u32 {
        transport::Cast::of(case).turn(slot)
    }

    fn anatomy(&self, case: &Case) -> Option<Anatomy> {
        transport::anatomy(case)
    }
}
