//! The only list of locks: one row per variant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::atomics::Unlocked;
use super::by_calls::Called;
use super::in_memory::InMemory;
use super::pthread::mutex::Mutex;
use super::pthread::rwlock::{ReadersFirst, RwLock, WritersFirst};
use super::threads::InProcess;
use super::{Operations, Visitor, atomics, files, futex, pthread, read_mostly, semaphores, spin, threads, tokens};
use crate::variant::registry;
use crate::wait::{Hybrid, Park, Spin, SpinYield};

registry! {
    Operations:
    "no-lock" => Unlocked<atomics::no_lock::NoLock>,
    "fetch-add" => Unlocked<atomics::fetch_add::FetchAdd>,
    "compare-swap" => Unlocked<atomics::compare_swap::CompareSwap>,

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
    "futex-adaptive/hybrid" => InMemory<futex::adaptive::FutexAdaptive<4, 100>>,
    "futex-adaptive-100/hybrid" => InMemory<futex::adaptive::FutexAdaptive<100, 1>>,
    "futex-adaptive-1000/hybrid" => InMemory<futex::adaptive::FutexAdaptive<1000, 1>>,
    "futex-fair/hybrid" => InMemory<futex::fair::FutexFair<500_000>>,
    "futex-handoff/park" => InMemory<futex::handoff::FutexHandoff>,

    "pthread-normal/block" => Mutex<pthread::normal::Normal>,
    "pthread-adaptive/hybrid" => Mutex<pthread::adaptive::Adaptive>,
    "pthread-robust/block" => Mutex<pthread::robust::Robust>,
    "pthread-pi/block" => Mutex<pthread::pi::Pi>,
    "pthread-robust-pi/block" => Mutex<pthread::robust_pi::RobustPi>,
    "pthread-errorcheck/block" => Mutex<pthread::errorcheck::Errorcheck>,
    "pthread-recursive/block" => Mutex<pthread::recursive::Recursive>,
    "pthread-rwlock-readers/block" => RwLock<ReadersFirst>,
    "pthread-rwlock-writers/block" => RwLock<WritersFirst>,

    "posix-sem/block" => semaphores::posix::PosixSem,
    "posix-sem-named/block" => semaphores::posix_named::PosixSemNamed,
    "sysv-sem/block" => semaphores::sysv::SysvSem,
    "sysv-sem-undo/block" => semaphores::sysv_undo::SysvSemUndo,

    "std-mutex/hybrid" => InProcess<threads::std_mutex::StdMutex>,
    "parking-lot/hybrid" => InProcess<threads::parking_lot_mutex::ParkingLot>,
    "std-rwlock/hybrid" => InProcess<threads::std_rwlock::StdRwLock>,
    "parking-lot-rwlock/hybrid" => InProcess<threads::parking_lot_rwlock::ParkingLotRwLock>,

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
