//! Parallel against merely concurrent: the same work of two on one CPU and on two.

use std::io;

use super::{Family, hosted};
use crate::concurrency;
use crate::contestant::{Contestant, RoleSpec};
use crate::record::Case;

/// The family.
pub(super) struct Concurrencies;

impl Family for Concurrencies {
    fn name(&self) -> &'static str {
        concurrency::FAMILY
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
