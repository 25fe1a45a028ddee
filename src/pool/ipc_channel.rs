//! ipc-channel: the dispatcher receives answers itself. Bytes channels, without serialising: a send, a receive, two copies
//! and an allocation of a whole packet's size for each message; the socket wakes whoever sleeps.
//! See [`super::ipc_channels`] for what both rows share. Source: the crate's documentation.

use std::io;

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender};
use ipc_channel::{IpcError, TryRecvError};

use super::ipc_channels::{Answers, IpcChannels, Outlet};
use super::{MAX_WORKERS, notices};

/// The pool.
pub type IpcChannel = IpcChannels<Direct>;

/// The receiving end, in the dispatcher.
pub struct Direct(IpcBytesReceiver);

/// Answers that may break off one after another because their senders die; more says that no sender is left.
const BROKEN_MAX: u32 = 2 * MAX_WORKERS;

impl Answers for Direct {
    const SUMMARY: &'static str = "an ipc-channel of bytes to each worker, and one of answers for all";
    type Outlet = IpcBytesSender;
    type Inlet = IpcBytesReceiver;

    fn make() -> io::Result<(IpcBytesSender, IpcBytesReceiver)> {
        ipc::bytes_channel()
    }

    fn listen(inlet: IpcBytesReceiver) -> io::Result<Self> {
        Ok(Self(inlet))
    }

    #[inline]
    fn next(&mut self) -> io::Result<Vec<u8>> {
        for _ in 0..BROKEN_MAX {
            match self.0.recv() {
                Ok(message) => return Ok(message),
                Err(IpcError::Disconnected) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Err(notices::abandoned())
    }

    #[inline]
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>> {
        for _ in 0..BROKEN_MAX {
            match self.0.try_recv() {
                Ok(message) => return Ok(Some(message)),
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::IpcError(IpcError::Disconnected)) => {}
                Err(TryRecvError::IpcError(error)) => return Err(io::Error::other(error)),
            }
        }
        Err(notices::abandoned())
    }
}

impl Outlet for IpcBytesSender {
    #[inline]
    fn send(&self, message: &mut Vec<u8>) -> io::Result<()> {
        Self::send(self, message)
    }
}
