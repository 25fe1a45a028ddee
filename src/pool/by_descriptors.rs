//! A channel of the kernel to each worker, for the pools that differ in what it is made of. Not a mechanism.
//!
//! The dispatcher hands each frame to the worker with the fewest and keeps it until it is answered; the rest waits with
//! him. A worker answers in the order of its requests. So when one dies, the dispatcher reads what it still answered; the
//! next frame in its line is the one it had in hand, if its line on the roster says that it had begun, and is lost; the
//! others were not begun, and go to whoever is free. The successor has a fresh channel: the old one may have been left in
//! the middle of a frame.
//!
//! Cost of a task handed out by itself: a write, a read and a poll of the dispatcher, a read and a write of the worker, two
//! copies each way, a wake and a sleep on both sides. Frames that come at once share polls, and reads where the channel
//! keeps no borders.

mod desk;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags};

use super::descriptors;
use super::foreman::Foreman;
use super::hand::Seat;
use super::notices::{self, Notice, Notices};
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, share};
use crate::record::Wait;
use desk::{Desk, serve};

/// Bytes before each frame: its length.
const HEAD: usize = 4;

/// What the channels of a pool are made of.
pub trait Channels: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;

    /// Refuses frames that it cannot carry, each with `head_bytes` before it.
    ///
    /// Errors: the reason, with the limit.
    fn supports(frame_bytes: usize, head_bytes: usize) -> Result<(), String>;
    /// Makes a channel for such frames.
    fn make(frame_bytes: usize) -> io::Result<Channel>;
}

/// Both ends of a channel.
pub struct Channel {
    /// The dispatcher's.
    pub dispatcher: Ends,
    /// The worker's.
    pub worker: Ends,
}

/// What one side reads from and writes to; of a socket, the same twice.
pub struct Ends {
    /// For requests.
    pub requests: OwnedFd,
    /// For answers.
    pub answers: OwnedFd,
}

/// The pool over channels `C`.
pub struct ByDescriptors<C> {
    seats: Vec<Desk>,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory of requests that were answered.
    spare: Vec<Vec<u8>>,
    /// What came back outside of its turn.
    early: VecDeque<Collected<Vec<u8>>>,
    /// The seat to look at next, so that none is passed over for ever.
    next: usize,
    ahead: usize,
    notices: Notices,
    foreman: Foreman,
    channels: PhantomData<C>,
}

impl<C: Channels> Pool for ByDescriptors<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn supports(staff: &Staff) -> Result<(), String> {
        C::supports(staff.frame_bytes, HEAD)
    }

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let frame_bytes = staff.frame_bytes;
        let (mut seats, mut crew) = (vec![], vec![]);
        for _ in 0..staff.workers {
            let channel = C::make(HEAD + frame_bytes)?;
            seats.push(Desk::new(channel.dispatcher, frame_bytes)?);
            crew.push(channel.worker);
        }
        let roster = Roster::for_seats(staff.workers)?;
        let (teller, notices) = notices::pair()?;
        // In the foreman: the ends of whoever sits there, and of who comes next.
        let crew = &RefCell::new(crew);
        let dead = roster.clone();
        let foreman = Foreman::start(
            staff.workers,
            &roster,
            |number| {
                let cpu = staff.cpus.get(number as usize).copied();
                let seat = Seat { number, cpu, roster: roster.clone(), share: None };
                serve(&seat, &crew.borrow()[number as usize], frame_bytes, work.clone())
            },
            // Owned, so that only the foreman and his workers keep that end.
            move |loss: Loss| {
                let channel = C::make(HEAD + frame_bytes)?;
                let Ends { requests, answers } = &channel.dispatcher;
                teller.tell(loss, dead.ticket(loss.worker), &[requests.as_fd(), answers.as_fd()])?;
                crew.borrow_mut()[loss.worker as usize] = channel.worker;
                Ok(())
            },
        )?;
        Ok(Self {
            seats,
            waiting: VecDeque::new(),
            spare: vec![],
            early: VecDeque::new(),
            next: 0,
            ahead: share::ahead(staff),
            notices,
            foreman,
            channels: PhantomData,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut request = self.spare.pop().unwrap_or_default();
        descriptors::build::<HEAD>(&mut request, len, fill);
        self.hand_on(request)
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        while !self.has_something()? {
            if !self.listen(true)? {
                return Err(notices::abandoned());
            }
        }
        self.take(read)
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        if !self.has_something()? {
            if !self.listen(false)? {
                return Err(notices::abandoned());
            }
            if !self.has_something()? {
                return Ok(None);
            }
        }
        self.take(read).map(Some)
    }

    fn hands(&self) -> Vec<Hand> {
        self.foreman.hands()
    }

    /// A frame of no bytes is the last word. One who dies before it reads its own is followed by one who gets another.
    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.seats.iter().any(|seat| !seat.line.is_empty()) {
            self.collect(|_| ())?;
        }
        for seat in &mut self.seats {
            seat.give(vec![0; HEAD])?;
        }
        while self.listen(true)? {}
        self.foreman.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.foreman.stop()
    }
}

