//! One pipe of requests and one of answers for all workers, each behind a lock: whoever is free takes the lock, waits
//! inside it for a frame and lets it go; a frame beyond PIPE_BUF would mix with another's, so writers take turns too. This
//! is how Python's `multiprocessing.Pool` hands out tasks. A task costs the calls and copies of two pipes, a second read
//! for the frame behind its head, and two acquisitions; idle workers queue for the lock, so each frame costs a wake inside
//! the pipe and one of the next in line. Source: `SimpleQueue` in CPython's multiprocessing/queues.py; pipe(7).
//!
//! **The locks** are pthread mutexes that tell of an owner's death (the row `pthread-robust/block` of the locks), where
//! Python has semaphores, which stay taken: there the death of an idle worker hangs the pool. What an owner leaves of a
//! frame that it died in, nobody can tell from the bytes in the pipe. So who works at a pipe says so under its lock, and
//! who gets the lock after one who died at work waits until the dispatcher, whom the foreman tells of the death, has put
//! the pipe in order: it takes out all there is, and what nobody has in hand it writes once more, since it keeps each
//! request until it is answered.

mod out;
mod worker;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::pipe2;
use rustix::io::ioctl_fionread;

use super::descriptors::{self, Incoming};
use super::foreman::Foreman;
use super::hand::Seat;
use super::notices::{self, Notice, Notices};
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, pages};
use crate::address::Address;
use crate::lock;
use crate::lock::erased::{AnyHolder, AnyLock};
use crate::record::Wait;
use crate::shm::Segment;
use out::Out;
use worker::{AtWork, Inlet, Outlet, in_order, is_left, serve, ticket};

/// Bytes before each frame: its length, then the ticket of the request, at [`TICKET`].
const HEAD: usize = 12;
const TICKET: usize = 4;
/// The lock of each pipe.
const LOCK: &str = "pthread-robust/block";

/// The pool.
pub struct PipeShared {
    requests: OwnedFd,
    answers: OwnedFd,
    /// The workers' end, to take out what nobody can read any more.
    leftovers: File,
    at_work: Segment,
    roster: Roster,
    out: Out,
    incoming: Incoming<HEAD>,
    /// What came back outside of its turn.
    early: VecDeque<Collected<Vec<u8>>>,
    notices: Notices,
    foreman: Foreman,
    workers: u32,
}

impl Pool for PipeShared {
    const SUMMARY: &'static str =
        "one pipe of requests and one of answers, each behind a lock, as Python's pool has it";
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn unavailable() -> Option<String> {
        AnyLock::named(LOCK).and_then(|lock| (lock.unavailable)())
    }

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let lock = AnyLock::named(LOCK).ok_or_else(|| io::Error::other("the lock of the pipes is gone"))?;
        let locks = [lock.create(staff.workers)?, lock.create(staff.workers)?];
        let (taken, requests) = pipe2(OFlag::O_CLOEXEC)?;
        let (answers, told) = pipe2(OFlag::O_CLOEXEC)?;
        descriptors::never_block(&requests)?;
        descriptors::never_block(&answers)?;
        let at_work = pages::shared(size_of::<AtWork>())?;
        let roster = Roster::for_seats(staff.workers)?;
        let (teller, notices) = notices::pair()?;
        let (dead, left) = (roster.clone(), at_work.clone());
        let foreman = Foreman::start(
            staff.workers,
            &roster,
            |number| {
                let cpu = staff.cpus.get(number as usize).copied();
                let seat = Seat { number, cpu, roster: roster.clone(), share: None };
                let [reading, writing] =
                    guards(&lock, &locks, lock::ContenderId { index: number, contenders: staff.workers })?;
                let inlet = Inlet { pipe: &taken, lock: reading, frame: vec![] };
                let outlet = Outlet { pipe: &told, lock: writing, frame: vec![] };
                serve(&seat, inlet, outlet, at_work.view(0), work.clone())
            },
            // Owned, so that only the foreman and his workers keep that end.
            move |loss: Loss| {
                left.view::<AtWork>(0).leave(loss.worker);
                teller.tell(loss, dead.ticket(loss.worker), &[])
            },
        )?;
        Ok(Self {
            requests,
            answers,
            leftovers: taken.into(),
            at_work,
            roster,
            out: Out::default(),
            incoming: Incoming::new(staff.frame_bytes),
            early: VecDeque::new(),
            notices,
            foreman,
            workers: staff.workers,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.out.add(len, fill);
        self.out.write(&self.requests)
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            if let Some(collected) = self.look(&mut read)? {
                return Ok(collected);
            }
            if !self.listen(true)? {
                return Err(notices::abandoned());
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        if let Some(collected) = self.look(&mut read)? {
            return Ok(Some(collected));
        }
        if self.listen(false)? { self.look(&mut read) } else { Err(notices::abandoned()) }
    }

    fn hands(&self) -> Vec<Hand> {
        self.foreman.hands()
    }

    /// A frame of no bytes is the last word; for each who dies meanwhile there is one more, since he may have had his.
    fn close(mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            self.collect(|_| ())?;
        }
        (0..self.workers).for_each(|_| self.out.add(0, |_| {}));
        self.out.write(&self.requests)?;
        while self.listen(true)? {
            for _ in 0..std::mem::take(&mut self.early).len() {
                self.submit(0, |_| {})?;
            }
        }
        self.foreman.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.foreman.stop()
    }
}

impl PipeShared {
    /// What came early, or the first answer that was read.
    #[inline]
    fn look<R>(&mut self, read: &mut Option<impl FnOnce(&[u8]) -> R>) -> io::Result<Option<Collected<R>>> {
        let mut once = |seen: &[u8]| read.take().map(|read| Collected::Answer(read(seen)));
        match self.early.pop_front() {
            Some(Collected::Answer(answer)) => return Ok(once(&answer)),
            Some(Collected::Lost(loss)) => return Ok(Some(Collected::Lost(loss))),
            None => {}
        }
        Ok(self.answer(once)?.flatten())
    }

