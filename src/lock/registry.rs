//! The only list of locks: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

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
    "no-lock" => atomics::no_lock::NoLock,
    "fetch-add" => atomics::fetch_add::FetchAdd,
    "compare-swap" => atomics::compare_swap::CompareSwap,

    "ttas/spin" => InMemory<spin::ttas::Ttas<Spin>>,

    "futex-mutex/park" => InMemory<futex::mutex::FutexMutex>,
    "futex-adaptive/hybrid" => InMemory<futex::adaptive::FutexAdaptive<4, 100>>,
    "futex-adaptive-100/hybrid" => InMemory<futex::adaptive::FutexAdaptive<100, 1>>,
    "futex-adaptive-1000/hybrid" => InMemory<futex::adaptive::FutexAdaptive<1000, 1>>,
    "futex-fair/hybrid" => InMemory<futex::fair::FutexFair<500_000>>,
    "futex-handoff/park" => InMemory<futex::handoff::FutexHandoff>,
}
