//! The only list of locks: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::in_memory::InMemory;
use super::{Visitor, atomics, futex, spin};
use crate::wait::{Spin, SpinYield};

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

    "tas/spin" => InMemory<spin::tas::Tas<Spin>>,
    "ttas/spin" => InMemory<spin::ttas::Ttas<Spin>>,
    "ttas/spin-yield" => InMemory<spin::ttas::Ttas<SpinYield>>,
    "ttas-backoff/spin" => InMemory<spin::ttas_backoff::TtasBackoff<Spin>>,
    "ticket/spin" => InMemory<spin::ticket::Ticket<Spin>>,
    "ticket/spin-yield" => InMemory<spin::ticket::Ticket<SpinYield>>,
    "ticket-proportional/spin" => InMemory<spin::ticket_proportional::TicketProportional<Spin>>,
    "mcs/spin" => InMemory<spin::mcs::Mcs<Spin>>,
    "mcs/spin-yield" => InMemory<spin::mcs::Mcs<SpinYield>>,
    "clh/spin" => InMemory<spin::clh::Clh<Spin>>,

    "futex-mutex/park" => InMemory<futex::mutex::FutexMutex>,
}
