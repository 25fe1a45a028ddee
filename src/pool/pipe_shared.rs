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

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::pipe2;
use rustix::io::ioctl_fionread;

use super::descriptors::{self, Incoming};
use super::foreman::Foreman;
use super::hand::Seat;
use super::notices::{self, News, Notice, Notices};
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, pages};
use crate::abort;
use crate::address::Address;
use crate::futex;
use crate::lock::erased::{AnyHolder, AnyLock};
use crate::lock::{self, Acquired, Holder, Lock};
use crate::record::Wait;
use crate::shm::{Segment, SharedLayout};

/// Bytes before each frame: its length, then the ticket of the request, at [`TICKET`].
const HEAD: usize = 12;
const TICKET: usize = 4;
/// The lock of each pipe.
const LOCK: &str = "pthread-robust/block";
/// Who waits for the dispatcher to put a pipe in order looks at the abort word this often.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Who is at work at each pipe, as one more than its seat; 0 for nobody. Written under that pipe's lock, and by the
/// dispatcher for one who died.
#[repr(C, align(64))]
struct AtWork {
    reader: AtomicU32,
    writer: AtomicU32,
}

// SAFETY: repr(C), atomics only; zero bytes are pipes with nobody at work.
unsafe impl SharedLayout for AtWork {}

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

/// Requests that are out, each kept until it is answered.
#[derive(Default)]
struct Out {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of those that are not in the pipe yet, oldest first, and bytes of the first that are.
    unwritten: VecDeque<usize>,
    written: usize,
}

/// A place for a request; with the number of its use it makes a ticket, which is never 0.
#[derive(Default)]
struct Slot {
    used: u32,
    is_out: bool,
    request: Vec<u8>,
}

impl Out {
    /// Builds a request and puts it behind those that wait to be written.
    fn add(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        // Only the few that are out at the same time must differ; 0 is no use.
        slot.used = slot.used.wrapping_add(1).max(1);
        slot.is_out = true;
        descriptors::build::<HEAD>(&mut slot.request, len, fill);
        slot.request[TICKET..HEAD].copy_from_slice(&(u64::from(slot.used) << 32 | at as u64).to_le_bytes());
        self.unwritten.push_back(at);
    }

    /// The slot of a ticket whose request is out.
    fn find(&self, ticket: u64) -> Option<usize> {
        let at = (ticket & 0xffff_ffff) as usize;
        self.slots.get(at).filter(|slot| slot.is_out && u64::from(slot.used) == ticket >> 32).map(|_| at)
    }

    fn remove(&mut self, at: usize) {
        self.slots[at].is_out = false;
        self.free.push(at);
    }

    fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Writes as much as there is room for.
    fn write(&mut self, requests: &OwnedFd) -> io::Result<()> {
        while let Some(&at) = self.unwritten.front() {
            let request = &self.slots[at].request;
            let written = descriptors::write_some(requests, &request[self.written..])?;
            if written == 0 {
                return Ok(());
            }
            self.written += written;
            if self.written == request.len() {
                self.unwritten.pop_front();
                self.written = 0;
            }
        }
        Ok(())
    }

    /// All that are out wait to be written again, but for those of which somebody has the ticket.
    fn start_over(&mut self, held: &[u64]) {
        let in_hand: Vec<_> = held.iter().filter_map(|ticket| self.find(*ticket)).collect();
        self.written = 0;
        self.unwritten = (0..self.slots.len()).filter(|at| self.slots[*at].is_out && !in_hand.contains(at)).collect();
    }
}

impl Pool for PipeShared {
    const SUMMARY: &'static str =
        "one pipe of requests and one of answers, each behind a lock, as Python's pool has it";
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn unavailable() -> Option<String> {
        lock::visit(LOCK, Unavailable).flatten()
    }

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let lock = lock::visit(LOCK, Forget).ok_or_else(|| io::Error::other("the lock of the pipes is gone"))?;
        let locks = [lock.create(staff.workers)?, lock.create(staff.workers)?];
        let (taken, requests) = pipe2(OFlag::O_CLOEXEC)?;
        let (answers, told) = pipe2(OFlag::O_CLOEXEC)?;
        descriptors::never_block(&requests)?;
        descriptors::never_block(&answers)?;
        let at_work = pages::shared(size_of::<AtWork>())?;
        let roster = Roster::for_seats(staff.workers)?;
        let (teller, notices) = notices::pair()?;
        let dead = roster.clone();
        let foreman = Foreman::start(
            staff.workers,
            &roster,
            |number| {
                let cpu = staff.cpus.get(number as usize).copied();
                let seat = Seat { number, cpu, roster: roster.clone(), share: None };
                let [reading, writing] = guards(&lock, &locks, lock::Seat { index: number, holders: staff.workers })?;
                let inlet = Inlet { pipe: &taken, lock: reading, frame: vec![] };
                let outlet = Outlet { pipe: &told, lock: writing, frame: vec![] };
                serve(&seat, inlet, outlet, at_work.view(0), work.clone())
            },
            // Owned, so that only the foreman and his workers keep that end.
            move |loss: Loss| teller.tell(loss, dead.ticket(loss.worker), &[]),
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
            self.incoming.read(&self.answers)?;
        }
        if room {
            self.out.write(&self.requests)?;
        }
        if told { self.hear() } else { Ok(true) }
    }

    /// What the foreman has to say.
    #[cold]
    fn hear(&mut self) -> io::Result<bool> {
        loop {
            match self.notices.next()? {
                News::Nothing => return Ok(true),
                News::End => return Ok(false),
                News::Death(notice) => self.bury(&notice)?,
            }
        }
    }

    /// Takes the last answer of one who died, puts the pipes in order that he left at work, and hands out again what he had
    /// received and not begun.
    fn bury(&mut self, notice: &Notice) -> io::Result<()> {
        let Notice { mut loss, ticket, .. } = *notice;
        // Before the answers are read: whoever has answered since then is in them, or still writing.
        let held: Vec<_> = (0..self.workers).map(|seat| self.roster.ticket(seat)).filter(|it| *it != ticket).collect();
        loop {
            while let Some(answer) = self.answer(<[u8]>::to_vec)? {
                self.early.push_back(Collected::Answer(answer));
            }
            if !self.incoming.read(&self.answers)? {
                break;
            }
        }
        let at_work: &AtWork = self.at_work.view(0);
        let dead = loss.worker + 1;
        if at_work.writer.load(Ordering::Acquire) == dead {
            // Nobody writes until this is done, so what is left is the beginning of his answer.
            self.incoming.clear();
            in_order(&at_work.writer)?;
        }
        let unfinished = self.out.find(ticket);
        match (unfinished, loss.frame) {
            (Some(at), Some(_)) => self.out.remove(at),
            // He had answered all that he began with.
            _ => loss.frame = None,
        }
        if at_work.reader.load(Ordering::Acquire) == dead {
            // Nobody reads until this is done.
            let bytes = ioctl_fionread(&self.leftovers)?;
            io::copy(&mut (&self.leftovers).take(bytes), &mut io::sink())?;
            self.out.start_over(&held);
            in_order(&at_work.reader)?;
        } else if let Some(at) = unfinished.filter(|_| loss.frame.is_none()) {
            self.out.unwritten.push_back(at);
        }
        self.early.push_back(Collected::Lost(loss));
        self.out.write(&self.requests)
    }
}

