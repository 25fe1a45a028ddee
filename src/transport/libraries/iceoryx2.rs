//! iceoryx2's publish-subscribe between two processes: the publisher loans a slot of its data segment in shared memory,
//! the payload is written there, its position goes through a queue, and the subscriber reads it in place and gives it back
//! through a second queue. No sample is dropped: without overflow the publisher retries until there is room.
//!
//! Two ways to learn of a sample: `iceoryx2/spin` asks again with the processor's pause hint; `iceoryx2-event/block` adds
//! the event service that the library recommends for it, a Unix datagram beside a bit set in shared memory, sent with
//! every message. Cost: the lines of both queues and of the payload; with events a datagram sent and received, two reads
//! of the clock, a wake and a switch. Source: iceoryx2 0.10, `port::{publisher, subscriber, notifier, listener}`.

use super::library::Library;
use crate::record::Wait;

#[cfg(feature = "peers")]
mod linked;
#[cfg(feature = "peers")]
mod node;

/// What polls for a sample.
pub struct Polled;
/// What sleeps until it is told of one.
pub struct Woken;

impl Library for Polled {
    const SUMMARY: &'static str = "iceoryx2 publish-subscribe, payload loaned and read in place";
    const WAIT: Wait = Wait::Spin;
    const FEATURE: &'static str = "peers";
    const WANTS: &'static str = "";
}

impl Library for Woken {
    const SUMMARY: &'static str = "iceoryx2 publish-subscribe with an event for every sample, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peers";
    const WANTS: &'static str = "";
}

/// The transport that polls.
#[cfg(feature = "peers")]
pub type Iceoryx2 = linked::PublishSubscribe<Polled>;
/// The transport that sleeps.
#[cfg(feature = "peers")]
pub type Iceoryx2Event = linked::PublishSubscribe<Woken>;

/// The transport that polls.
#[cfg(not(feature = "peers"))]
pub type Iceoryx2 = super::absent::Absent<Polled>;
/// The transport that sleeps.
#[cfg(not(feature = "peers"))]
pub type Iceoryx2Event = super::absent::Absent<Woken>;
