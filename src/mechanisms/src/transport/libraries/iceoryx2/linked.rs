//! Transport over the linked library.
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
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};
use crate::wait::{Parker, PollPolicy, Spin, WaitStrategy};

/// Default number of samples in flight.
const DEFAULT_DEPTH: u32 = 1024;
/// Default limit of bytes in flight, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// Interval at which a sleeping subscriber checks the abort flag.
const SLEEP_SLICE: Duration = Duration::from_millis(50);
/// The first attempt follows without a pause.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

/// Wait strategy of the subscriber.
pub trait Waiting: Library {
    /// State of the publisher's side.
    type Notify;
    /// State of the subscriber's side.
    type Await;

    /// Attaches the publisher's side, before the clock starts.
    fn publisher_side(node: &Node<ipc::Service>) -> io::Result<Self::Notify>;
    /// Attaches the subscriber's side, before the clock starts.
    fn subscriber_side(node: &Node<ipc::Service>) -> io::Result<Self::Await>;
    /// Called after every sample.
    fn sent(notify: &Self::Notify) -> io::Result<()>;
    /// Returns the first `Some` of `look`.
    ///
    /// Errors: `Interrupted` if the trial was aborted.
    fn until<R>(events: &mut Self::Await, look: impl FnMut() -> Option<R>) -> io::Result<R>;
    /// Cost of notifications and waits.
    fn cost(shape: &Shape) -> [Counts; 2];
}

/// Transport, by the subscriber's wait strategy.
pub struct PublishSubscribe<L>(PhantomData<L>);

/// Sender. The port is dropped before its service and node.
pub struct Outlet<L: Waiting> {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notify: L::Notify,
    message_bytes: usize,
    _samples: Samples,
    _node: Node<ipc::Service>,
}

/// Receiver, with the same drop order.
pub struct Inlet<L: Waiting> {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    events: L::Await,
    _samples: Samples,
    _node: Node<ipc::Service>,
}

/// State of the sleeping subscriber's side.
pub struct Sleeper {
    listener: Listener<ipc::Service>,
    /// Announced samples that are not yet received.
    announced: u64,
    _events: Events,
}

impl<L: Waiting> Transport for PublishSubscribe<L> {
    const SUMMARY: &'static str = L::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(L::WAIT);
    const POLLS: bool = matches!(L::WAIT, Wait::Spin);
    type Sender = Outlet<L>;
    type Receiver = Inlet<L>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes == 0 {
            return Err("a sample has at least 1 byte, so there are no empty messages".to_owned());
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
        // Without the abort check a dead subscriber with a full queue would block the publisher.
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
        let notify = L::publisher_side(&node)?;
        Ok(Outlet { publisher, notify, message_bytes: shape.message_bytes, _samples: samples, _node: node })
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Inlet<L>> {
        let prefix = peers
            .keep
            .and_then(|kept| kept.downcast::<Name>().ok())
            .ok_or_else(|| io::Error::other("no prefix was kept from the offer"))?;
        let node = node::join(&prefix.name)?;
        let samples = node::samples(&node, Self::depth(shape).unwrap_or(DEFAULT_DEPTH) as usize)?;
        let subscriber = samples.subscriber_builder().create().map_err(|error| wrong(&error))?;
        let events = L::subscriber_side(&node)?;
        Ok(Inlet { subscriber, events, _samples: samples, _node: node })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let [sender, receiver] = L::cost(shape);
        CostModel {
            sender,
            receiver: Counts {
                // The queue's position, its entry, the sample's header, and its payload.
                line_transfers: 4.0,
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                ..receiver
            },
            ..CostModel::default()
        }
    }
}

impl<L: Waiting> Sender for Outlet<L> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.message_bytes {
            return Err(too_large(len, self.message_bytes));
        }
        let loan = self.publisher.loan_slice_uninit(len).map_err(|error| wrong(&error))?;
        // SAFETY: the loan is in a POSIX shared memory segment, which ftruncate(2) filled with zeros and which is only
        // ever written to, so each byte is initialised; any value is a valid u8.
        let mut sample = unsafe { loan.assume_init() };
        fill(sample.payload_mut());
        match sample.send() {
            Ok(0) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "there is no subscriber")),
            Ok(_) => L::sent(&self.notify),
            Err(_) if abort::requested() => Err(abort::error()),
            Err(error) => Err(wrong(&error)),
        }
    }
}

impl<L: Waiting> Receiver for Inlet<L> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let subscriber = &self.subscriber;
        let look = || subscriber.receive().transpose();
        let sample: Sample<_, _, _> = L::until(&mut self.events, look)?.map_err(|error| wrong(&error))?;
        Ok(read(sample.payload()))
    }
}

impl Waiting for Polled {
    type Notify = ();
    type Await = ();

    fn publisher_side(_: &Node<ipc::Service>) -> io::Result<()> {
        Ok(())
    }

    fn subscriber_side(_: &Node<ipc::Service>) -> io::Result<()> {
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

impl Waiting for Woken {
    type Notify = (Notifier<ipc::Service>, Events);
    type Await = Sleeper;

    fn publisher_side(node: &Node<ipc::Service>) -> io::Result<Self::Notify> {
        let events = node::events(node)?;
        let notifier = events.notifier_builder().create().map_err(|error| wrong(&error))?;
        Ok((notifier, events))
    }

    fn subscriber_side(node: &Node<ipc::Service>) -> io::Result<Self::Await> {
        let events = node::events(node)?;
        let listener = events.listener_builder().create().map_err(|error| wrong(&error))?;
        Ok(Sleeper { listener, announced: 0, _events: events })
    }

    #[inline]
    fn sent((notifier, _): &Self::Notify) -> io::Result<()> {
        notifier.notify().map(|_| ()).map_err(|error| wrong(&error))
    }

    /// Each sample is announced once, after it is visible, so an announced sample needs no further wait.
    #[inline]
    fn until<R>(sleeper: &mut Sleeper, mut look: impl FnMut() -> Option<R>) -> io::Result<R> {
        loop {
            if sleeper.announced == 0 {
                if abort::requested() {
                    return Err(abort::error());
                }
                let announced = &mut sleeper.announced;
                sleeper
                    .listener
                    .timed_wait(|event| *announced += event.count, SLEEP_SLICE)
                    .map_err(|error| wrong(&error))?;
            }
            let found = look();
            sleeper.announced = if found.is_some() { sleeper.announced.saturating_sub(1) } else { 0 };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    fn cost(shape: &Shape) -> [Counts; 2] {
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        [
            Counts { system_calls: 1.0, ..Counts::default() },
            // A wait with a limit takes setsockopt, two pairs of fcntl, and one more receive that finds the socket
            // empty.
            Counts { system_calls: 7.0 * sleeps, wakes: sleeps, context_switches: sleeps, ..Counts::default() },
        ]
    }
}

#[cold]
fn too_large(len: usize, max: usize) -> io::Error {
    let why = format!("samples of this service have at most {max} bytes, not {len}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
