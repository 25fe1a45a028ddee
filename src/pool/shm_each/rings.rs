//! Where the rings of one worker lie, how its dispatcher waits at them, and what the worker does.

use std::io;
use std::os::fd::OwnedFd;

use nix::unistd::write;

use crate::address::{Address, Descriptor, Endpoint};
use crate::pool::hand::Seat;
use crate::pool::{Staff, Work, share};
use crate::record::Wait;
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc::{Consumer, Producer};
use crate::ring::{Consume, Produce};
use crate::shm::Segment;
use crate::wait::{Doorbell, Parker, PollPolicy, Strategy, WaitPoint, WaitStrategy, fence, wake_sleeper};

pub(super) type Slots = SegmentSlots<Parker, Parker>;

/// Where the rings of one worker lie in their segment: that of requests at its start.
#[derive(Clone, Copy)]
pub(super) struct Rings {
    layout: Layout,
    answers: usize,
}

impl Rings {
    /// With twice the room for what can be under way: a consumer says how far it has come once in a quarter of the ring.
    pub(super) fn of(staff: &Staff) -> Self {
        let depth = (2 * share::even(staff)).next_power_of_two() as u32;
        let layout = Layout::new(depth, staff.frame_bytes);
        Self { layout, answers: layout.segment_bytes().next_multiple_of(128) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.answers + self.layout.segment_bytes()
    }

    pub(super) fn requests_in(&self, segment: &Segment) -> io::Result<Slots> {
        Slots::new(segment.clone(), self.layout, 0)
    }

    pub(super) fn answers_in(&self, segment: &Segment) -> io::Result<Slots> {
        Slots::at(segment.clone(), self.answers, self.layout, 0)
    }

    /// Maps the segment at `address`, which was made for such rings.
    pub(super) fn attach(&self, address: &Address) -> io::Result<Segment> {
        Segment::attach(address, Endpoint::Sender, self.bytes())
    }
}

/// How the dispatcher waits at one of many rings: not at all. Whoever looks in vain is told so.
pub(super) struct Glance {
    /// The worker's bell.
    bell: OwnedFd,
}

impl Strategy for Glance {
    const WAIT: Wait = Wait::Eventfd;
    const POLLS: bool = false;
    const DESCRIPTORS: usize = 1;

    fn attach(descriptors: &[Descriptor]) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::InvalidInput, "one who rings a bell has one");
        Ok(Self { bell: descriptors.first().ok_or_else(none)?.duplicate()? })
    }
}

impl WaitStrategy<Parker> for Glance {
    #[inline]
    fn until<R>(&self, _: &Parker, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        ready().map(|result| (result, 1)).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    #[inline]
    fn notify(&self, place: &Parker, _: u32) -> io::Result<()> {
        wake_sleeper(place, fence::full, || {
            place.withdraw();
            write(&self.bell, &1u64.to_ne_bytes()).map(drop)?;
            Ok(())
        })
    }
}

/// A worker's life. `bells` are its own and the dispatcher's.
pub(super) fn serve<W: Work>(
    seat: &Seat,
    segment: &Segment,
    rings: Rings,
    bells: &[Descriptor],
    mut work: W,
) -> io::Result<()> {
    let requests = Consumer::new(rings.requests_in(segment)?, Doorbell::attach(bells)?);
    let answers = Producer::new(rings.answers_in(segment)?, Doorbell::attach(bells)?);
    seat.work_through(
        &mut work,
        &mut (requests, answers, 0u64),
        |(requests, _, received), work| {
            requests.receive(|seen| {
                (!seen.is_empty()).then(|| {
                    *received += 1;
                    seat.roster.holds(seat.number, *received);
                    work.take(seen)
                })
            })
        },
        |(_, answers, _), bytes, fill| answers.send(bytes, fill),
    )
}
