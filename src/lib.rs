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

pub mod abort;
pub mod address;
pub mod build_info;
pub mod child;
pub mod clock;
pub mod concurrency;
pub mod conformance;
pub mod contestant;
pub mod control;
pub mod family;
pub mod futex;
pub mod isolation;
pub mod launch;
pub mod limits;
pub mod lock;
pub mod machine;
pub mod measure;
pub mod payload;
pub mod pin;
pub mod pool;
pub mod posix_mq;
pub mod protocol;
pub mod queue;
pub mod record;
pub mod ring;
pub mod server;
pub mod shared_state;
pub mod shm;
pub mod sysv_msg;
pub mod sysv_sem;
pub mod sysv_shm;
pub mod transport;
pub mod wait;
pub mod worker;
