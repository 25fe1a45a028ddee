//! The lock of tickets.

use super::{check, is_caught};
use crate::lock::spin::ticket::Ticket;
use crate::wait::model::Yield;

#[test]
fn it_holds_in_every_order() {
    check::<Ticket<Yield>>();
}

#[test]
fn a_release_that_publishes_nothing_is_caught() {
    assert!(is_caught::<Ticket<Yield, false>>("ticket::a_release_that_publishes_nothing_is_caught"));
}
