//! Bounded queues in shared memory, guarded by objects of the C library that block in the kernel. Payload is written
//! and read in place. A wait costs one futex call to sleep, and one of the peer to wake the endpoint.

use std::io;

use super::queue::{Attachment, InLibrary, Queue, Shared};
use super::{cost_model, layout};
use crate::record::CostModel;
use crate::ring::{monitor, semaphores};
use crate::transport::{Shape, Topology};

/// Transport over [`MutexCondvar`]; the payload is written and read without the mutex.
pub type ShmMutexCondvar = Shared<MutexCondvar<false>>;
/// Transport over [`MutexCondvar`]; the payload is written and read under the mutex.
pub type ShmMutexCondvarHeld = Shared<MutexCondvar<true>>;
/// Transport over [`Semaphores`].
pub type ShmSemaphores = Shared<Semaphores>;

/// Queue under a pthread mutex with two condition variables, for any number of producers and consumers. `HELD` tells
/// whether the mutex stays locked while a message is written or read.
/// Cost: the lines of the mutex and of the slot. Source: see [`monitor`].
pub struct MutexCondvar<const HELD: bool>;

impl<const HELD: bool> Queue for MutexCondvar<HELD> {
    const SUMMARY: &'static str = if HELD {
        "bounded queue in shared memory; messages are written and read under its mutex, with condition variables"
    } else {
        "bounded queue in shared memory; slots are claimed under its mutex, messages written and read without it"
    };
    const TOPOLOGY: Topology = Topology::ManyToMany;
    type Wait = InLibrary;
    type Producer = monitor::Producer<HELD>;
    type Consumer = monitor::Consumer<HELD>;

    fn segment_bytes(shape: &Shape) -> usize {
        monitor::segment_bytes(&layout(shape))
    }

    fn producer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<monitor::Producer<HELD>> {
        monitor::Producer::new(at.segment, layout(shape))
    }

    fn consumer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<monitor::Consumer<HELD>> {
        monitor::Consumer::new(at.segment, layout(shape))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        // The receiver fetches the mutex's line, then the slot's; the sender fetches the mutex's line back.
        let mut cost_model = cost_model::<InLibrary>(shape, 2.0);
        cost_model.sender.line_transfers += 1.0;
        cost_model
    }
}

/// Ring of slots guarded by two POSIX semaphores, for one producer and one consumer.
/// Cost: one semaphore's line for each endpoint, and the slot's line. Source: see [`semaphores`].
pub struct Semaphores;

impl Queue for Semaphores {
    const SUMMARY: &'static str = "ring of slots in shared memory, guarded by two semaphores";
    type Wait = InLibrary;
    type Producer = semaphores::Producer;
    type Consumer = semaphores::Consumer;

    fn segment_bytes(shape: &Shape) -> usize {
        semaphores::segment_bytes(&layout(shape))
    }

    fn producer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<semaphores::Producer> {
        semaphores::Producer::new(at.segment, layout(shape))
    }

    fn consumer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<semaphores::Consumer> {
        semaphores::Consumer::new(at.segment, layout(shape))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        // The receiver fetches the line of the filled count, then the slot's; the sender that of the free count.
        let mut cost_model = cost_model::<InLibrary>(shape, 2.0);
        cost_model.sender.line_transfers += 1.0;
        cost_model
    }
}