impl<C: Channels> ByDescriptors<C> {
    /// To whoever has least to do, or to those that wait.
    #[inline]
    fn hand_on(&mut self, request: Vec<u8>) -> io::Result<()> {
        match share::least_loaded(self.seats.iter().map(|seat| seat.line.len()), self.ahead) {
            Some(seat) if self.waiting.is_empty() => self.seats[seat].give(request),
            _ => {
                self.waiting.push_back(request);
                Ok(())
            }
        }
    }

    /// Whether an answer or a loss is here already; if so, it is early or at the next seat.
    #[inline]
    fn has_something(&mut self) -> io::Result<bool> {
        if !self.early.is_empty() {
            return Ok(true);
        }
        for _ in 0..self.seats.len() {
            if self.seats[self.next].incoming.first()?.is_some() {
                return Ok(true);
            }
            self.next = (self.next + 1) % self.seats.len();
        }
        Ok(false)
    }

    /// Takes what is there.
    #[inline]
    fn take<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        if let Some(early) = self.early.pop_front() {
            return Ok(match early {
                Collected::Answer(answer) => Collected::Answer(read(&answer)),
                Collected::Lost(loss) => Collected::Lost(loss),
            });
        }
        let missing = || io::Error::other("nothing has come back");
        let (result, request) = self.seats[self.next].answer(read)?.ok_or_else(missing)?;
        self.spare.push(request);
        if let Some(request) = self.waiting.pop_front() {
            self.seats[self.next].give(request)?;
        }
        Ok(Collected::Answer(result))
    }

    /// Reads whatever has come from anybody, and writes where there is room now; sleeps until there is, if it `waits`.
    /// False when the foreman has ended.
    fn listen(&mut self, waits: bool) -> io::Result<bool> {
        let mut ends = Vec::with_capacity(2 * self.seats.len() + 1);
        ends.push(PollFd::new(self.notices.end(), PollFlags::POLLIN));
        for seat in &self.seats {
            ends.push(PollFd::new(seat.ends.answers.as_fd(), PollFlags::POLLIN));
            let wanted = if seat.unwritten > 0 { PollFlags::POLLOUT } else { PollFlags::empty() };
            ends.push(PollFd::new(seat.ends.requests.as_fd(), wanted));
        }
        descriptors::sleep(&mut ends, waits)?;
        let ready: Vec<bool> = ends.iter().map(|end| end.any().unwrap_or(true)).collect();
        for (seat, ready) in self.seats.iter_mut().zip(ready[1..].chunks_exact(2)) {
            if ready[0] {
                seat.incoming.read_while_open(&seat.ends.answers)?;
            }
            if ready[1] {
                seat.write()?;
            }
        }
        if ready[0] { self.hear() } else { Ok(true) }
    }

    /// What the foreman has to say.
    #[cold]
    fn hear(&mut self) -> io::Result<bool> {
        let (deaths, stays) = self.notices.deaths()?;
        deaths.into_iter().try_for_each(|notice| self.bury(notice))?;
        Ok(stays)
    }

    /// Takes the last answers of one who died, gives his unfinished requests to others and his place to his successor.
    fn bury(&mut self, notice: Notice) -> io::Result<()> {
        let Notice { mut loss, ticket, descriptors } = notice;
        let gone = || io::Error::new(io::ErrorKind::InvalidData, "a notice about nobody");
        let seat = self.seats.get_mut(loss.worker as usize).ok_or_else(gone)?;
        loop {
            while let Some((answer, request)) = seat.answer(<[u8]>::to_vec)? {
                self.early.push_back(Collected::Answer(answer));
                self.spare.push(request);
            }
            if !seat.incoming.read_while_open(&seat.ends.answers)? {
                break;
            }
        }
        if ticket > seat.answered + 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "answers of a worker that died are missing"));
        }
        if ticket <= seat.answered {
            // It had answered all that it began with.
            loss.frame = None;
        } else if loss.frame.is_some() {
            self.spare.extend(seat.line.pop_front());
        }
        while let Some(request) = seat.line.pop_back() {
            self.waiting.push_front(request);
        }
        self.early.push_back(Collected::Lost(loss));
        let Ok([requests, answers]) = <[OwnedFd; 2]>::try_from(descriptors) else { return Err(gone()) };
        seat.start_over(Ends { requests, answers })?;
        self.share_out()
    }

    /// Gives those that wait to whoever has room.
    fn share_out(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let loads = self.seats.iter().map(|seat| seat.line.len());
            let Some(seat) = share::least_loaded(loads, self.ahead) else { break };
            if let Some(request) = self.waiting.pop_front() {
                self.seats[seat].give(request)?;
            }
        }
        Ok(())
    }
}
