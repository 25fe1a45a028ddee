//! `ipc-channel`'s bytes channel between two processes: SOCK_SEQPACKET socket pairs underneath; a message beyond one
//! packet goes over a socket pair of its own. Despite its documentation `send` blocks once the socket's buffer is full,
//! so this is a bounded channel. Cost: system calls for send, poll and receive, two copies, an allocation per message.
//! Source: the crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};

use crate::address::{Address, End};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// What fits one packet: the socket's send buffer (net.core.wmem_default), its bookkeeping included.
const PACKET_BYTES: f64 = 212_992.0;

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

    /// The receiving worker opens a one-shot server below its TMPDIR; the sender brings it the receiving end there.
    fn offer(_: &Address, _: &Shape, end: End) -> io::Result<Offer> {
        if end == End::Sender {
            return Ok(Offer::default());
        }
        let (server, path) = IpcOneShotServer::<IpcBytesReceiver>::new()?;
        Ok(Offer { text: Some(path), keep: Some(Box::new(server)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<IpcChannelSender> {
        let path = peers.text.ok_or_else(|| io::Error::other("the receiver offered no server"))?;
        let (channel, receiver) = ipc::bytes_channel()?;
        let server = IpcSender::<IpcBytesReceiver>::connect(path)?;
        server.send(receiver).map_err(io::Error::other)?;
        Ok(IpcChannelSender { channel, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<IpcBytesReceiver> {
        let server = peers
            .keep
            .and_then(|kept| kept.downcast::<IpcOneShotServer<IpcBytesReceiver>>().ok())
            .ok_or_else(|| io::Error::other("no server was kept from the offer"))?;
        let (_, receiver) = server.accept().map_err(io::Error::other)?;
        Ok(receiver)
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        let pieces = (bytes / PACKET_BYTES).ceil().max(1.0);
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        // A message in several packets makes a socket pair of its own: made, passed and closed again.
        let pair_calls = if pieces > 1.0 { 3.0 } else { 0.0 };
        Anatomy {
            sender: Counts { system_calls: pieces + pair_calls, copied_bytes: bytes, ..Counts::default() },
            receiver: Counts {
                system_calls: pieces + pair_calls / 3.0,
                copied_bytes: bytes,
                moved_bytes: bytes,
                wakes: sleeps,
                context_switches: sleeps,
                ..Counts::default()
            },
        }
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
        let message = self.recv().map_err(|e| io::Error::new(io::ErrorKind::BrokenPipe, e.to_string()))?;
        Ok(read(&message))
    }
}
