//! Registry of work queues: one row per variant, `mechanism/wait`.

use super::{WorkQueue, kernel, shm_mpmc, threads};
use crate::variant::registry;
use crate::wait::{Hybrid, Park};

registry! {
    <Q: WorkQueue>
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
