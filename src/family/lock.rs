//! Locks between processes.

use std::io;

use super::{Concluded, Family};
use crate::address::End;
use crate::lock;
use crate::measure::locks::{self, Ledger};
use crate::protocol::{Link, Report};
use crate::record::{Anatomy, Case};
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Locks;

impl Family for Locks {
    fn name(&self) -> &'static str {
        lock::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        lock::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        lock::supports(case)?;
        locks::supports(case, lock::prepare::guard(case))
    }

    fn resolved(&self, case: &Case) -> Case {
        lock::resolved(case)
    }

    /// The holders of a lock share what it protects, too.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        let mut roles = lock::prepare(case)?;
        let ledger = Ledger::create()?;
        for role in roles.iter_mut().filter(|role| role.role == lock::prepare::ROLE) {
            role.links.push(Link { channel: locks::CHANNEL, end: End::Sender, address: ledger.only(End::Sender) });
        }
        Ok(roles)
    }

    fn roles(&self, case: &Case) -> u32 {
        lock::prepare::holders(case)
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn conclude(&self, case: &Case, reports: &[Report]) -> Concluded {
        lock::prepare::guard(case).map_or_else(Concluded::default, |guard| locks::conclude(reports, guard))
    }

    fn anatomy(&self, case: &Case) -> Option<Anatomy> {
        lock::anatomy(case)
    }
}
