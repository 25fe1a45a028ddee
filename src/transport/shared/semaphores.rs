//! Ring of slots in shared memory guarded by two POSIX semaphores, one producer, one consumer; payload written and read in
//! place. Cost: a semaphore's line on either side and the slot's, and where a side has to wait a futex call to sleep and one
//! to wake it. Source: see [`crate::ring::semaphores`].

use std::io;

use super::queue::{Attachment, InLibrary, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::semaphores::{Consumer, Producer, segment_bytes};
use crate::transport::Shape;

/// The transport.
pub type ShmSemaphores = Shared<Semaphores>;

/// The queue.
pub struct Semaphores;

impl Queue for Semaphores {
    const SUMMARY: &'static str = "ring of slots in shared memory, guarded by two semaphores";
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
        // The receiver fetches the line of the filled count, then the slot's; the sender fetches that of the free count.
        let mut anatomy = ring::anatomy::<InLibrary>(shape, 2.0);
        anatomy.sender.line_hand_overs += 1.0;
        anatomy
    }
}
