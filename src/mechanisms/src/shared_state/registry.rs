//! Registry of shared states: one row per variant, `mechanism/wait`.

use std::sync::{Mutex, RwLock};

use super::in_process::InProcess;
use super::{State, dash_map, locked_map, manager, manager_epoll, seqlock_cells, shards, shm_map};
use crate::raw_lock::futex::mutex::FutexMutex;
use crate::raw_lock::read_mostly::shm_rwlock::ShmRwLock;
use crate::raw_lock::spin::tas::Ttas;
use crate::variant::registry;
use crate::wait::{Hybrid, Spin};

registry! {
    <S: State>
    "manager/block" => manager::Manager,
    "manager-epoll/block" => manager_epoll::ManagerEpoll,

    "shm-map-mutex/park" => shm_map::ShmMap<FutexMutex>,
    "shm-map-rwlock/hybrid" => shm_map::ShmMap<ShmRwLock<Hybrid>>,
    "shm-map-spin/spin" => shm_map::ShmMap<Ttas<Spin>>,
    "seqlock-cells/spin" => seqlock_cells::SeqlockCells,
    "shards/spin" => shards::Shards,

    "mutex-map/hybrid" => InProcess<Mutex<locked_map::BoundedMap>>,
    "rwlock-map/hybrid" => InProcess<RwLock<locked_map::BoundedMap>>,
    "dashmap/hybrid" => InProcess<dash_map::Dash>,
}
