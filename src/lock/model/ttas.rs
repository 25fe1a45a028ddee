//! The lock of test-and-test-and-set.

use super::{check, is_caught};
use crate::lock::spin::ttas::Ttas;
use crate::wait::model::Yield;

#[test]
fn it_holds_in_every_order() {
    check::<Ttas<Yield>>();
}

#[test]
fn a_release_that_publishes_nothing_is_caught() {
    assert!(is_caught::<Ttas<Yield, false>>("ttas::a_release_that_publishes_nothing_is_caught"));
}
