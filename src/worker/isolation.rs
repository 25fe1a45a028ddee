//! Isolation made visible: what a write costs, and who sees it.

use std::io;

use super::Talk;
use crate::control::Page;
use crate::measure::Findings;
use crate::protocol::Order;

/// Plays the order's role.
pub(super) fn play(order: &Order, _: Page, _: &mut Talk) -> Findings {
    Err(io::Error::other(format!("this worker knows no `{}`", order.case.row())).into())
}
