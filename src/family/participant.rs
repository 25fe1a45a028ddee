//! Programs of others that speak the protocol: the harness knows their contestants, and each plays all roles itself.

use std::io;

use super::{Family, hosted};
use crate::contestant::{Contestant, RoleSpec};
use crate::record::Case;

/// The family, whatever the case's own is.
pub(super) struct Participants;

impl Family for Participants {
    fn name(&self) -> &'static str {
        "participant"
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![]
    }

    fn supports(&self, _: &Case) -> Result<(), String> {
        Ok(())
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone()
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(self.roles(case)))
    }

    fn roles(&self, case: &Case) -> u32 {
        1 + case.workers.or(case.clients).or(case.holders.map(|holders| holders - 1)).unwrap_or(1)
    }
}
