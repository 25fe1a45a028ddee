//! Pools over ipc-channel: one channel of requests to each worker, one of answers for all. They differ in how the
//! dispatcher gets at the answers. Not a mechanism.
//!
//! All ends are made before the workers are forked. The foreman keeps the receiving ends, so a successor goes on with the
//! channel of the dead, where requests lie in packets that nobody leaves half read. A death is told in the channel of
//! answers, behind what the dead worker still answered. What it had in hand is lost, if its line on the roster says that
//! it had begun; what it had taken out of the channel and not begun would never be answered, and nobody knows what that
//! is: so a probe goes in behind its requests, and when the successor sends it back, all that went in before has either
//! come back or is gone, and is handed out again.
//!
//! `send` blocks once the socket's buffer is full, and until it was read for a message beyond one packet. So a worker has
//! no more frames at a time than fit the buffer with ease, and one only where they are large: it has then nothing else to
//! do than to receive it. Nobody looks at the abort word inside `send` and `recv`: the harness ends the process.
//! Source: the crate's unix back end.

mod wire;

use std::collections::VecDeque;
use std::io;

use ipc_channel::ipc::{self, IpcBytesSender};

use super::foreman::Foreman;
use super::hand::Seat;
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, share};
use crate::record::Wait;
use wire::{ANSWER_HEAD, Kind, LAST_WORD, REQUEST_HEAD, head, send, sender_of, serve};

/// Frames of which a worker has two or more at a time, at most: several of these fit a socket's buffer.
const SMALL_BYTES: usize = 16 * 1024;
/// Frame number of one who had nothing in hand.
const NO_FRAME: u64 = u64::MAX;
/// Last words for each worker: one that dies with its own already taken is replaced by one that needs another.
const LAST_WORDS: u32 = 2;

/// How the dispatcher gets at the answers.
pub trait Answers: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What each worker sends with.
    type Outlet: Outlet;
    /// The other end, before it is listened to.
    type Inlet;

    /// Makes the channel, before anybody is forked.
    fn make() -> io::Result<(Self::Outlet, Self::Inlet)>;
    /// From now on nobody is forked by this process; the dispatcher has no outlet any more.
    fn listen(inlet: Self::Inlet) -> io::Result<Self>;
    /// Waits for the next message.
    ///
    /// Errors: nobody is left to send one.
    fn next(&mut self) -> io::Result<Vec<u8>>;
    /// The next message if there is one.
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// What a worker sends with.
pub trait Outlet: Clone {
    /// Sends a message, whose memory it may keep.
    fn send(&self, message: &mut Vec<u8>) -> io::Result<()>;
}

/// The pool, by how answers are got at.
pub struct IpcChannels<A> {
    seats: Vec<Desk>,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory of requests that were answered.
    spare: Vec<Vec<u8>>,
    /// Of the last request or probe.
    ticket: u64,
    ahead: usize,
    foreman: Foreman,
    answers: A,
}

/// The dispatcher's side of one worker.
struct Desk {
    requests: IpcBytesSender,
    /// Requests that are with it and their tickets, oldest first.
    line: VecDeque<(u64, Vec<u8>)>,
}

