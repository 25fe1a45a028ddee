//! What goes through the channels, and a worker's life at their other ends.

use std::io;

use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};

use super::Outlet;
use crate::pool::Work;
use crate::pool::hand::Seat;

/// Before a request: its ticket.
pub(super) const REQUEST_HEAD: usize = 8;
/// Before an answer: what it is, from whom, and the ticket that it belongs to.
pub(super) const ANSWER_HEAD: usize = 16;
/// The ticket of the last word, which stands alone.
pub(super) const LAST_WORD: u64 = 0;

/// What the dispatcher hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request of this ticket is answered.
    Answer = 0,
    /// The probe of this ticket came back.
    Probe = 1,
    /// The worker died; this was the last request that it received. The number of what it had in hand follows.
    KillPoint = 2,
}

/// Sends a message. One that breaks off because its reader dies is one of those that a probe finds missing.
pub(super) fn send(requests: &IpcBytesSender, message: &[u8]) -> io::Result<()> {
    match requests.send(message) {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        other => other,
    }
}

pub(super) fn head(kind: Kind, seat: u32, ticket: u64) -> [u8; ANSWER_HEAD] {
    let mut head = [0; ANSWER_HEAD];
    head[..4].copy_from_slice(&(kind as u32).to_le_bytes());
    head[4..8].copy_from_slice(&seat.to_le_bytes());
    head[8..].copy_from_slice(&ticket.to_le_bytes());
    head
}

pub(super) fn sender_of(message: &[u8]) -> Option<(Kind, u32, u64)> {
    let (kind, rest) = message.split_first_chunk()?;
    let (seat, rest) = rest.split_first_chunk()?;
    let (ticket, _) = rest.split_first_chunk()?;
    let kind = match u32::from_le_bytes(*kind) {
        0 => Kind::Answer,
        1 => Kind::Probe,
        2 => Kind::KillPoint,
        _ => return None,
    };
    Some((kind, u32::from_le_bytes(*seat), u64::from_le_bytes(*ticket)))
}

/// A worker's life.
pub(super) fn serve<W: Work>(
    seat: &Seat,
    requests: &IpcBytesReceiver,
    answers: &impl Outlet,
    mut work: W,
) -> io::Result<()> {
    seat.work_through(
        &mut work,
        &mut (LAST_WORD, vec![]),
        |(ticket, message), work| {
            loop {
                let received = match requests.recv() {
                    Ok(received) => received,
                    // A message that broke off in the middle leaves the channel as it was.
                    Err(IpcError::Disconnected) => continue,
                    Err(error) => return Err(io::Error::other(error)),
                };
                let Some((head, request)) = received.split_first_chunk() else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a request without a ticket"));
                };
                *ticket = u64::from_le_bytes(*head);
                match (*ticket, request) {
                    (LAST_WORD, _) => return Ok(None),
                    (probe, []) => {
                        message.clear();
                        message.extend_from_slice(&self::head(Kind::Probe, seat.number, probe));
                        answers.send(message)?;
                    }
                    (ticket, request) => {
                        seat.roster.holds(seat.number, ticket);
                        return Ok(Some(work.take(request)));
                    }
                }
            }
        },
        |(ticket, message), bytes, fill| {
            message.resize(ANSWER_HEAD + bytes, 0);
            message[..ANSWER_HEAD].copy_from_slice(&head(Kind::Answer, seat.number, *ticket));
            fill(&mut message[ANSWER_HEAD..]);
            answers.send(message)
        },
    )
}
