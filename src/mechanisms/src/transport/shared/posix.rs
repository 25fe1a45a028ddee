//! Bounded queues in shared memory, guarded by objects of the C library that block in the kernel. Payload is written
//! and read in place. A wait costs one futex call to sleep, and one of the peer to wake the endpoint.

use std::io;

use super::queue::{Attachment, InLibrary, Queue, Shared};
use super::{cost_model, layout};
use crate::record::CostModel;
use crate::ring::{monitor, semaphores};
use crate::transport::{Shape, Topology};

/// Transport over [`MutexCondvar`].
pub type ShmMutexCondvar = Shared<MutexCondvar>;
/// Transport over [`Semaphores`].
pub type ShmSemaphores = Shared<Semaphores>;

/// Queue under a pthread mutex with two condition variables, for any number of producers and consumers.
/// Cost: the lines of the mutex and of the slot. Source: see [`monitor`].
pub struct MutexCondvar;

impl Queue for MutexCondvar {
    const SUMMARY: &'static str = "bounded queue in shared memory under a mutex with condition variables";
    const TOPOLOGY: Topology = Topology::ManyToMany;
    type Wait = InLibrary;
    type Producer = monitor::Producer;
    type Consumer = monitor::Consumer;

    fn segment_bytes(shape: &Shape) -> usize {
        monitor::segment_bytes(&layout(shape))
    }

    fn producer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<monitor::Producer> {
        monitor::Producer::new(at.segment, layout(shape))
    }

    fn consumer(at: Attachment<InLibrary>, shape: &Shape) -> io::Result<monitor::Consumer> {
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
