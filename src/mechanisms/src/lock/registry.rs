//! List of all locks: one row per variant, `mechanism/wait` (or `mechanism` where no contender ever waits).

use super::atomics::Unlocked;
use super::by_calls::Called;
use super::in_memory::InMemory;
use super::pthread::mutex::Mutex;
use super::pthread::rwlock::{ReadersFirst, RwLock, WritersFirst};
use super::threads::InProcess;
use super::{Lock, atomics, files, pthread, semaphores, threads, tokens};
use crate::raw_lock::{futex, read_mostly, spin};
use crate::variant::registry;
use crate::wait::{Hybrid, Park, Spin, SpinYield};

registry! {
    <L: Lock>
    "no-lock" => Unlocked<atomics::NoLock>,
    "fetch-add" => Unlocked<atomics::FetchAdd>,
    "compare-swap" => Unlocked<atomics::CompareSwap>,

    "tas/spin" => InMemory<spin::tas::Tas<Spin>>,
    "ttas/spin" => InMemory<spin::tas::Ttas<Spin>>,
    "ttas/spin-yield" => InMemory<spin::tas::Ttas<SpinYield>>,
    "ttas-backoff/spin" => InMemory<spin::tas::TtasBackoff<Spin>>,
    "ticket/spin" => InMemory<spin::ticket::Ticket<Spin>>,
    "ticket/spin-yield" => InMemory<spin::ticket::Ticket<SpinYield>>,
    "ticket-proportional/spin" => InMemory<spin::ticket::TicketProportional<Spin>>,
    "mcs/spin" => InMemory<spin::mcs::Mcs<Spin>>,
    "mcs/spin-yield" => InMemory<spin::mcs::Mcs<SpinYield>>,
    "clh/spin" => InMemory<spin::clh::Clh<Spin>>,

    "futex-mutex/park" => InMemory<futex::mutex::FutexMutex>,
    "futex-adaptive/hybrid" => InMemory<futex::adaptive::FutexAdaptive<4, true>>,
    "futex-adaptive-100/hybrid" => InMemory<futex::adaptive::FutexAdaptive<100, false>>,
    "futex-adaptive-1000/hybrid" => InMemory<futex::adaptive::FutexAdaptive<1000, false>>,
    "futex-fair/hybrid" => InMemory<futex::fair::FutexFair<500_000>>,
    "futex-handoff/park" => InMemory<futex::handoff::FutexHandoff>,

    "pthread-normal/block" => Mutex<pthread::kinds::Normal>,
    "pthread-adaptive/hybrid" => Mutex<pthread::kinds::Adaptive>,
    "pthread-robust/block" => Mutex<pthread::kinds::Robust>,
    "pthread-pi/block" => Mutex<pthread::kinds::Pi>,
    "pthread-robust-pi/block" => Mutex<pthread::kinds::RobustPi>,
    "pthread-errorcheck/block" => Mutex<pthread::kinds::Errorcheck>,
    "pthread-recursive/block" => Mutex<pthread::kinds::Recursive>,
    "pthread-rwlock-readers/block" => RwLock<ReadersFirst>,
    "pthread-rwlock-writers/block" => RwLock<WritersFirst>,

    "posix-sem/block" => semaphores::posix::PosixSem,
    "posix-sem-named/block" => semaphores::posix::PosixSemNamed,
    "sysv-sem/block" => semaphores::sysv::SysvSem,
    "sysv-sem-undo/block" => semaphores::sysv::SysvSemUndo,

    "std-mutex/hybrid" => InProcess<threads::StdMutex>,
    "parking-lot/hybrid" => InProcess<threads::ParkingLot>,
    "std-rwlock/hybrid" => InProcess<threads::StdRwLock>,
    "parking-lot-rwlock/hybrid" => InProcess<threads::ParkingLotRwLock>,

    "fcntl-record/block" => Called<files::fcntl_record::FcntlRecord>,
    "flock/block" => Called<files::flock::Flock>,
    "ofd/block" => Called<files::ofd::Ofd>,
    "lock-file/busy" => Called<files::lock_file::LockFile>,
    "pipe-token/block" => Called<tokens::pipe::PipeToken>,
    "eventfd-token/block" => Called<tokens::eventfd::EventfdToken>,

    "shm-rwlock/spin" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Spin>>,
    "shm-rwlock/hybrid" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Hybrid>>,
    "shm-rwlock/park" => InMemory<read_mostly::shm_rwlock::ShmRwLock<Park>>,
    "shm-rwlock-phase-fair/spin" => InMemory<read_mostly::phase_fair::PhaseFair<Spin>>,
    "seqlock/spin" => InMemory<read_mostly::seqlock::Seqlock<Spin>>,
    "double-buffer/spin" => InMemory<read_mostly::double_buffer::DoubleBuffer<Spin>>,
}
