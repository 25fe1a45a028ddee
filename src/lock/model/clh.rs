//! The lock of the CLH queue.

use super::{check, is_caught};
use crate::lock::spin::clh::Clh;
use crate::wait::model::Yield;

#[test]
fn it_holds_in_every_order() {
    check::<Clh<Yield>>();
}

#[test]
fn a_release_that_publishes_nothing_is_caught() {
    assert!(is_caught::<Clh<Yield, false>>("clh::a_release_that_publishes_nothing_is_caught"));
}
