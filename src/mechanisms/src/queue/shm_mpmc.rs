//! The ring of fixed slots in shared memory, for any number of producers and consumers, with time-outs. Items are
//! written and read in place; an endpoint without room or item sleeps on a futex. Cost: a cache-line transfer per item,
//! and another for the claimed position if several endpoints compete; a system call only for a sleep. An endpoint that
//! dies within a put or get blocks the ring; between them it does not. Source: see [`crate::ring::mpmc`].

use std::io;
use std::marker::PhantomData;

use super::{Got, Handle, Put, Shape, WorkQueue};
use crate::address::{Address, Endpoint};
use crate::record::{Substrate, Wait};
use crate::ring::layout::Layout;
use crate::ring::mpmc::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::shm::{self, Segment};
use crate::wait::{EventCount, TimedWait, WaitLimit};

/// Largest ring, so that it fits the memory of an ordinary machine.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;

/// The queue, by wait strategy.
pub struct ShmMpmc<W>(PhantomData<W>);

type Slots = SegmentSlots<EventCount, EventCount>;

/// An endpoint, which may put and get.
pub struct QueueHandle<W> {
    producer: Producer<Slots, W>,
    consumer: Consumer<Slots, W>,
}

/// The layout for a supported shape.
fn layout(shape: &Shape) -> Layout {
    Layout::new(shape.depth_or_default(), shape.message_bytes)
}

impl<W: TimedWait<EventCount>> WorkQueue for ShmMpmc<W> {
    const SUMMARY: &'static str = "ring in shared memory, many producers and consumers, bounded by its slots";
    const WAIT: Wait = W::WAIT;
    type Handle = QueueHandle<W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        let depth = shape.depth_or_default();
        if !depth.is_power_of_two() || depth > Layout::MAX_DEPTH {
            let most = Layout::MAX_DEPTH;
            return Err(format!("a ring holds a power of two of items, at most {most}, not {depth}"));
        }
        let bytes = u64::from(depth).saturating_mul(shape.message_bytes as u64 + 64);
        if bytes > SEGMENT_BYTES_MAX {
            return Err(format!("a ring has at most {SEGMENT_BYTES_MAX} bytes, not {bytes}"));
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        Some(shape.depth_or_default())
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        shm::create(Substrate::Memfd, layout(shape).segment_bytes())
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle<W>> {
        let layout = layout(shape);
        let segment = Segment::attach(address, Endpoint::Sender, layout.segment_bytes())?;
        Ok(QueueHandle {
            producer: Producer::new(Slots::new(segment.clone(), layout, 0)?, W::attach(&[])?),
            consumer: Consumer::new(Slots::new(segment, layout, 0)?, W::attach(&[])?),
        })
    }
}

impl<W: TimedWait<EventCount>> Handle for QueueHandle<W> {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        self.producer.send_within(len, wait_limit, fill).map(Put::of)
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        self.consumer.receive_within(wait_limit, read).map(Got::of)
    }

    fn items(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.consumer.waiting()))
    }
}
