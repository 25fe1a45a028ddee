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
        if shape.closed_loop() {
            // A receiver that waited reacquires the mutex as contended, so its unlock makes a futex call that wakes no
            // waiter. Each endpoint changes the condition's line after the other one did.
            cost_model.receiver.system_calls += 1.0;
            cost_model.receiver.line_transfers += 1.0;
            cost_model.sender.line_transfers += 1.0;
        }
        for endpoint in [&mut cost_model.sender, &mut cost_model.receiver] {
            // The unlock of the first acquisition; its lock is the transfer above.
            endpoint.atomics += 1.0;
            if !HELD {
                // The second acquisition finds the mutex's line elsewhere only if the other endpoint runs meanwhile.
                let transfers = if shape.closed_loop() { 0.0 } else { 1.0 };
                endpoint.line_transfers += transfers;
                endpoint.atomics += 2.0 - transfers;
            }
        }
        cost_model
    }
}

/// Ring of slots guarded by two POSIX semaphores, for one producer and one consumer.
/// Cost: the lines of both semaphores for each endpoint, and the slot's line. Source: see [`semaphores`].
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
        // Each endpoint changes both counts, and each time the other one did so last; the receiver also fetches the slot.
        let mut cost_model = cost_model::<InLibrary>(shape, 3.0);
        cost_model.sender.line_transfers += 2.0;
        cost_model
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Case, Counts, Measure};

    /// System calls, line transfers and atomics of sender and receiver for one message.
    fn declared<Q: Queue>(measure: Measure) -> [[f64; 3]; 2] {
        let CostModel { sender, receiver, .. } =
            Q::cost_model(&Shape::of(&Case::new("transport", "any", measure).with(|p| p.message_bytes = Some(8))));
        let read = |counts: &Counts| [counts.system_calls, counts.line_transfers, counts.atomics];
        [read(&sender), read(&receiver)]
    }

    #[test]
    fn a_mutex_that_is_free_during_the_copy_is_acquired_twice() {
        use Measure::{RoundTrip, Stream};
        assert_eq!(declared::<MutexCondvar<true>>(RoundTrip), [[1.0, 2.0, 1.0], [2.0, 3.0, 1.0]]);
        assert_eq!(declared::<MutexCondvar<false>>(RoundTrip), [[1.0, 2.0, 3.0], [2.0, 3.0, 3.0]]);
        assert_eq!(declared::<MutexCondvar<true>>(Stream), [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0]]);
        assert_eq!(declared::<MutexCondvar<false>>(Stream), [[0.0, 2.0, 2.0], [0.0, 3.0, 2.0]]);
    }

    #[test]
    fn both_endpoints_change_both_semaphores() {
        assert_eq!(declared::<Semaphores>(Measure::RoundTrip), [[1.0, 2.0, 0.0], [1.0, 3.0, 0.0]]);
    }
}
