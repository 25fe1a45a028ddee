//! Buffers on loan in shared memory, one producer, one consumer: payload stays in a pool, and only the number of its buffer
//! travels, out through one ring and back through another. Cost: the lines of two rings and of the payload, three
//! hand-overs where [`super::spsc`] has one, whatever the size. Source: see [`crate::ring::loan`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::layout::Layout;
use crate::ring::loan::{Borrower, Lender, TICKET_BYTES, ring_depth};
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc;
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmLoan<W> = Shared<Loan<W>>;

/// The queue.
pub struct Loan<W>(PhantomData<W>);

type Slots = SegmentSlots<Parker, Parker>;

/// Where things lie: the ring of loans, the ring of returns, the pool.
struct Places {
    ring: Layout,
    pool: Layout,
}

impl Places {
    fn of(shape: &Shape) -> Self {
        let buffers = ring::depth(shape);
        Self { ring: Layout::new(ring_depth(buffers), TICKET_BYTES), pool: Layout::new(buffers, shape.message_bytes) }
    }

    /// Bytes from the start of one ring to that of the next, or of the pool.
    fn step(&self) -> usize {
        self.ring.segment_bytes().next_multiple_of(128)
    }

    fn loans<W>(&self, attachment: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(attachment.segment.clone(), 0, self.ring, 0)
    }

    fn returns<W>(&self, attachment: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(attachment.segment.clone(), self.step(), self.ring, 0)
    }

    fn pool<W>(&self, attachment: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(attachment.segment.clone(), 2 * self.step(), self.pool, 0)
    }
}

impl<W: WaitStrategy<Parker> + Copy> Queue for Loan<W> {
    const SUMMARY: &'static str = "pool of buffers in shared memory, lent and returned by number through two rings";
    type Wait = W;
    type Producer = Lender<Slots, Slots, W>;
    type Consumer = Borrower<Slots, Slots, W>;

    fn segment_bytes(shape: &Shape) -> usize {
        let places = Places::of(shape);
        2 * places.step() + places.pool.segment_bytes()
    }

    fn producer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        let places = Places::of(shape);
        let loans = spsc::Producer::new(places.loans(&attachment)?, attachment.wait);
        let returns = spsc::Consumer::new(places.returns(&attachment)?, attachment.wait);
        Ok(Lender::new(places.pool(&attachment)?, loans, returns))
    }

    fn consumer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let places = Places::of(shape);
        let loans = spsc::Consumer::new(places.loans(&attachment)?, attachment.wait);
        let returns = spsc::Producer::new(places.returns(&attachment)?, attachment.wait);
        Ok(Borrower::new(places.pool(&attachment)?, loans, returns))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        // The reader waits for the ticket's line and then for the payload's; the sender takes back a buffer whose return
        // came while it waited for something else, but whose line is still to be fetched.
        let mut anatomy = ring::anatomy::<W>(shape, 2.0);
        anatomy.sender.line_hand_overs += 1.0;
        anatomy
    }
}
