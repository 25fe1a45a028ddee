//! Two rings in shared memory for each worker, one for requests and one for answers, each with one producer and one
//! consumer. Whoever finds nothing sleeps in poll(2) on an eventfd: each worker on its own, the dispatcher on one that all
//! of them ring. A task costs a line hand-over each way, no copy by the kernel, and where its side sleeps a write, a poll
//! and a read. The dispatcher decides who gets a frame, and looks at the rings in turn.
//!
//! A worker answers in the order of its requests, and a ring has twice the room for what can be under way: so when it
//! dies, the requests that it had not begun still lie in its ring, and are given to others. The successor gets fresh rings
//! from the foreman, since positions in a ring are known to its ends only.
//! Source: see [`crate::ring::spsc`]; eventfd(2).

mod desk;
mod rings;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::read;

use super::foreman::Foreman;
use super::hand::Seat;
use super::notices::{self, Notice, Notices};
use super::roster::Roster;
use super::{Collected, Hand, Loss, Pool, Staff, Work, descriptors, share};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Substrate, Wait};
use crate::ring::Slots as _;
use crate::shm;
use crate::wait::{WaitPoint, fence};
use desk::Desk;
use rings::{Rings, serve};

/// The rings of all workers together, at most.
const MAX_BYTES: usize = 1 << 30;

/// The pool.
pub struct ShmEach {
    seats: Vec<Desk>,
    rings: Rings,
    /// What each worker sleeps on, whoever it is.
    bells: Vec<Descriptor>,
    /// What the dispatcher sleeps on.
    bell: OwnedFd,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// What came back outside of its turn.
    early: VecDeque<Collected<Vec<u8>>>,
    /// The seat to look at next, so that none is passed over for ever.
    next: usize,
    ahead: usize,
    /// Looks in vain since the foreman was last listened to.
    vain: u8,
    notices: Notices,
    foreman: Foreman,
}

impl Pool for ShmEach {
    const SUMMARY: &'static str = "two rings in shared memory for each worker; who waits sleeps on an eventfd";
    const WAIT: Option<Wait> = Some(Wait::Eventfd);

    fn supports(staff: &Staff) -> Result<(), String> {
        let bytes = Rings::of(staff).bytes().saturating_mul(staff.workers as usize);
        if bytes > MAX_BYTES {
            let (frames, each) = (staff.in_flight, staff.frame_bytes);
            return Err(format!("{frames} frames of {each} bytes take rings of {bytes}; they may have {MAX_BYTES}"));
        }
        Ok(())
    }

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let rings = Rings::of(staff);
        let own = bell()?;
        let bells = (0..staff.workers).map(|_| bell()).collect::<io::Result<Vec<_>>>()?;
        let (mut seats, mut crew) = (vec![], vec![]);
        for bell in &bells {
            let segment = rings.attach(&shm::create(Substrate::Memfd, rings.bytes())?)?;
            seats.push(Desk::new(&segment, rings, bell)?);
            crew.push(segment);
        }
        let roster = Roster::for_seats(staff.workers)?;
        let (teller, notices) = notices::pair()?;
        // In the foreman: the rings of whoever sits there, or comes next.
        let crew = &RefCell::new(crew);
        let dead = roster.clone();
        let foreman = Foreman::start(
            staff.workers,
            &roster,
            |number| {
                let cpu = staff.cpus.get(number as usize).copied();
                let seat = Seat { number, cpu, roster: roster.clone(), share: None };
                let bells = [bells[number as usize].clone(), own.clone()];
                serve(&seat, &crew.borrow()[number as usize], rings, &bells, work.clone())
            },
            // Owned, so that only the foreman and his workers keep that end.
            move |loss: Loss| {
                let address = shm::create(Substrate::Memfd, rings.bytes())?;
                let memory = address.descriptor(Endpoint::Sender)?.duplicate()?;
                teller.tell(loss, dead.ticket(loss.worker), &[memory.as_fd()])?;
                crew.borrow_mut()[loss.worker as usize] = rings.attach(&address)?;
                Ok(())
            },
        )?;
        Ok(Self {
            seats,
            rings,
            bell: own.duplicate()?,
            bells,
            waiting: VecDeque::new(),
            early: VecDeque::new(),
            next: 0,
            ahead: share::even(staff),
            vain: 0,
            notices,
            foreman,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        match share::least_loaded(self.seats.iter().map(Desk::load), self.ahead) {
            Some(seat) if self.waiting.is_empty() => self.seats[seat].give(len, fill),
            _ => {
                let mut request = vec![0; len];
                fill(&mut request);
                self.waiting.push_back(request);
                Ok(())
            }
        }
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            if let Some(collected) = self.look(&mut read)? {
                return Ok(collected);
            }
            for seat in &self.seats {
                seat.places.1.readers().announce();
            }
            // PAIRS: waiter-announced. As a waiter at a single parker does.
            fence::full();
            let collected = self.look(&mut read)?;
            let heard = if collected.is_none() { self.listen(true)? } else { true };
            for seat in &self.seats {
                seat.places.1.readers().withdraw();
            }
            match collected {
                Some(collected) => return Ok(collected),
                None if heard => {}
                None => return Err(notices::abandoned()),
            }
        }
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        if let Some(collected) = self.look(&mut read)? {
            return Ok(Some(collected));
        }
        // A system call, which a caller who polls should not pay for each time.
        self.vain = self.vain.wrapping_add(1);
        if self.vain != 0 {
            return Ok(None);
        }
        if self.hear()? { self.look(&mut read) } else { Err(notices::abandoned()) }
    }

