//! The parts that mechanisms are made of.
//!
//! From the bottom up: [`abort`], [`clock`], [`pin`] and [`limits`] serve one process; [`address`] says how another process
//! finds an object, and [`shm`] maps it; [`futex`] and [`wait`] put a process to sleep and wake it; [`ring`] holds the queues
//! in shared memory; [`control`] is the page through which the roles of a trial agree on their phases. The wait strategies
//! and the queues compile against the atomics of the `loom` model checker under `--cfg loom`, and are checked with it.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "ipcmark measures Linux mechanisms (futex, memfd, pidfd) and builds for Linux only, on x86-64 and aarch64"
);

pub mod abort;
pub mod address;
pub mod child;
pub mod clock;
pub mod control;
pub mod futex;
pub mod limits;
pub mod machine;
pub mod payload;
pub mod pin;
pub mod posix_mq;
pub mod ring;
pub mod shm;
pub mod sysv_msg;
pub mod sysv_sem;
pub mod sysv_shm;
pub mod wait;

pub use ipcmark_record as record;
