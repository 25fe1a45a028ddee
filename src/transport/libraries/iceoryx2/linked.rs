//! The transport over the library itself.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::{BackpressureAction, BackpressureInfo};
use iceoryx2::prelude::{BackpressureStrategy, ipc};
use iceoryx2::sample::Sample;

use super::super::library::Library;
use super::node::{self, Events, Samples, wrong};
use super::{Polled, Woken};
use crate::abort;
use crate::address::{Address, Endpoint, Name};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};
use crate::wait::{Parker, PollPolicy, Spin, WaitStrategy};

/// Samples in flight when the plan leaves it open.
const DEFAULT_DEPTH: u32 = 1024;
/// Bytes in flight at most then, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// A sleeper looks at the abort word this often.
const SLEEP_SLICE: Duration = Duration::from_millis(50);
/// The first look comes without a pause.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

/// How the subscriber learns of a sample.
pub trait Learn: Library {
    /// What the publisher's side holds for it.
    type Tell;
    /// What the subscriber's side holds for it.
    type Hear;

    /// Runs where the publisher is, before the clock starts.
    fn tell(node: &Node<ipc::Service>) -> io::Result<Self::Tell>;
    /// Runs where the subscriber is, before the clock starts.
    fn hear(node: &Node<ipc::Service>) -> io::Result<Self::Hear>;
    /// Runs after every sample.
    fn sent(tell: &Self::Tell) -> io::Result<()>;
    /// Returns the first `Some` of `look`.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    fn until<R>(hear: &mut Self::Hear, look: impl FnMut() -> Option<R>) -> io::Result<R>;
    /// What learning costs the publisher's and the subscriber's side.
    fn cost(shape: &Shape) -> [Counts; 2];
}

/// The transport.
pub struct PublishSubscribe<L>(PhantomData<L>);

/// The sending end. Ports come first: they are given back before the service and the node they belong to.
pub struct Outlet<L: Learn> {
    publisher: Publisher<ipc::Service, [u8], ()>,
    tell: L::Tell,
    message_bytes: usize,
    _samples: Samples,
    _node: Node<ipc::Service>,
}

/// The receiving end, in the same order.
pub struct Inlet<L: Learn> {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    hear: L::Hear,
    _samples: Samples,
    _node: Node<ipc::Service>,
}

/// What the sleeping subscriber's side holds.
pub struct Ear {
    listener: Listener<ipc::Service>,
    /// Samples told of and not yet received.
    told: u64,
    _events: Events,
}

impl<L: Learn> Transport for PublishSubscribe<L> {
    const SUMMARY: &'static str = L::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(L::WAIT);
    const POLLS: bool = matches!(L::WAIT, Wait::Spin);
    type Sender = Outlet<L>;
    type Receiver = Inlet<L>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes == 0 {
            return Err("there are no empty messages: a sample has at least 1 byte".to_owned());
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH as usize) as u32;
        Some(if shape.depth > 0 { shape.depth } else { fitting })
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let prefix = node::lease()?;
        Ok(Offer { text: Some(prefix.name.clone()), keep: Some(Box::new(prefix)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Outlet<L>> {
        let prefix = peers.text.ok_or_else(|| io::Error::other("the receiver offered no prefix"))?;
        let node = node::join(&prefix)?;
        let samples = node::samples(&node, Self::depth(shape).unwrap_or(DEFAULT_DEPTH) as usize)?;
        // A subscriber that died with a full queue would keep the publisher for good.
        let retry = |_: &BackpressureInfo| {
            if abort::requested() { BackpressureAction::DiscardDataAndFail } else { BackpressureAction::Retry }
        };
        let publisher = samples
            .publisher_builder()
            .initial_max_slice_len(shape.message_bytes)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .set_backpressure_handler(retry)
            .create()
            .map_err(|error| wrong(&error))?;
        let tell = L::tell(&node)?;
        Ok(Outlet { publisher, tell, message_bytes: shape.message_bytes, _samples: samples, _node: node })
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Inlet<L>> {
        let prefix = peers
            .keep
            .and_then(|kept| kept.downcast::<Name>().ok())
            .ok_or_else(|| io::Error::other("no prefix was kept from the offer"))?;
        let node = node::join(&prefix.name)?;
        let samples = node::samples(&node, Self::depth(shape).unwrap_or(DEFAULT_DEPTH) as usize)?;
        let subscriber = samples.subscriber_builder().create().map_err(|error| wrong(&error))?;
        let hear = L::hear(&node)?;
        Ok(Inlet { subscriber, hear, _samples: samples, _node: node })
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        let [sender, receiver] = L::cost(shape);
        Anatomy {
            sender,
            receiver: Counts {
                // The queue's position, the entry in it, the sample's header, and its payload.
                line_hand_overs: 4.0,
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                ..receiver
            },
        }
    }
}

impl<L: Learn> Sender for Outlet<L> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.message_bytes {
            return Err(too_large(len, self.message_bytes));
        }
        let loan = self.publisher.loan_slice_uninit(len).map_err(|error| wrong(&error))?;
        // SAFETY: the loan is bytes of a POSIX shared memory segment, which ftruncate(2) filled with zeroes and which is
        // only ever written to, so every one of them holds a value; any value is a valid u8.
        let mut sample = unsafe { loan.assume_init() };
        fill(sample.payload_mut());
        match sample.send() {
            Ok(0) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody is subscribed")),
            Ok(_) => L::sent(&self.tell),
            Err(_) if abort::requested() => Err(abort::error()),
            Err(error) => Err(wrong(&error)),
        }
    }
}

impl<L: Learn> Receiver for Inlet<L> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let subscriber = &self.subscriber;
        let look = || subscriber.receive().transpose();
        let sample: Sample<_, _, _> = L::until(&mut self.hear, look)?.map_err(|error| wrong(&error))?;
        Ok(read(sample.payload()))
    }
}

