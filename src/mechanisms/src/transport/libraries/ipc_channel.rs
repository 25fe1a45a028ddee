//! Bytes channel of `ipc-channel` between two processes, over SOCK_SEQPACKET socket pairs; a message larger than a
//! packet uses its own socket pair. Contrary to the documentation, `send` blocks while the socket's buffer is full, so
//! the channel is bounded. Cost: system calls for send, poll and receive, two copies, an allocation per message.
//! Source: the crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Operation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Maximum packet: the socket's send buffer (net.core.wmem_default), including kernel bookkeeping.
const PACKET_BYTES: f64 = 212_992.0;

/// Transport over the bytes channel.
pub struct IpcChannel;

/// Sender with its message buffer.
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
        offer::<IpcBytesReceiver>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<IpcChannelSender> {
        let (channel, receiver) = ipc::bytes_channel()?;
        bring(receiver, peers)?;
        Ok(IpcChannelSender { channel, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<IpcBytesReceiver> {
        accept(peers)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let [sender, receiver] = carried(shape.message_bytes as f64, shape.closed_loop());
        CostModel { sender, receiver, unexplained: Some(shape.sleepers_reason().into()) }
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
        let message = self.recv().map_err(|error| broken(&error))?;
        Ok(read(&message))
    }
}

/// Opens the receiver's one-shot server, a named socket in TMPDIR; the sender offers nothing. The server is removed
/// once both endpoints have attached. Source: `IpcOneShotServer`.
pub(super) fn offer<R: Serialize + DeserializeOwned + Send + 'static>(end: Endpoint) -> io::Result<Offer> {
    if end == Endpoint::Sender {
        return Ok(Offer::default());
    }
    let (server, path) = IpcOneShotServer::<R>::new()?;
    Ok(Offer { text: Some(path), keep: Some(Box::new(server)) })
}

/// Sends the receiving endpoint of a new channel to the server of the receiving worker.
pub(super) fn bring<R: Serialize>(receiver: R, peers: Peers) -> io::Result<()> {
    let path = peers.text.ok_or_else(|| io::Error::other("the receiver offered no server"))?;
    IpcSender::<R>::connect(path)?.send(receiver).map_err(io::Error::other)
}

/// Waits for the receiving endpoint at this worker's server.
pub(super) fn accept<R: Serialize + DeserializeOwned + 'static>(peers: Peers) -> io::Result<R> {
    let server = peers
        .keep
        .and_then(|kept| kept.downcast::<IpcOneShotServer<R>>().ok())
        .ok_or_else(|| io::Error::other("no server was kept from the offer"))?;
    Ok(server.accept().map_err(io::Error::other)?.1)
}

/// Cost of `bytes` sent through the kernel, for sender and receiver.
///
/// A message larger than a packet uses its own socket pair, which is created, passed and closed.
pub(super) fn carried(bytes: f64, closed_loop: bool) -> [Counts; 2] {
    let pieces = (bytes / PACKET_BYTES).ceil().max(1.0);
    let sleeps = if closed_loop { 1.0 } else { 0.0 };
    let pair_calls = if pieces > 1.0 { 3.0 } else { 0.0 };
    [
        Counts { system_calls: pieces + pair_calls, copied_bytes: bytes, ..Counts::default() }.carrying(
            Operation::UnixSend,
            pieces,
            bytes,
        ),
        Counts {
            system_calls: pieces + pair_calls / 3.0,
            copied_bytes: bytes,
            moved_bytes: bytes,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        }
        .carrying(Operation::UnixReceive, pieces, bytes),
    ]
}

/// Error of a receiver.
pub(super) fn broken(error: &impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error.to_string())
}