    fn hands(&self) -> Vec<Hand> {
        self.foreman.hands()
    }

    /// A frame of no bytes is the last word. One who dies before it reads its own is followed by one who gets another.
    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.seats.iter().any(|seat| seat.load() > 0) {
            self.collect(|_| ())?;
        }
        for seat in &mut self.seats {
            seat.give(0, |_| {})?;
        }
        while self.listen(true)? {}
        self.foreman.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.foreman.stop()
    }
}

impl ShmEach {
    /// The first answer found, or what came early.
    #[inline]
    fn look<R>(&mut self, read: &mut Option<impl FnOnce(&[u8]) -> R>) -> io::Result<Option<Collected<R>>> {
        let mut once = |seen: &[u8]| read.take().map(|read| read(seen));
        if !self.early.is_empty() {
            return Ok(match self.early.pop_front() {
                Some(Collected::Answer(answer)) => once(&answer).map(Collected::Answer),
                Some(Collected::Lost(loss)) => Some(Collected::Lost(loss)),
                None => None,
            });
        }
        for _ in 0..self.seats.len() {
            if let Some(result) = self.seats[self.next].answer(&mut once)? {
                if !self.waiting.is_empty() {
                    self.share_out()?;
                }
                return Ok(result.map(Collected::Answer));
            }
            self.next = (self.next + 1) % self.seats.len();
        }
        Ok(None)
    }

    /// Waits for the bell or the foreman, if it `waits`. False when the foreman has ended.
    fn listen(&mut self, waits: bool) -> io::Result<bool> {
        let mut ends =
            [PollFd::new(self.bell.as_fd(), PollFlags::POLLIN), PollFd::new(self.notices.end(), PollFlags::POLLIN)];
        descriptors::sleep(&mut ends, waits)?;
        let [rung, told] = ends.map(|end| end.any().unwrap_or(true));
        if rung {
            match read(&self.bell, &mut [0; size_of::<u64>()]) {
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
        if told { self.hear() } else { Ok(true) }
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
        while let Some(answer) = seat.answer(<[u8]>::to_vec)? {
            self.early.push_back(Collected::Answer(answer));
        }
        let mut unbegun = seat.answered;
        if ticket > seat.answered + 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "answers of a worker that died are missing"));
        }
        if ticket <= seat.answered {
            // It had answered all that it began with.
            loss.frame = None;
        } else if loss.frame.is_some() {
            unbegun += 1;
        }
        for number in (unbegun..seat.sent).rev() {
            self.waiting.push_front(seat.left_behind(number));
        }
        self.early.push_back(Collected::Lost(loss));
        let memory = descriptors.into_iter().next().ok_or_else(gone)?;
        let address = Address::Inherited { sender: vec![Descriptor::new(memory)], receiver: vec![] };
        *seat = Desk::new(&self.rings.attach(&address)?, self.rings, &self.bells[loss.worker as usize])?;
        self.share_out()
    }

    /// Gives those that wait to whoever has room.
    #[cold]
    fn share_out(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let Some(seat) = share::least_loaded(self.seats.iter().map(Desk::load), self.ahead) else { break };
            if let Some(request) = self.waiting.pop_front() {
                self.seats[seat].give(request.len(), |room| room.copy_from_slice(&request))?;
            }
        }
        Ok(())
    }
}

fn bell() -> io::Result<Descriptor> {
    Ok(Descriptor::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
}
