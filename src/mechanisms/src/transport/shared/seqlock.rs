//! Cell in shared memory with the latest value: the writer never waits and overwrites unread values; a reader repeats
//! its copy after a concurrent write. Cost: one line transfer for a small value, and a copy at each endpoint. Source:
//! see [`crate::ring::seqlock`].

use std::io;
use std::marker::PhantomData;

use super::cost_model;
use super::queue::{Attachment, Queue, Shared};
use crate::record::CostModel;
use crate::ring::seqlock::{Reader, Writer};
use crate::ring::seqlock::{SegmentCell, segment_bytes};
use crate::transport::{Delivery, Shape, Topology};
use crate::wait::{EventCount, WaitStrategy};

/// Transport, by wait strategy.
pub type ShmSeqlock<W> = Shared<Seqlock<W>>;

/// Reason of messages of many words.
const WORD_BY_WORD: &str =
    "both sides copy word by word with atomic accesses, which takes longer than the copy of the floors";

/// Cell with the latest value.
pub struct Seqlock<W>(PhantomData<W>);

impl<W: WaitStrategy<EventCount>> Queue for Seqlock<W> {
    const SUMMARY: &'static str = "cell with the latest value in shared memory; older ones are overwritten";
    const DELIVERY: Delivery = Delivery::Latest;
    const TOPOLOGY: Topology = Topology::Broadcast;
    type Wait = W;
    type Producer = Writer<SegmentCell, W>;
    type Consumer = Reader<SegmentCell, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 1 {
            return Err(format!("a cell holds one value, not {}", shape.depth));
        }
        super::supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(1)
    }

    fn segment_bytes(shape: &Shape) -> usize {
        segment_bytes(shape.message_bytes)
    }

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Writer::new(SegmentCell::new(at.segment, shape.message_bytes)?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        Ok(Reader::new(SegmentCell::new(at.segment, shape.message_bytes)?, at.wait))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let mut cost_model = cost_model::<W>(shape, 1.0);
        cost_model.sender.copied_bytes = shape.message_bytes as f64;
        cost_model.receiver.copied_bytes = shape.message_bytes as f64;
        cost_model.unexplained.get_or_insert_with(|| WORD_BY_WORD.into());
        cost_model
    }
}
