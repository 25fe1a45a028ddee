//! Bounded queue in shared memory guarded by a pthread mutex with two condition variables, any number of producers and
//! consumers; payload written and read in place, under the mutex. Cost: the mutex's line and the slot's, and where a side
//! has to wait a futex call to sleep and one to wake it. Source: see [`crate::ring::monitor`].

use std::io;

use super::queue::{Attachment, InLibrary, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::monitor::{Consumer, Producer, segment_bytes};
use crate::transport::{Shape, Topology};

/// The transport.
pub type ShmMutexCondvar = Shared<MutexCondvar>;

/// The queue.
pub struct MutexCondvar;

impl Queue for MutexCondvar {
    const SUMMARY: &'static str = "bounded queue in shared memory under a mutex with condition variables";
    const TOPOLOGY: Topology = Topology::ManyToMany;
    type Wait = InLibrary;
    type Producer = Producer;
    type Consumer = Consumer;

    fn segment_bytes(shape: &Shape) -> usize {
        segment_bytes(&ring::layout(shape))
    }

    fn producer(attachment: Attachment<InLibrary>, shape: &Shape) -> io::Result<Producer> {
        Producer::new(attachment.segment, ring::layout(shape))
    }

    fn consumer(attachment: Attachment<InLibrary>, shape: &Shape) -> io::Result<Consumer> {
        Consumer::new(attachment.segment, ring::layout(shape))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        // The receiver fetches the line of the mutex, then the slot's; the sender gets back the mutex's.
        let mut anatomy = ring::anatomy::<InLibrary>(shape, 2.0);
        anatomy.sender.line_hand_overs += 1.0;
        anatomy
    }
}
