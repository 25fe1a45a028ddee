//! Ways to start, watch and end a process.

use std::io;

use super::{Family, hosted};
use crate::contestant::{Contestant, RoleSpec};
use crate::launch;
use crate::record::Case;

/// The family.
pub(super) struct Launches;

impl Family for Launches {
    fn name(&self) -> &'static str {
        launch::FAMILY
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
