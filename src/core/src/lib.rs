//! Building blocks of the IPC mechanisms that [ipcmark](https://docs.rs/ipcmark) measures: queues and locks
//! in shared memory, wait strategies, shared memory segments, clocks.
//!
//! | module | content |
//! |---|---|
//! | [`ring`] | queues in shared memory: rings by the number of producers and consumers, a byte ring, a mailbox, a seqlock |
//! | [`raw_lock`], [`unfinished`] | locks made of words in shared memory; the count behind `task_done` and `join` |
//! | [`wait`] | what an endpoint does while it waits: spin, yield, park, or both; for one waiter or for many |
//! | [`shm`], [`address`] | segments on interchangeable substrates, and how another process finds them |
//! | [`futex`], [`posix_mq`], [`sysv_msg`], [`sysv_sem`], [`sysv_shm`] | system calls that other crates lack |
//! | [`control`], [`abort`] | how the processes of a trial start, agree on a count and stop |
//! | [`clock`], [`pin`], [`machine`], [`limits`], [`child`], [`payload`] | time, CPUs, facts about the machine, child processes, verifiable messages |
//!
//! A queue runs between two processes as follows: create a segment, let each process attach to it, and make an endpoint
//! from the mapping and a wait strategy.
//!
//! ```
//! use ipcmark_core::address::Endpoint;
//! use ipcmark_core::record::Substrate;
//! use ipcmark_core::ring::{Consume, Produce, layout::Layout, slots::SegmentSlots, spsc};
//! use ipcmark_core::shm::{self, Segment};
//! use ipcmark_core::wait::{Hybrid, Parker};
//!
//! # fn main() -> std::io::Result<()> {
//! let layout = Layout::new(4, 64);
//! let address = shm::create(Substrate::Memfd, layout.segment_bytes())?;
//! let attach = |endpoint| {
//!     let segment = Segment::attach(&address, endpoint, layout.segment_bytes())?;
//!     SegmentSlots::<Parker, Parker>::new(segment, layout, 0)
//! };
//! let mut producer = spsc::Producer::new(attach(Endpoint::Sender)?, Hybrid);
//! let mut consumer = spsc::Consumer::new(attach(Endpoint::Receiver)?, Hybrid);
//!
//! producer.send(5, |room| room.copy_from_slice(b"hello"))?;
//! assert_eq!(consumer.receive(<[u8]>::to_vec)?, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! The wait strategies, queues and locks also compile against the `loom` model checker, with `--cfg loom`, which checks them.

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
pub mod raw_lock;
pub mod ring;
pub mod shm;
pub mod sysv_msg;
pub mod sysv_sem;
pub mod sysv_shm;
pub mod unfinished;
pub mod wait;

pub use ipcmark_record as record;
