//! ipcmark measures how processes on one Linux machine exchange messages, exclude each other, share state and start each
//! other: over 170 mechanisms, each timed by the same loops, with every message checked.
//!
//! This crate contains the measures and re-exports the mechanisms of [`ipcmark_mechanisms`]. The program that plans, runs
//! and records trials is `ipcmark-harness`; the building blocks, such as rings and wait strategies, are in
//! [`ipcmark_core`].
//!
//! | module | content |
//! |---|---|
//! | [`transport`] | channels of byte messages: pipes, sockets, kernel queues, shared memory, libraries, channels between threads |
//! | [`lock`] | locks: spin, futex, pthread, semaphores, files, read-mostly |
//! | [`pool`], [`queue`], [`server`], [`shared_state`] | distribution of tasks, bounded queues, request and response, state that several processes use |
//! | [`launch`], [`isolation`], [`concurrency`] | starting processes, memory after a fork, two workers in parallel |
//! | [`measure`] | the timed loops |
//! | [`conformance`] | what each mechanism of a family must do correctly |
//! | [`family`] | access to all families by name: list, support, cost, roles |
//! | [`protocol`], [`worker`] | messages between harness and worker; the main function of a worker |
//! | [`record`] | cases, results and machine facts as plain data |
//!
//! Layers import downward only; `tests/layers.rs` checks that. To add a transport or a lock of your own to the list, see
//! [`family::add_transport`] and the files in `examples/`.
//!
//! ```
//! use ipcmark::family;
//!
//! let variants = family::variants();
//! let locks = variants.iter().filter(|variant| variant.family == "lock");
//! assert!(locks.count() > 20);
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!(
    "ipcmark measures Linux mechanisms (futex, memfd, pidfd) and builds for Linux only, on x86-64 and aarch64"
);

pub mod build_info;
pub mod conformance;
pub mod family;
pub mod measure;
pub mod protocol;
pub mod worker;

pub use ipcmark_core::{
    abort, address, child, clock, control, futex, limits, machine, payload, pin, posix_mq, raw_lock, record, ring, shm,
    sysv_msg, sysv_sem, sysv_shm, unfinished, wait,
};
pub use ipcmark_mechanisms::{
    concurrency, isolation, launch, lock, pool, queue, server, shared_state, transport, variant,
};
