//! The only list of queues of work: one row per contestant, `mechanism/wait`.

use super::{Visitor, kernel, shm_mpmc, threads};
use crate::wait::{Hybrid, Park};

macro_rules! registry {
    ($($name:literal => $queue:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$queue>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "shm-mpmc/park" => shm_mpmc::ShmMpmc<Park>,
    "shm-mpmc/hybrid" => shm_mpmc::ShmMpmc<Hybrid>,

    "pipe-locked/block" => kernel::pipe_locked::PipeLocked,
    "posix-mq/block" => kernel::posix_mq::PosixMq,
    "sysv-msg/block" => kernel::sysv_msg::SysvMsg,
    "unix-seqpacket/block" => kernel::unix_seqpacket::UnixSeqpacket,

    "crossbeam-bounded/hybrid" => threads::crossbeam_bounded::CrossbeamBounded,
    "flume-bounded/park" => threads::flume::FlumeBounded,
    "mutex-condvar/park" => threads::mutex_condvar::MutexCondvar,
}
