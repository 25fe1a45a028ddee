//! iceoryx2 publish-subscribe between two processes. The publisher loans a slot in shared memory and writes the payload
//! there; a queue carries the slot's offset; the subscriber reads in place and returns the slot by a second queue. No
//! sample is dropped: the publisher retries until there is space.
//! The subscriber polls with pause hints (`iceoryx2/spin`) or waits by the event service that the library recommends
//! (`iceoryx2-event/block`), which sends a Unix datagram with each message and sets a bit in shared memory. Cost: the
//! lines of both queues and of the payload; with events also a datagram sent and received, two clock reads, a wake and
//! a context switch. Source: iceoryx2 0.10, `port::{publisher, subscriber, notifier, listener}`.

use super::library::Library;
use crate::record::Wait;

#[cfg(feature = "peers")]
mod linked;
#[cfg(feature = "peers")]
mod node;

/// Library with a subscriber that polls.
pub struct Polled;
/// Library with a subscriber that sleeps until an event.
pub struct Woken;

impl Library for Polled {
    const SUMMARY: &'static str = "iceoryx2 publish-subscribe, payload loaned and read in place";
    const WAIT: Wait = Wait::Spin;
    const FEATURE: &'static str = "peers";
    const NEEDS: &'static str = "";
}

impl Library for Woken {
    const SUMMARY: &'static str = "iceoryx2 publish-subscribe with an event for every sample, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peers";
    const NEEDS: &'static str = "";
}

/// Transport with a polling subscriber.
#[cfg(feature = "peers")]
pub type Iceoryx2 = linked::PublishSubscribe<Polled>;
/// Transport with a sleeping subscriber.
#[cfg(feature = "peers")]
pub type Iceoryx2Event = linked::PublishSubscribe<Woken>;

/// Transport with a polling subscriber.
#[cfg(not(feature = "peers"))]
pub type Iceoryx2 = super::absent::Absent<Polled>;
/// Transport with a sleeping subscriber.
#[cfg(not(feature = "peers"))]
pub type Iceoryx2Event = super::absent::Absent<Woken>;
