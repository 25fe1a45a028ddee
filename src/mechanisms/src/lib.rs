//! The mechanisms that [ipcmark](https://docs.rs/ipcmark) measures, a module for each family. Each mechanism is one file
//! and one row of its family's `registry.rs`.
//!
//! | module | content |
//! |---|---|
//! | [`transport`] | channels of byte messages: pipes, sockets, kernel queues, shared memory, libraries, channels between threads |
//! | [`lock`] | locks: spin, futex, pthread, semaphores, files, read-mostly |
//! | [`pool`], [`queue`], [`server`], [`shared_state`] | distribution of tasks, bounded queues, request and response, state that several processes use |
//! | [`launch`], [`isolation`], [`concurrency`] | starting processes, memory after a fork, two workers in parallel |
//! | [`variant`] | what a family says about a row |

pub mod concurrency;
pub mod isolation;
pub mod launch;
pub mod lock;
pub mod pool;
pub mod queue;
pub mod server;
pub mod shared_state;
pub mod transport;
pub mod variant;

use ipcmark_core::{
    abort, address, child, clock, control, futex, limits, payload, pin, posix_mq, raw_lock, record, ring, shm,
    sysv_msg, sysv_sem, unfinished, wait,
};
