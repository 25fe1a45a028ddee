//! ipc-channel; the dispatcher receives responses itself. Bytes channels, without serialisation: a send, a receive, two
//! copies and an allocation of a whole packet's size for each message. The receiver sleeps in the socket.
//! See [`super::ipc_channels`] for what both rows share. Source: the crate's documentation.

use std::io;

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender};
use ipc_channel::{IpcError, TryRecvError};

use super::ipc_channels::{IpcChannels, ResponseSender, Responses};
use super::{MAX_WORKERS, death_reports};

/// The pool.
pub type IpcChannel = IpcChannels<Direct>;

/// The dispatcher's receiver.
pub struct Direct(IpcBytesReceiver);

/// Most successive responses that are incomplete because their senders died. More mean that no sender is left.
const INCOMPLETE_MAX: u32 = 2 * MAX_WORKERS;

impl Responses for Direct {
    const SUMMARY: &'static str = "an ipc-channel of bytes to each worker, and one of responses for all";
    type Sender = IpcBytesSender;
    type Receiver = IpcBytesReceiver;

    fn create() -> io::Result<(IpcBytesSender, IpcBytesReceiver)> {
        ipc::bytes_channel()
    }

    fn start(receiver: IpcBytesReceiver) -> io::Result<Self> {
        Ok(Self(receiver))
    }

    #[inline]
    fn next(&mut self) -> io::Result<Vec<u8>> {
        for _ in 0..INCOMPLETE_MAX {
            match self.0.recv() {
                Ok(message) => return Ok(message),
                Err(IpcError::Disconnected) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Err(death_reports::supervisor_gone())
    }

    #[inline]
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>> {
        for _ in 0..INCOMPLETE_MAX {
            match self.0.try_recv() {
                Ok(message) => return Ok(Some(message)),
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::IpcError(IpcError::Disconnected)) => {}
                Err(TryRecvError::IpcError(error)) => return Err(io::Error::other(error)),
            }
        }
        Err(death_reports::supervisor_gone())
    }
}

impl ResponseSender for IpcBytesSender {
    #[inline]
    fn send(&self, message: &mut Vec<u8>) -> io::Result<()> {
        Self::send(self, message)
    }
}
