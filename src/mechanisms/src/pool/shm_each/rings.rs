//! Layout of a worker's rings, the wait strategy of the dispatcher, and the worker's main loop.

use std::io;
use std::os::fd::OwnedFd;

use nix::unistd::write;

use crate::address::{Address, Descriptor, Endpoint};
use crate::pool::supervisor::WorkerContext;
use crate::pool::{PoolConfig, Work, balance};
use crate::record::Wait;
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc::{Consumer, Producer};
use crate::ring::{Consume, Produce};
use crate::shm::Segment;
use crate::wait::{Doorbell, Parker, PollPolicy, Strategy, WaitPoint, WaitStrategy, fence, wake_sleeper};

pub(super) type Slots = SegmentSlots<Parker, Parker>;

/// Position of a worker's rings in their segment. The ring of requests is at the start.
#[derive(Clone, Copy)]
pub(super) struct Rings {
    layout: Layout,
    /// Offset of the ring of responses.
    responses: usize,
}

impl Rings {
    /// Each ring has twice the room needed: a consumer publishes its position only once per quarter of the ring.
    pub(super) fn of(config: &PoolConfig) -> Self {
        let depth = (2 * balance::even_share(config)).next_power_of_two() as u32;
        let layout = Layout::new(depth, config.frame_bytes);
        Self { layout, responses: layout.segment_bytes().next_multiple_of(128) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.responses + self.layout.segment_bytes()
    }

    pub(super) fn requests_in(&self, segment: &Segment) -> io::Result<Slots> {
        Slots::new(segment.clone(), self.layout, 0)
    }

    pub(super) fn responses_in(&self, segment: &Segment) -> io::Result<Slots> {
        Slots::at(segment.clone(), self.responses, self.layout, 0)
    }

    /// Maps a segment that has the size of these rings.
    pub(super) fn attach(&self, address: &Address) -> io::Result<Segment> {
        Segment::attach(address, Endpoint::Sender, self.bytes())
    }
}

/// Wait strategy of the dispatcher at one of many rings: it returns `WouldBlock` at once.
pub(super) struct NoWait {
    /// Eventfd of the worker.
    event: OwnedFd,
}

impl Strategy for NoWait {
    const WAIT: Wait = Wait::Eventfd;
    const POLLS: bool = false;
    const DESCRIPTORS: usize = 1;

    fn attach(descriptors: &[Descriptor]) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::InvalidInput, "the worker's eventfd is missing");
        Ok(Self { event: descriptors.first().ok_or_else(none)?.duplicate()? })
    }
}

impl WaitStrategy<Parker> for NoWait {
    #[inline]
    fn until<R>(&self, _: &Parker, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        ready().map(|result| (result, 1)).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    #[inline]
    fn notify(&self, place: &Parker, _: u32) -> io::Result<()> {
        wake_sleeper(place, fence::full, || {
            place.withdraw();
            write(&self.event, &1u64.to_ne_bytes()).map(drop)?;
            Ok(())
        })
    }
}

/// Main loop of a worker. `events` are the eventfds of the worker and of the dispatcher.
pub(super) fn serve<W: Work>(
    context: &WorkerContext,
    segment: &Segment,
    rings: Rings,
    events: &[Descriptor],
    mut work: W,
) -> io::Result<()> {
    let requests = Consumer::new(rings.requests_in(segment)?, Doorbell::attach(events)?);
    let responses = Producer::new(rings.responses_in(segment)?, Doorbell::attach(events)?);
    context.run(
        &mut work,
        &mut (requests, responses, 0u64),
        |(requests, _, received), work| {
            requests.receive(|seen| {
                (!seen.is_empty()).then(|| {
                    *received += 1;
                    context.table.set_received(context.index, *received);
                    work.read(seen)
                })
            })
        },
        |(_, responses, _), bytes, fill| responses.send(bytes, fill),
    )
}
