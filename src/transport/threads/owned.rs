//! What the channels between threads share: a message is a vector that the sender allocates and the receiver frees, as
//! most programs write it, and dropping the last end of one side wakes the other with an error. A crate's channel brings
//! its two ends ([`Push`], [`Pop`]) and how to make them ([`Channel`]); this file makes a transport of it.
//!
//! Cost of a message: one allocation freed by another thread, the queue's lines, the lines of the vector.

use std::io;
use std::marker::PhantomData;
use std::sync::Mutex;

use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Measure, Wait};
use crate::transport::{MEASURES, MEASURES_APART, Peers, Receiver, Sender, Shape, Topology, Transport};

/// What travels.
pub type Message = Vec<u8>;

/// Messages in flight when the plan leaves it open.
const DEFAULT_DEPTH: u32 = 1024;
/// Bytes in flight at most then, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// Largest message of an open loop through a channel without a bound.
const UNBOUNDED_STREAM_BYTES_MAX: usize = 64 << 10;

/// How many messages a channel holds before a sender waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// As many as the plan says.
    Bounded,
    /// None: sender and receiver meet.
    Rendezvous,
    /// As many as there is memory for.
    Unbounded,
}

/// A sending end.
pub trait Push: Sized + Send + 'static {
    /// Waits for room and hands `message` over.
    ///
    /// Errors: `BrokenPipe` when no receiving end is left, `Interrupted` when the trial is called off.
    fn push(&mut self, message: Message) -> io::Result<()>;
    /// An end for one more sender; the kept one itself where there can be one only.
    fn another(kept: &mut Option<Self>) -> Option<Self>;
}

/// A receiving end.
pub trait Pop: Sized + Send + 'static {
    /// Waits for a message and takes it.
    ///
    /// Errors: `BrokenPipe` when no sending end is left, `Interrupted` when the trial is called off.
    fn pop(&mut self) -> io::Result<Message>;
    /// An end for one more receiver; the kept one itself where there can be one only.
    fn another(kept: &mut Option<Self>) -> Option<Self>;
}

/// A channel of owned messages as its crate offers it.
pub trait Channel: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How an idle side waits.
    const WAIT: Wait;
    /// How much it holds.
    const CAPACITY: Capacity;
    /// How many ends it can have.
    const TOPOLOGY: Topology = Topology::ManyToMany;
    /// Cache lines of the queue itself that a receiver fetches from the sender's core, one after the other, per message.
    const LINES: f64;
    /// The sending end.
    type Push: Push;
    /// The receiving end.
    type Pop: Pop;

    /// Makes the channel. `depth` counts where the capacity is bounded.
    fn open(depth: usize) -> (Self::Push, Self::Pop);
}

/// The transport made of a channel.
pub struct Owned<C>(PhantomData<C>);

/// The two ends until the threads fetch theirs.
struct Ends<C: Channel> {
    push: Mutex<Option<C::Push>>,
    pop: Mutex<Option<C::Pop>>,
}

/// A sending end that allocates each message.
pub struct Tail<P> {
    end: P,
    message_bytes_max: usize,
}

/// A receiving end that frees each message.
pub struct Head<P>(P);

impl<C: Channel> Transport for Owned<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const GROUP: Group = Group::Threads;
    const MEASURES: &'static [Measure] = match C::CAPACITY {
        Capacity::Rendezvous => MEASURES_APART,
        Capacity::Bounded | Capacity::Unbounded => MEASURES,
    };
    const TOPOLOGY: Topology = C::TOPOLOGY;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Option<Wait> = Some(C::WAIT);
    const POLLS: bool = matches!(C::WAIT, Wait::Spin | Wait::SpinYield | Wait::Busy);
    type Sender = Tail<C::Push>;
    type Receiver = Head<C::Pop>;

    fn supports(shape: &Shape) -> Result<(), String> {
        let bytes = shape.message_bytes;
        match C::CAPACITY {
            Capacity::Rendezvous if shape.depth > 0 => {
                Err(format!("this channel holds no message, so its depth cannot be {}", shape.depth))
            }
            Capacity::Unbounded if shape.depth > 0 => {
                Err(format!("this channel grows as it must, so its depth cannot be {}", shape.depth))
            }
            Capacity::Unbounded if !shape.closed_loop() && bytes > UNBOUNDED_STREAM_BYTES_MAX => Err(format!(
                "an unbounded channel may hold the whole stream in memory, so its messages have at most \
                 {UNBOUNDED_STREAM_BYTES_MAX} bytes here, not {bytes}"
            )),
            _ => Ok(()),
        }
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH as usize) as u32;
        match C::CAPACITY {
            Capacity::Bounded => Some(if shape.depth > 0 { shape.depth } else { fitting }),
            Capacity::Rendezvous => Some(0),
            Capacity::Unbounded => None,
        }
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = Self::depth(shape).unwrap_or(DEFAULT_DEPTH);
        let (push, pop) = C::open(depth as usize);
        Ok(Address::from_here(Ends::<C> { push: Mutex::new(Some(push)), pop: Mutex::new(Some(pop)) }))
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        let ends = address.here::<Ends<C>>()?;
        let mut kept = ends.push.lock().map_err(|_| taken(Endpoint::Sender))?;
        let end = Push::another(&mut kept).ok_or_else(|| taken(Endpoint::Sender))?;
        // Where nothing is held, a message that nobody agreed to take would keep its sender for good.
        let agreed_only = C::CAPACITY == Capacity::Rendezvous;
        Ok(Tail { end, message_bytes_max: if agreed_only { shape.message_bytes } else { usize::MAX } })
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        let ends = address.here::<Ends<C>>()?;
        let mut kept = ends.pop.lock().map_err(|_| taken(Endpoint::Receiver))?;
        Pop::another(&mut kept).map(Head).ok_or_else(|| taken(Endpoint::Receiver))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        // A side that parks without polling first sleeps for every message of a closed loop, and is woken by the other.
        let sleeps = if C::WAIT == Wait::Park && shape.closed_loop() { 1.0 } else { 0.0 };
        Anatomy {
            // The fresh vector is zeroed before it is written.
            sender: Counts { system_calls: sleeps, copied_bytes: bytes, ..Counts::default() },
            receiver: Counts {
                system_calls: sleeps,
                // The queue's lines, then the vector that they point at: dependent hand-overs.
                line_hand_overs: C::LINES + if bytes > 0.0 { 1.0 } else { 0.0 },
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                wakes: sleeps,
                context_switches: sleeps,
                ..Counts::default()
            },
        }
    }
}

impl<P: Push> Sender for Tail<P> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.message_bytes_max {
            return Err(too_large(len, self.message_bytes_max));
        }
        let mut message = vec![0; len];
        fill(&mut message);
        self.end.push(message)
    }
}

impl<P: Pop> Receiver for Head<P> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.0.pop().map(|message| read(&message))
    }
}

/// The error of an end whose other side has gone.
#[cold]
pub fn gone(end: Endpoint) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, format!("the {end:?} is gone"))
}

#[cold]
fn too_large(len: usize, max: usize) -> io::Error {
    let why = format!("both sides agreed on messages of at most {max} bytes, not {len}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn taken(end: Endpoint) -> io::Error {
    io::Error::other(format!("the {end:?}'s end was given away already"))
}
