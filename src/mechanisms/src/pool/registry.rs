//! Registry of pools: one row per variant, `mechanism/wait`, or `mechanism` if it never waits.

use super::{
    Pool, crossbeam_pool, descriptor_each, fork_per_task, ipc_channel, ipc_channel_router, mutex_mpsc_pool,
    pipe_shared, rayon_spawn, serial, shm_each, shm_queue, thread_per_task,
};
use crate::variant::registry;
use crate::wait::{Hybrid, Park, Spin, SpinYield};

registry! {
    <P: Pool>
    "serial" => serial::Serial,

    "shm-queue/spin" => shm_queue::ShmQueue<Spin>,
    "shm-queue/spin-yield" => shm_queue::ShmQueue<SpinYield>,
    "shm-queue/hybrid" => shm_queue::ShmQueue<Hybrid>,
    "shm-queue/park" => shm_queue::ShmQueue<Park>,
    "shm-queue-recycled/hybrid" => shm_queue::ShmQueue<Hybrid, 100>,

    "shm-each/eventfd" => shm_each::ShmEach,

    "pipe-shared/block" => pipe_shared::PipeShared,
    "pipe-each/block" => descriptor_each::kinds::PipeEach,
    "socketpair-each/block" => descriptor_each::kinds::SocketpairEach,
    "seqpacket-each/block" => descriptor_each::kinds::SeqpacketEach,

    "ipc-channel/block" => ipc_channel::IpcChannel,
    "ipc-channel-router/block" => ipc_channel_router::IpcChannelRouter,

    "fork-per-task/block" => fork_per_task::ForkPerTask,

    "crossbeam-pool/hybrid" => crossbeam_pool::CrossbeamPool,
    "mutex-mpsc-pool/park" => mutex_mpsc_pool::MutexMpscPool,
    "rayon-spawn/hybrid" => rayon_spawn::RayonSpawn,
    "thread-per-task/park" => thread_per_task::ThreadPerTask,
}