/// Lets whoever waits for it go to work.
fn in_order(at_work: &AtomicU32) -> io::Result<()> {
    // PAIRS: pipe-in-order
    at_work.store(0, Ordering::Release);
    futex::wake(at_work, 1)
}

/// Goes to work at a pipe whose lock one has, once it is in order.
#[inline]
fn begin(at_work: &AtomicU32, seat: u32) -> io::Result<()> {
    loop {
        // PAIRS: pipe-in-order
        match at_work.load(Ordering::Acquire) {
            0 => break,
            dead => futex::wait(at_work, dead, SLEEP_SLICE)?,
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
    at_work.store(seat + 1, Ordering::Release);
    Ok(())
}

#[inline]
fn ticket(frame: &[u8]) -> u64 {
    let mut ticket = [0; HEAD - TICKET];
    ticket.copy_from_slice(&frame[TICKET..HEAD]);
    u64::from_le_bytes(ticket)
}

/// A worker's end of the pipe of requests.
struct Inlet<'a> {
    pipe: &'a OwnedFd,
    lock: AnyHolder,
    frame: Vec<u8>,
}

/// Its end of the pipe of answers.
struct Outlet<'a> {
    pipe: &'a OwnedFd,
    lock: AnyHolder,
    frame: Vec<u8>,
}

impl Inlet<'_> {
    /// Waits for a request; its frame has no bytes when it is the last word.
    fn receive(&mut self, seat: &Seat, reader: &AtomicU32) -> io::Result<&[u8]> {
        let Self { pipe, lock, frame } = self;
        let pipe = *pipe;
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin(reader, seat.number)?;
            let mut head = [0; HEAD];
            descriptors::read_exactly(pipe, &mut head)?;
            seat.roster.holds(seat.number, ticket(&head));
            frame.resize(descriptors::length(&head), 0);
            descriptors::read_exactly(pipe, frame)?;
            reader.store(0, Ordering::Release);
            Ok(())
        })??;
        Ok(frame)
    }
}

impl Outlet<'_> {
    fn send(
        &mut self,
        (seat, ticket): (&Seat, u64),
        writer: &AtomicU32,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> io::Result<()> {
        let Self { pipe, lock, frame } = self;
        descriptors::build::<HEAD>(frame, bytes, fill);
        frame[TICKET..HEAD].copy_from_slice(&ticket.to_le_bytes());
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin(writer, seat.number)?;
            descriptors::write_all(pipe, frame)?;
            writer.store(0, Ordering::Release);
            Ok(())
        })?
    }
}

/// A worker's life.
fn serve<W: Work>(seat: &Seat, inlet: Inlet, outlet: Outlet, at_work: &AtWork, mut work: W) -> io::Result<()> {
    seat.work_through(
        &mut work,
        &mut (inlet, outlet),
        |(inlet, _), work| {
            let frame = inlet.receive(seat, &at_work.reader)?;
            Ok((!frame.is_empty()).then(|| work.take(frame)))
        },
        |(_, outlet), bytes, fill| outlet.send((seat, seat.roster.ticket(seat.number)), &at_work.writer, bytes, fill),
    )
}

/// A worker's handles of both locks.
fn guards(lock: &AnyLock, made: &[Address; 2], seat: lock::Seat) -> io::Result<[AnyHolder; 2]> {
    Ok([lock.attach(&made[0], seat)?, lock.attach(&made[1], seat)?])
}

/// The lock with its type forgotten: one call more through a pointer, where each acquisition surrounds a system call.
struct Forget;

impl lock::Visitor for Forget {
    type Output = AnyLock;

    fn visit<L: Lock>(self) -> AnyLock {
        AnyLock::of::<L>()
    }
}

/// Why there is no such lock here.
struct Unavailable;

impl lock::Visitor for Unavailable {
    type Output = Option<String>;

    fn visit<L: Lock>(self) -> Option<String> {
        L::unavailable()
    }
}
