//! The transport over the library itself.

use std::io;
use std::time::Duration;

use nng::options::{Options, RecvBufferSize, RecvMaxSize, RecvTimeout, SendBufferSize, SendTimeout};
use nng::{Error, Message, Protocol, Socket};

use super::super::ipc_url;
use super::super::library::Library;
use super::About;
use crate::abort;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Messages that each side's queue holds; its own default is one.
const QUEUE: i32 = 128;
/// Bytes in each side's queue at most, so that large messages do not fill memory.
const QUEUE_BYTES: usize = 8 << 20;
/// A waiting side looks at the abort word this often.
const SLICE: Duration = Duration::from_millis(50);

/// The transport.
pub struct PushPull;

/// The sending end.
pub struct Push(Socket);

/// The receiving end.
pub struct Pull(Socket);

impl Transport for PushPull {
    const SUMMARY: &'static str = About::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(About::WAIT);
    type Sender = Push;
    type Receiver = Pull;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 0 {
            let why = "two queues and a socket's buffer hold the messages, so the depth cannot be set to";
            return Err(format!("{why} {}", shape.depth));
        }
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// The receiving worker listens at a path below its TMPDIR.
    fn offer(_: &Address, shape: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let socket = open(Protocol::Pull0, shape)?;
        let url = ipc_url::fresh()?;
        socket.listen(&url)?;
        Ok(Offer { text: Some(url), keep: Some(Box::new(socket)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Push> {
        let url = peers.text.ok_or_else(|| io::Error::other("the receiver offered no path"))?;
        let socket = open(Protocol::Push0, shape)?;
        socket.dial(&url)?;
        Ok(Push(socket))
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Pull> {
        let kept = peers.keep.and_then(|kept| kept.downcast::<Socket>().ok());
        kept.map(|socket| Pull(*socket)).ok_or_else(|| io::Error::other("no socket was kept from the offer"))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        Anatomy {
            // sendmsg and getrandom, and a futex to hand the message to the pool and one to return. The fresh message is
            // zeroed before it is written; then the kernel copies it.
            sender: Counts {
                system_calls: 2.0 + 2.0 * sleeps,
                copied_bytes: 2.0 * bytes,
                wakes: sleeps,
                ..Counts::default()
            },
            receiver: Counts {
                // Three readv (length, body, nothing left), epoll_wait, epoll_ctl, getrandom; then futexes, two a wake.
                system_calls: 6.0 + 4.0 * sleeps,
                copied_bytes: bytes,
                moved_bytes: bytes,
                wakes: 2.0 * sleeps,
                context_switches: sleeps,
                ..Counts::default()
            },
        }
    }
}

fn open(protocol: Protocol, shape: &Shape) -> io::Result<Socket> {
    let socket = Socket::new(protocol)?;
    let queue = i32::try_from(QUEUE_BYTES / shape.message_bytes.max(1)).unwrap_or(QUEUE).clamp(4, QUEUE);
    if protocol == Protocol::Push0 {
        socket.set_opt::<SendBufferSize>(queue)?;
        socket.set_opt::<SendTimeout>(Some(SLICE))?;
    } else {
        socket.set_opt::<RecvBufferSize>(queue)?;
        socket.set_opt::<RecvTimeout>(Some(SLICE))?;
        // No limit; its own default is 1 MiB.
        socket.set_opt::<RecvMaxSize>(0)?;
    }
    Ok(socket)
}

impl Sender for Push {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut message = Message::with_zeros(len);
        fill(message.as_mut_slice());
        loop {
            // A message that found no room comes back.
            match self.0.send(message) {
                Err((back, Error::TimedOut)) if !abort::requested() => message = back,
                Err((_, Error::TimedOut)) => return Err(abort::error()),
                done => return done.map_err(|(_, error)| error.into()),
            }
        }
    }
}

impl Receiver for Pull {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        loop {
            match self.0.recv() {
                Err(Error::TimedOut) if abort::requested() => return Err(abort::error()),
                Err(Error::TimedOut) => {}
                received => return Ok(read(received?.as_slice())),
            }
        }
    }
}
