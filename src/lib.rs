//! The mechanisms by which processes on one Linux machine talk, and the one way to time each.
//!
//! Read from the bottom up: [`record`] holds the words every stage speaks; [`clock`], [`address`], [`shm`], [`futex`]
//! and [`wait`] are what mechanisms are made of; [`transport`] is one file per mechanism; [`measure`] holds the only
//! timed loops; [`worker`] is the main of every process the harness starts. Layers import downward only, which
//! `tests/layers.rs` checks.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "ipcmark measures Linux mechanisms (futex, memfd, pidfd) and builds for Linux only, on x86-64 and aarch64"
);

pub mod build_info;
pub mod concurrency;
pub mod conformance;
pub mod family;
pub mod isolation;
pub mod launch;
pub mod lock;
pub mod measure;
pub mod pool;
pub mod protocol;
pub mod queue;
pub mod server;
pub mod shared_state;
pub mod transport;
pub mod variant;
pub mod worker;

pub use ipcmark_core::{
    abort, address, child, clock, control, futex, limits, machine, payload, pin, posix_mq, record, ring, shm, sysv_msg,
    sysv_sem, sysv_shm, wait,
};
