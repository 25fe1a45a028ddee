//! The only list of locks: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::atomics::Unlocked;
use super::in_memory::InMemory;
use super::{Visitor, atomics, futex, spin};
use crate::wait::Spin;

macro_rules! registry {
    ($($name:literal => $lock:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$lock>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "no-lock" => Unlocked<atomics::no_lock::NoLock>,
    "fetch-add" => Unlocked<atomics::fetch_add::FetchAdd>,
    "compare-swap" => Unlocked<atomics::compare_swap::CompareSwap>,

    "ttas/spin" => InMemory<spin::ttas::Ttas<Spin>>,

    "futex-mutex/park" => InMemory<futex::mutex::FutexMutex>,
}
