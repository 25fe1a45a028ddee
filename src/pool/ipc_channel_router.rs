//! ipc-channel with its router: a thread of the dispatcher's process receives the answers and passes each on through a
//! crossbeam channel, so that the dispatcher can wait for them together with anything else that such channels bring. The
//! price is a hop between threads for each answer, a wake more where the dispatcher sleeps, and serialising: the router
//! knows typed channels only. The bytes are serialised as one piece.
//!
//! The router is this pool's own, not the library's global one, whose thread never ends; it starts after the workers were
//! forked, since only a process of one thread may fork. An answer beyond one packet whose sender dies in the middle of it
//! ends the router's route, and with it the pool: the dispatcher is told. See [`super::ipc_channels`] for what both rows
//! share. Source: the crate's `router` module.

use std::fmt;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, TryRecvError};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};
use ipc_channel::router::RouterProxy;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ipc_channels::{Answers, IpcChannels, Outlet};
use super::notices;

/// The pool.
pub type IpcChannelRouter = IpcChannels<Routed>;

/// The other end of the router, in the dispatcher.
pub struct Routed {
    answers: Receiver<Message>,
    router: RouterProxy,
}

/// How long a joined thread may take to leave the kernel's list of threads.
const LEAVING_MAX: Duration = Duration::from_secs(1);

/// Ends the router's thread. The process has one thread again then, and may open another pool.
impl Drop for Routed {
    fn drop(&mut self) {
        self.router.shutdown();
        let begun = Instant::now();
        let threads = || fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        // Whoever joins a thread is woken before it is gone altogether.
        while threads() > 1 && begun.elapsed() < LEAVING_MAX {
            thread::yield_now();
        }
    }
}

/// Bytes that serde takes and gives as one piece.
pub struct Message(Vec<u8>);

impl Answers for Routed {
    const SUMMARY: &'static str = "an ipc-channel to each worker; a router thread passes the answers of all on";
    type Outlet = IpcSender<Message>;
    type Inlet = IpcReceiver<Message>;

    fn make() -> io::Result<(IpcSender<Message>, IpcReceiver<Message>)> {
        ipc::channel()
    }

    fn listen(inlet: IpcReceiver<Message>) -> io::Result<Self> {
        let router = RouterProxy::new();
        let answers = router.route_ipc_receiver_to_new_crossbeam_receiver(inlet);
        Ok(Self { answers, router })
    }

    #[inline]
    fn next(&mut self) -> io::Result<Vec<u8>> {
        self.answers.recv().map(|message| message.0).map_err(|_| notices::abandoned())
    }

    #[inline]
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.answers.try_recv() {
            Ok(message) => Ok(Some(message.0)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(notices::abandoned()),
        }
    }
}

impl Outlet for IpcSender<Message> {
    /// Takes the memory: a typed channel wants values.
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
