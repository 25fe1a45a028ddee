//! Optimistic update: read, compute, compare and swap, repeated when another update came first. One contender always
//! succeeds (lock-free); the failed attempts of the others are counted. Source: Herlihy, Wait-Free Synchronization,
//! 1991.

use super::Update;
use crate::lock::{Cost, Guard};

/// The update.
pub struct CompareSwap;

impl Update for CompareSwap {
    const SUMMARY: &'static str = "read, compute, compare-and-swap, again if somebody came first";
    const GUARD: Guard = Guard::Retry;

    fn cost() -> Cost {
        super::one_instruction()
    }
}
