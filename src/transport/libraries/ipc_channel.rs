//! `ipc-channel`'s bytes channel between two processes: SOCK_SEQPACKET socket pairs underneath; a message beyond one
//! packet goes over a socket pair of its own. Despite its documentation `send` blocks once the socket's buffer is full,
//! so this is a bounded channel. Cost: system calls for send, poll and receive, two copies, an allocation per message.
//! Source: the crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender};

use super::one_shot;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// The transport.
pub struct IpcChannel;

/// The sending end, and the buffer a message is built in.
pub struct IpcChannelSender {
    channel: IpcBytesSender,
    buffer: Vec<u8>,
}

impl Transport for IpcChannel {
    const SUMMARY: &'static str = "ipc-channel's bytes channel, blocking";
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = IpcChannelSender;
    type Receiver = IpcBytesReceiver;

    fn supports(_: &Shape) -> Result<(), String> {
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        one_shot::offer::<IpcBytesReceiver>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<IpcChannelSender> {
        let (channel, receiver) = ipc::bytes_channel()?;
        one_shot::bring(receiver, peers)?;
        Ok(IpcChannelSender { channel, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<IpcBytesReceiver> {
        one_shot::accept(peers)
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let [sender, receiver] = one_shot::carried(shape.message_bytes as f64, shape.closed_loop());
        Anatomy { sender, receiver }
    }
}

impl Sender for IpcChannelSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.buffer.resize(len, 0);
        fill(&mut self.buffer);
        self.channel.send(&self.buffer).map_err(io::Error::other)
    }
}

impl Receiver for IpcBytesReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let message = self.recv().map_err(|error| one_shot::broken(&error))?;
        Ok(read(&message))
    }
}
