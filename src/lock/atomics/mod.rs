//! What the processor does without any lock: the floor under every one of them, and the proof that one is needed.

pub(super) mod compare_swap;
pub(super) mod fetch_add;
pub(super) mod no_lock;

use std::io;

use super::{Acquired, Holder};
use crate::address::Address;

/// The handle of what is no lock.
pub struct Unguarded;

impl Holder for Unguarded {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        Ok(critical(Acquired::default()))
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        Ok(Some(critical(Acquired::default())))
    }
}

/// There is no object: what is updated belongs to the measure.
fn nowhere() -> Address {
    Address::Inherited { sender: vec![], receiver: vec![] }
}
