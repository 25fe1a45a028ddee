//! The MCS queue.

use super::{check, is_caught};
use crate::lock::spin::mcs::Mcs;
use crate::wait::model::Yield;

#[test]
fn it_holds_in_every_order() {
    check::<Mcs<Yield>>();
}

#[test]
fn a_release_that_publishes_nothing_is_caught() {
    assert!(is_caught::<Mcs<Yield, false>>("mcs::a_release_that_publishes_nothing_is_caught"));
}

#[test]
fn an_owner_who_does_not_wait_for_the_link_is_caught() {
    assert!(is_caught::<Mcs<Yield, true, false>>("mcs::an_owner_who_does_not_wait_for_the_link_is_caught"));
}