    /// Passes the first answer that was read as a whole to `read`, and forgets the request that it answers.
    #[inline]
    fn answer<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let Some(frame) = self.incoming.first()? else { return Ok(None) };
        let unasked = || io::Error::new(io::ErrorKind::InvalidData, "an answer to nothing");
        let at = self.out.find(ticket(frame)).ok_or_else(unasked)?;
        let (len, result) = (frame.len(), read(&frame[HEAD..]));
        self.incoming.pass(len);
        self.out.remove(at);
        Ok(Some(result))
    }

    /// Reads what has come, and writes where there is room now; sleeps until there is, if it `waits`. False when the
    /// foreman has ended.
    fn listen(&mut self, waits: bool) -> io::Result<bool> {
        let mut ends = [
            PollFd::new(self.notices.end(), PollFlags::POLLIN),
            PollFd::new(self.answers.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.requests.as_fd(), PollFlags::POLLOUT),
        ];
        let wanted = if self.out.unwritten.is_empty() { 2 } else { 3 };
        descriptors::sleep(&mut ends[..wanted], waits)?;
        let [told, answered, room] = ends.map(|end| end.any().unwrap_or(true));
        if answered {
            self.incoming.read_while_open(&self.answers)?;
        }
        if room {
            self.out.write(&self.requests)?;
        }
        if told { self.hear() } else { Ok(true) }
    }

    /// What the foreman has to say. False when he has ended.
    #[cold]
    fn hear(&mut self) -> io::Result<bool> {
        // In this order: a line is given to the next worker only after the death of the last one was told, so each request
        // that somebody has taken out of the pipe is in one of the two.
        let mut held: Vec<_> = (0..self.workers).map(|seat| self.roster.ticket(seat)).collect();
        let (dead, is_there) = self.notices.deaths()?;
        held.retain(|ticket| dead.iter().all(|notice| notice.ticket != *ticket));
        if !dead.is_empty() {
            self.bury(&dead, &held)?;
        }
        Ok(is_there)
    }

    /// Takes the last answers of those who died, puts the pipes in order that they left at work, and hands out again what
    /// they had received and not begun. The living have the requests of the tickets `held`, or have answered them since.
    fn bury(&mut self, dead: &[Notice], held: &[u64]) -> io::Result<()> {
        loop {
            while let Some(answer) = self.answer(<[u8]>::to_vec)? {
                self.early.push_back(Collected::Answer(answer));
            }
            if !self.incoming.read_while_open(&self.answers)? {
                break;
            }
        }
        let at_work: &AtWork = self.at_work.view(0);
        if dead.iter().any(|notice| is_left(&at_work.writer, notice.loss.worker)) {
            // Nobody writes until this is done, so what is left is the beginning of an answer by one of them.
            self.incoming.clear();
            in_order(&at_work.writer)?;
        }
        let mut unbegun = vec![];
        for notice in dead {
            let mut loss = notice.loss;
            match (self.out.find(notice.ticket), loss.frame) {
                (Some(at), Some(_)) => self.out.remove(at),
                (Some(at), None) => unbegun.push(at),
                // It had answered all that it began with.
                (None, _) => loss.frame = None,
            }
            self.early.push_back(Collected::Lost(loss));
        }
        if dead.iter().any(|notice| is_left(&at_work.reader, notice.loss.worker)) {
            // Nobody reads until this is done.
            let bytes = ioctl_fionread(&self.leftovers)?;
            io::copy(&mut (&self.leftovers).take(bytes), &mut io::sink())?;
            self.out.start_over(held);
            in_order(&at_work.reader)?;
        } else {
            self.out.unwritten.extend(unbegun);
        }
        self.out.write(&self.requests)
    }
}

/// A worker's handles of both locks.
fn guards(lock: &AnyLock, made: &[Address; 2], contender: lock::ContenderId) -> io::Result<[AnyHolder; 2]> {
    Ok([lock.attach(&made[0], contender)?, lock.attach(&made[1], contender)?])
}
