//! Pool of buffers in shared memory for one producer and one consumer: the payload stays in its buffer; one ring
//! carries the buffer's number to the consumer and another one returns it. Cost: the lines of two rings and of the
//! payload, three transfers instead of one of [`Spsc`](super::slots::Spsc), for any message size. Source: see
//! [`crate::ring::loan`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::{FETCH, cost_model, depth, waited};
use crate::record::CostModel;
use crate::ring::layout::Layout;
use crate::ring::loan::{Borrower, Lender, TICKET_BYTES, ring_depth};
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc;
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// Transport, by wait strategy.
pub type ShmLoan<W> = Shared<Loan<W>>;

/// Pool with its two rings.
pub struct Loan<W>(PhantomData<W>);

type Slots = SegmentSlots<Parker, Parker>;

/// Layout of the segment: the ring of loans, the ring of returns, the pool.
struct Parts {
    ring: Layout,
    pool: Layout,
}

impl Parts {
    fn of(shape: &Shape) -> Self {
        let buffers = depth(shape);
        Self { ring: Layout::new(ring_depth(buffers), TICKET_BYTES), pool: Layout::new(buffers, shape.message_bytes) }
    }

    /// Distance in bytes from one ring to the next, or to the pool.
    fn step(&self) -> usize {
        self.ring.segment_bytes().next_multiple_of(128)
    }

    fn loans<W>(&self, at: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(at.segment.clone(), 0, self.ring, 0)
    }

    fn returns<W>(&self, at: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(at.segment.clone(), self.step(), self.ring, 0)
    }

    fn pool<W>(&self, at: &Attachment<W>) -> io::Result<Slots> {
        Slots::at(at.segment.clone(), 2 * self.step(), self.pool, 0)
    }
}

impl<W: WaitStrategy<Parker> + Copy> Queue for Loan<W> {
    const SUMMARY: &'static str = "pool of buffers in shared memory, lent and returned by number through two rings";
    type Wait = W;
    type Producer = Lender<Slots, Slots, W>;
    type Consumer = Borrower<Slots, Slots, W>;

    fn segment_bytes(shape: &Shape) -> usize {
        let parts = Parts::of(shape);
        2 * parts.step() + parts.pool.segment_bytes()
    }

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        let parts = Parts::of(shape);
        let loans = spsc::Producer::new(parts.loans(&at)?, at.wait);
        let returns = spsc::Consumer::new(parts.returns(&at)?, at.wait);
        Ok(Lender::new(parts.pool(&at)?, loans, returns))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let parts = Parts::of(shape);
        let loans = spsc::Consumer::new(parts.loans(&at)?, at.wait);
        let returns = spsc::Producer::new(parts.returns(&at)?, at.wait);
        Ok(Borrower::new(parts.pool(&at)?, loans, returns))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        // In a closed loop the receiver waits for the line of the buffer's number, then fetches that of the payload. The sender
        // does not wait for a returned buffer, but fetches the line with its number.
        let mut cost_model = cost_model::<W>(shape, (1.0 + FETCH) * waited(shape));
        cost_model.sender.line_transfers += FETCH * waited(shape);
        cost_model
    }
}
