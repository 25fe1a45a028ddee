//! The only list of locks: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::by_calls::Called;
use super::in_memory::InMemory;
use super::{Visitor, atomics, files, futex, spin, tokens};
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

    "fcntl-record/block" => Called<files::fcntl_record::FcntlRecord>,
    "flock/block" => Called<files::flock::Flock>,
    "ofd/block" => Called<files::ofd::Ofd>,
    "lock-file/busy" => Called<files::lock_file::LockFile>,
    "pipe-token/block" => Called<tokens::pipe::PipeToken>,
    "eventfd-token/block" => Called<tokens::eventfd::EventfdToken>,
}
