//! One service, many clients.

use std::io;

use super::{Family, hosted};
use crate::contestant::{Contestant, RoleSpec};
use crate::record::Case;
use crate::server;

/// The family.
pub(super) struct Servers;

impl Family for Servers {
    fn name(&self) -> &'static str {
        server::FAMILY
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
