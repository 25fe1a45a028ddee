//! Message format of the channels, and the worker's main loop.

use std::io;

use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};

use super::ResponseSender;
use crate::pool::Work;
use crate::pool::supervisor::WorkerContext;

/// Bytes before a request: its tag.
pub(super) const REQUEST_HEAD: usize = 8;
/// Bytes before a response: kind, worker, tag.
pub(super) const RESPONSE_HEAD: usize = 16;
/// Tag of a close message, which has no body.
pub(super) const CLOSE: u64 = 0;

/// Kind of a message to the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The response to the request with this tag.
    Response = 0,
    /// A probe, returned.
    Probe = 1,
    /// The worker died. The tag is that of the last request it received; the id of the request in execution follows.
    Death = 2,
}

/// Sends a message. If its reader dies meanwhile, a probe detects the loss later.
pub(super) fn send(requests: &IpcBytesSender, message: &[u8]) -> io::Result<()> {
    match requests.send(message) {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        other => other,
    }
}

pub(super) fn head(kind: Kind, worker: u32, tag: u64) -> [u8; RESPONSE_HEAD] {
    let mut head = [0; RESPONSE_HEAD];
    head[..4].copy_from_slice(&(kind as u32).to_le_bytes());
    head[4..8].copy_from_slice(&worker.to_le_bytes());
    head[8..].copy_from_slice(&tag.to_le_bytes());
    head
}

pub(super) fn read_head(message: &[u8]) -> Option<(Kind, u32, u64)> {
    let (kind, rest) = message.split_first_chunk()?;
    let (worker, rest) = rest.split_first_chunk()?;
    let (tag, _) = rest.split_first_chunk()?;
    let kind = match u32::from_le_bytes(*kind) {
        0 => Kind::Response,
        1 => Kind::Probe,
        2 => Kind::Death,
        _ => return None,
    };
    Some((kind, u32::from_le_bytes(*worker), u64::from_le_bytes(*tag)))
}

/// Main loop of a worker.
pub(super) fn serve<W: Work>(
    context: &WorkerContext,
    requests: &IpcBytesReceiver,
    responses: &impl ResponseSender,
    mut work: W,
) -> io::Result<()> {
    context.run(
        &mut work,
        &mut (CLOSE, vec![]),
        |(tag, message), work| {
            loop {
                let received = match requests.recv() {
                    Ok(received) => received,
                    // An incomplete message, which leaves the channel intact.
                    Err(IpcError::Disconnected) => continue,
                    Err(error) => return Err(io::Error::other(error)),
                };
                let Some((head, request)) = received.split_first_chunk() else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a request without a tag"));
                };
                *tag = u64::from_le_bytes(*head);
                match (*tag, request) {
                    (CLOSE, _) => return Ok(None),
                    (probe, []) => {
                        message.clear();
                        message.extend_from_slice(&self::head(Kind::Probe, context.index, probe));
                        responses.send(message)?;
                    }
                    (tag, request) => {
                        context.table.set_received(context.index, tag);
                        return Ok(Some(work.read(request)));
                    }
                }
            }
        },
        |(tag, message), bytes, fill| {
            message.resize(RESPONSE_HEAD + bytes, 0);
            message[..RESPONSE_HEAD].copy_from_slice(&head(Kind::Response, context.index, *tag));
            fill(&mut message[RESPONSE_HEAD..]);
            responses.send(message)
        },
    )
}