impl Learn for Polled {
    type Tell = ();
    type Hear = ();

    fn tell(_: &Node<ipc::Service>) -> io::Result<()> {
        Ok(())
    }

    fn hear(_: &Node<ipc::Service>) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    fn sent((): &()) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    fn until<R>((): &mut (), look: impl FnMut() -> Option<R>) -> io::Result<R> {
        Spin.until(&Parker::default(), POLICY, look).map(|(found, _)| found)
    }

    fn cost(_: &Shape) -> [Counts; 2] {
        [Counts::default(), Counts::default()]
    }
}

impl Learn for Woken {
    type Tell = (Notifier<ipc::Service>, Events);
    type Hear = Ear;

    fn tell(node: &Node<ipc::Service>) -> io::Result<Self::Tell> {
        let events = node::events(node)?;
        let notifier = events.notifier_builder().create().map_err(|error| wrong(&error))?;
        Ok((notifier, events))
    }

    fn hear(node: &Node<ipc::Service>) -> io::Result<Self::Hear> {
        let events = node::events(node)?;
        let listener = events.listener_builder().create().map_err(|error| wrong(&error))?;
        Ok(Ear { listener, told: 0, _events: events })
    }

    #[inline]
    fn sent((notifier, _): &Self::Tell) -> io::Result<()> {
        notifier.notify().map(|_| ()).map_err(|error| wrong(&error))
    }

    /// Every sample is told of once, after it can be seen, so whoever was told of one need not wait for the next wake.
    #[inline]
    fn until<R>(ear: &mut Ear, mut look: impl FnMut() -> Option<R>) -> io::Result<R> {
        loop {
            if ear.told == 0 {
                if abort::requested() {
                    return Err(abort::error());
                }
                let told = &mut ear.told;
                ear.listener.timed_wait(|event| *told += event.count, SLEEP_SLICE).map_err(|error| wrong(&error))?;
            }
            let found = look();
            ear.told = if found.is_some() { ear.told.saturating_sub(1) } else { 0 };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    fn cost(shape: &Shape) -> [Counts; 2] {
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        [
            Counts { system_calls: 1.0, ..Counts::default() },
            // To wait with a limit takes setsockopt, two pairs of fcntl, and one receive more to see that nothing is left.
            Counts { system_calls: 7.0 * sleeps, wakes: sleeps, context_switches: sleeps, ..Counts::default() },
        ]
    }
}

#[cold]
fn too_large(len: usize, max: usize) -> io::Error {
    let why = format!("samples of this service have at most {max} bytes, not {len}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
