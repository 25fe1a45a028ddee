//! The only list of locks: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::in_memory::InMemory;
use super::read_mostly;
use super::{Visitor, atomics, futex, spin};
use crate::wait::Spin;
use crate::wait::{Hybrid, Park};

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

    "shm-rwlock/spin" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Spin>>,
    "shm-rwlock/hybrid" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Hybrid>>,
    "shm-rwlock/park" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Park>>,
    "shm-rwlock-phase-fair/spin" => InMemory<read_mostly::phase_fair::PhaseFair<Spin>>,
    "seqlock/spin" => InMemory<read_mostly::seqlock::Seqlock<Spin>>,
    "double-buffer/spin" => InMemory<read_mostly::double_buffer::DoubleBuffer<Spin>>,
}
