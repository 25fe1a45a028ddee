//! Typed channel of `ipc-channel` between two processes, over its bytes channel: each message is a number and a vector
//! of bytes, which serde and postcard serialise. Cost: that of the bytes channel, an allocation at each endpoint, and
//! serialisation byte by byte, in and out. Source: the crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcReceiver, IpcSender};
use serde::{Deserialize, Serialize};

use super::ipc_channel as bytes;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Transport over the typed channel.
pub struct IpcChannelTyped;

/// Message.
#[derive(Serialize, Deserialize)]
struct Message {
    /// Sequence number.
    number: u64,
    body: Vec<u8>,
}

/// Sender.
pub struct TypedSender {
    channel: IpcSender<Message>,
    sent: u64,
}

/// Receiver.
pub struct TypedReceiver {
    channel: IpcReceiver<Message>,
    received: u64,
}

impl Transport for IpcChannelTyped {
    const SUMMARY: &'static str = "ipc-channel of values, serialised with postcard, blocking";
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = TypedSender;
    type Receiver = TypedReceiver;

    fn supports(_: &Shape) -> Result<(), String> {
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        bytes::offer::<IpcReceiver<Message>>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<TypedSender> {
        let (channel, receiver) = ipc::channel::<Message>()?;
        bytes::bring(receiver, peers)?;
        Ok(TypedSender { channel, sent: 0 })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<TypedReceiver> {
        Ok(TypedReceiver { channel: bytes::accept(peers)?, received: 0 })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let [sender, receiver] = bytes::carried(bytes, shape.closed_loop());
        CostModel {
            // The new vector is zeroed before it is written, and serialised before it is sent.
            sender: Counts { copied_bytes: sender.copied_bytes + 2.0 * bytes, ..sender },
            receiver: Counts { copied_bytes: receiver.copied_bytes + bytes, ..receiver },
            unexplained: Some(shape.sleepers_reason().into()),
        }
    }
}

impl Sender for TypedSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut message = Message { number: self.sent, body: vec![0; len] };
        fill(&mut message.body);
        self.sent += 1;
        self.channel.send(message).map_err(io::Error::other)
    }
}

impl Receiver for TypedReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let message = self.channel.recv().map_err(|error| bytes::broken(&error))?;
        if message.number != self.received {
            let why = format!("received message {} instead of message {}", message.number, self.received);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.received += 1;
        Ok(read(&message.body))
    }
}
