//! How `ipc-channel` brings two processes together, for every row of its: the receiving worker opens a one-shot server, a
//! named socket below its TMPDIR; the sender makes the channel and brings the receiving end there. Nothing of it is left
//! once both have attached. Source: `IpcOneShotServer`.

use std::io;

use ipc_channel::ipc::{IpcOneShotServer, IpcSender};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::Endpoint;
use crate::record::Counts;
use crate::transport::{Offer, Peers};

/// What fits one packet: the socket's send buffer (net.core.wmem_default), its bookkeeping included.
const PACKET_BYTES: f64 = 212_992.0;

/// Opens the receiver's server; the sender has nothing to offer.
pub fn offer<R: Serialize + DeserializeOwned + Send + 'static>(end: Endpoint) -> io::Result<Offer> {
    if end == Endpoint::Sender {
        return Ok(Offer::default());
    }
    let (server, path) = IpcOneShotServer::<R>::new()?;
    Ok(Offer { text: Some(path), keep: Some(Box::new(server)) })
}

/// Takes the receiving end to the other worker's server.
pub fn bring<R: Serialize>(receiver: R, peers: Peers) -> io::Result<()> {
    let path = peers.text.ok_or_else(|| io::Error::other("the receiver offered no server"))?;
    IpcSender::<R>::connect(path)?.send(receiver).map_err(io::Error::other)
}

/// Waits for the receiving end at this worker's own server.
pub fn accept<R: Serialize + DeserializeOwned + 'static>(peers: Peers) -> io::Result<R> {
    let server = peers
        .keep
        .and_then(|kept| kept.downcast::<IpcOneShotServer<R>>().ok())
        .ok_or_else(|| io::Error::other("no server was kept from the offer"))?;
    Ok(server.accept().map_err(io::Error::other)?.1)
}

/// What carrying `bytes` through the kernel costs the sender and the receiver.
///
/// A message beyond one packet goes over a socket pair of its own: made, passed and closed again.
pub fn carried(bytes: f64, closed_loop: bool) -> [Counts; 2] {
    let pieces = (bytes / PACKET_BYTES).ceil().max(1.0);
    let sleeps = if closed_loop { 1.0 } else { 0.0 };
    let pair_calls = if pieces > 1.0 { 3.0 } else { 0.0 };
    [
        Counts { system_calls: pieces + pair_calls, copied_bytes: bytes, ..Counts::default() },
        Counts {
            system_calls: pieces + pair_calls / 3.0,
            copied_bytes: bytes,
            moved_bytes: bytes,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    ]
}

/// The error of a receiving end.
pub fn broken(error: &impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error.to_string())
}