impl<A: Answers> Pool for IpcChannels<A> {
    const SUMMARY: &'static str = A::SUMMARY;
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let (outlet, inlet) = A::make()?;
        let (mut seats, mut crew) = (vec![], vec![]);
        for _ in 0..staff.workers {
            let (requests, taken) = ipc::bytes_channel()?;
            seats.push(Desk { requests, line: VecDeque::new() });
            crew.push(taken);
        }
        let roster = Roster::for_seats(staff.workers)?;
        let foreman = Foreman::start(
            staff.workers,
            &roster,
            |number| {
                let cpu = staff.cpus.get(number as usize).copied();
                let seat = Seat { number, cpu, roster: roster.clone(), share: None };
                serve(&seat, &crew[number as usize], &outlet, work.clone())
            },
            |loss: Loss| {
                let mut message = head(Kind::KillPoint, loss.worker, roster.ticket(loss.worker)).to_vec();
                message.extend_from_slice(&loss.frame.unwrap_or(NO_FRAME).to_le_bytes());
                outlet.send(&mut message)
            },
        )?;
        drop(outlet);
        let ahead = if staff.frame_bytes > SMALL_BYTES { 1 } else { share::ahead(staff) };
        Ok(Self {
            seats,
            waiting: VecDeque::new(),
            spare: vec![],
            ticket: LAST_WORD,
            ahead,
            foreman,
            answers: A::listen(inlet)?,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut request = self.spare.pop().unwrap_or_default();
        request.resize(REQUEST_HEAD + len, 0);
        fill(&mut request[REQUEST_HEAD..]);
        self.waiting.push_back(request);
        self.share_out()
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            let message = self.answers.next()?;
            if let Some(collected) = self.sort(&message, &mut read)? {
                return Ok(collected);
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        while let Some(message) = self.answers.try_next()? {
            if let Some(collected) = self.sort(&message, &mut read)? {
                return Ok(Some(collected));
            }
        }
        Ok(None)
    }

    fn hands(&self) -> Vec<Hand> {
        self.foreman.hands()
    }

    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.seats.iter().any(|seat| !seat.line.is_empty()) {
            self.collect(|_| ())?;
        }
        for seat in &self.seats {
            for _ in 0..LAST_WORDS {
                send(&seat.requests, &LAST_WORD.to_le_bytes())?;
            }
        }
        self.foreman.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.foreman.stop()
    }
}

impl<A: Answers> IpcChannels<A> {
    /// Gives those that wait to whoever has least to do.
    #[inline]
    fn share_out(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let loads = self.seats.iter().map(|seat| seat.line.len());
            let Some(seat) = share::least_loaded(loads, self.ahead) else { break };
            let Some(mut request) = self.waiting.pop_front() else { break };
            self.ticket += 1;
            request[..REQUEST_HEAD].copy_from_slice(&self.ticket.to_le_bytes());
            let Desk { requests, line } = &mut self.seats[seat];
            line.push_back((self.ticket, request));
            line.back().map_or(Ok(()), |(_, request)| send(requests, request))?;
        }
        Ok(())
    }

    /// What a message comes to, if it is for the caller.
    #[inline]
    fn sort<R>(
        &mut self,
        message: &[u8],
        read: &mut Option<impl FnOnce(&[u8]) -> R>,
    ) -> io::Result<Option<Collected<R>>> {
        let unsound = || io::Error::new(io::ErrorKind::InvalidData, "an answer to nothing, or from nobody");
        let (kind, worker, ticket) = sender_of(message).ok_or_else(unsound)?;
        let line = &mut self.seats.get_mut(worker as usize).ok_or_else(unsound)?.line;
        let collected = match kind {
            Kind::Answer => {
                // Requests are answered in their order, so those before this one are gone with the dead.
                self.waiting.extend(before(line, ticket));
                let (first, request) = line.pop_front().ok_or_else(unsound)?;
                if first != ticket {
                    return Err(unsound());
                }
                self.spare.push(request);
                read.take().map(|read| Collected::Answer(read(&message[ANSWER_HEAD..])))
            }
            Kind::Probe => {
                self.waiting.extend(before(line, ticket));
                None
            }
            Kind::KillPoint => Some(Collected::Lost(self.bury(worker, ticket, &message[ANSWER_HEAD..])?)),
        };
        self.share_out()?;
        Ok(collected)
    }

    /// What a death cost; sends a probe after what may have gone with it.
    #[cold]
    fn bury(&mut self, worker: u32, ticket: u64, frame: &[u8]) -> io::Result<Loss> {
        let frame = frame.try_into().map_or(NO_FRAME, u64::from_le_bytes);
        let Desk { requests, line } = &mut self.seats[worker as usize];
        // Not there any more when it was answered.
        let had = line.iter().position(|(number, _)| *number == ticket && frame != NO_FRAME);
        let lost = had.and_then(|at| line.remove(at));
        self.ticket += 1;
        send(requests, &self.ticket.to_le_bytes())?;
        let frame = lost.is_some().then_some(frame);
        self.spare.extend(lost.map(|(_, request)| request));
        Ok(Loss { worker, frame })
    }
}

/// Takes the requests out of a line that went in before `ticket`.
#[inline]
fn before(line: &mut VecDeque<(u64, Vec<u8>)>, ticket: u64) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(move || {
        line.front().filter(|(first, _)| *first < ticket)?;
        line.pop_front().map(|(_, request)| request)
    })
}
