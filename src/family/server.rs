//! One service, many clients.

use std::io;

use super::{Family, play, play::Talk};
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::Case;
use crate::server;
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Servers;

impl Family for Servers {
    fn name(&self) -> &'static str {
        server::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        server::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        server::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        server::resolved(case)
    }

    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(server::prepare())
    }

    /// The server, and those who lead its clients, however many they are.
    fn roles(&self, _: &Case) -> u32 {
        2
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::server::play(&order, page, talk)
    }
}
