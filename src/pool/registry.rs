//! The only list of pools: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::{Visitor, serial, shm_queue};
use crate::wait::{Hybrid, Park, Spin, SpinYield};

macro_rules! registry {
    ($($name:literal => $pool:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$pool>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "serial" => serial::Serial,

    "shm-queue/spin" => shm_queue::ShmQueue<Spin>,
    "shm-queue/spin-yield" => shm_queue::ShmQueue<SpinYield>,
    "shm-queue/hybrid" => shm_queue::ShmQueue<Hybrid>,
    "shm-queue/park" => shm_queue::ShmQueue<Park>,
}
