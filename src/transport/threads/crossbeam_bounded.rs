//! `crossbeam` bounded channel of owned messages, between threads of one process. Each message is a vector that the
//! sender allocates and the receiver frees, as most programs write it. A waiting side backs off, yields, then parks.
//! Cost: one slot hand-over, an allocation freed by another thread, and the payload's lines. Source: crossbeam-channel's
//! array flavour, after Vyukov's bounded MPMC queue.

use std::io;

use crossbeam::channel;

use crate::address::{Address, End};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

/// Messages in flight when the plan leaves it open.
const DEFAULT_DEPTH: u32 = 1024;
/// Bytes in flight at most then, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;

/// The transport.
pub struct CrossbeamBounded;

type Message = Vec<u8>;

impl Transport for CrossbeamBounded {
    const SUMMARY: &'static str = "crossbeam bounded channel of owned vectors, between threads";
    const GROUP: Group = Group::Threads;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    type Sender = channel::Sender<Message>;
    type Receiver = channel::Receiver<Message>;

    fn supports(_: &Shape) -> Result<(), String> {
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH as usize) as u32;
        Some(if shape.depth > 0 { shape.depth } else { fitting })
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = Self::depth(shape).unwrap_or(DEFAULT_DEPTH);
        Ok(Address::from_here(channel::bounded::<Message>(depth as usize)))
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        Ok(address.here::<(Self::Sender, Self::Receiver)>()?.0.clone())
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(address.here::<(Self::Sender, Self::Receiver)>()?.1.clone())
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        // The slot's stamp, then the vector it points at: two dependent hand-overs.
        Anatomy {
            // The fresh vector is zeroed before it is written.
            sender: Counts { copied_bytes: bytes, ..Counts::default() },
            receiver: Counts {
                line_hand_overs: 2.0,
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                ..Counts::default()
            },
        }
    }
}

impl Sender for channel::Sender<Message> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut message = vec![0; len];
        fill(&mut message);
        Self::send(self, message).map_err(|_| gone(End::Receiver))
    }
}

impl Receiver for channel::Receiver<Message> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.recv().map(|message| read(&message)).map_err(|_| gone(End::Sender))
    }
}

fn gone(end: End) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, format!("the {end:?} is gone"))
}
