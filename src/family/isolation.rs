//! Isolation made visible: what a write costs, and who sees it.

use std::io;

use super::{Family, hosted};
use crate::contestant::{Contestant, RoleSpec};
use crate::isolation;
use crate::record::Case;

/// The family.
pub(super) struct Isolations;

impl Family for Isolations {
    fn name(&self) -> &'static str {
        isolation::FAMILY
    }

    fn contestants(&self) -> Vec<Contestant> {
        vec![]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        Err(format!("there is no `{}`; `ipcmark list` names them all", case.row()))
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone()
    }

    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(hosted(1))
    }

    fn roles(&self, _: &Case) -> u32 {
        1
    }
}
