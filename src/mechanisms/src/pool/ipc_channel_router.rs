//! ipc-channel with its router: a thread of the dispatcher's process receives the responses and forwards each through a
//! crossbeam channel, so that the dispatcher can select over it and other such channels. The cost is a hop between
//! threads for each response, one more wake-up where the dispatcher sleeps, and serialisation (of the bytes as one
//! piece), since the router supports typed channels only.
//!
//! The router is the pool's own, since the thread of the library's global one never ends. It starts after the workers
//! were forked, since only a process with a single thread may fork. If a sender dies within a response larger than one
//! packet, the router drops the route; the dispatcher then gets an error and the pool ends. See [`super::ipc_channels`]
//! for what both rows share. Source: the crate's `router` module.

use std::fmt;
use std::io;

use crossbeam::channel::{Receiver, TryRecvError};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};
use ipc_channel::router::RouterProxy;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::death_reports;
use super::ipc_channels::{IpcChannels, ResponseSender, Responses};
use crate::child;

/// The pool.
pub type IpcChannelRouter = IpcChannels<Routed>;

/// The dispatcher's receiver, behind the router.
pub struct Routed {
    responses: Receiver<Message>,
    router: RouterProxy,
}

/// Ends the router's thread, so that the process has a single thread again and may open another pool.
impl Drop for Routed {
    fn drop(&mut self) {
        self.router.shutdown();
        // Otherwise the next pool's set-up would include the thread's way out of the kernel.
        let _ = child::require_one_thread();
    }
}

/// Bytes that serde handles as one piece.
pub struct Message(Vec<u8>);

impl Responses for Routed {
    const SUMMARY: &'static str = "an ipc-channel to each worker; a router thread forwards the responses of all";
    type Sender = IpcSender<Message>;
    type Receiver = IpcReceiver<Message>;

    fn create() -> io::Result<(IpcSender<Message>, IpcReceiver<Message>)> {
        ipc::channel()
    }

    fn start(receiver: IpcReceiver<Message>) -> io::Result<Self> {
        let router = RouterProxy::new();
        let responses = router.route_ipc_receiver_to_new_crossbeam_receiver(receiver);
        Ok(Self { responses, router })
    }

    #[inline]
    fn next(&mut self) -> io::Result<Vec<u8>> {
        self.responses.recv().map(|message| message.0).map_err(|_| death_reports::supervisor_gone())
    }

    #[inline]
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.responses.try_recv() {
            Ok(message) => Ok(Some(message.0)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(death_reports::supervisor_gone()),
        }
    }
}

impl ResponseSender for IpcSender<Message> {
    /// Takes the memory, since typed channels send values.
    #[inline]
    fn send(&self, message: &mut Vec<u8>) -> io::Result<()> {
        Self::send(self, Message(std::mem::take(message))).map_err(io::Error::other)
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Message;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Message, E> {
                Ok(Message(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
