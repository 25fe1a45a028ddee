//! No pool: a child of its own for each frame, forked when it is handed out, which answers through a pipe and exits; as
//! many at a time as there are workers, on their CPUs, and the rest waits with the dispatcher. What a forking server does.
//! The request needs no channel, since the child has a copy of all memory. A task costs a pipe, fork, the faults of the
//! pages that the child touches, exit, a wake, and waitpid. Source: fork(2), pipe(2).
//!
//! The same with exec in the child would need an entry of the program for it, and passes the request by another channel:
//! that is a matter of starting processes, not of a pool.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::pipe2;

use super::{Collected, Hand, Loss, Pool, Staff, Work, descriptors};
use crate::child::Child;
use crate::pin;
use crate::record::Wait;

/// The pool.
pub struct ForkPerTask {
    work: Box<dyn Worker>,
    cpus: Vec<u32>,
    seats: Vec<Option<Busy>>,
    /// Requests for which there is no seat yet, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory of requests and answers.
    spare: Vec<Vec<u8>>,
}

/// A child, and what it does.
struct Busy {
    child: Child,
    request: Vec<u8>,
    answers: File,
    answer: Vec<u8>,
}

/// [`Work`] with its type forgotten.
trait Worker {
    /// Does what `request` asks.
    fn answer_to(&mut self, request: &[u8]) -> Vec<u8>;
    /// What its caller knows it by.
    fn number_of(&mut self, request: &[u8]) -> u64;
}

impl<W: Work> Worker for W {
    fn answer_to(&mut self, request: &[u8]) -> Vec<u8> {
        let mut job = self.take(request);
        self.carry_out(&mut job);
        let mut answer = vec![0; self.answer_bytes(&job)];
        self.answer(&job, &mut answer);
        answer
    }

    fn number_of(&mut self, request: &[u8]) -> u64 {
        let job = self.take(request);
        self.number(&job)
    }
}

impl Pool for ForkPerTask {
    const SUMMARY: &'static str = "a child for each frame, forked, answering through a pipe";
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        Ok(Self {
            work: Box::new(work),
            cpus: staff.cpus.clone(),
            seats: (0..staff.workers).map(|_| None).collect(),
            waiting: VecDeque::new(),
            spare: vec![],
        })
    }

    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut request = self.spare.pop().unwrap_or_default();
        request.resize(len, 0);
        fill(&mut request);
        self.waiting.push_back(request);
        self.start()
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        loop {
            if let Some(seat) = self.listen(true)? {
                return self.take(seat, read);
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.listen(false)? {
            Some(seat) => self.take(seat, read).map(Some),
            None => Ok(None),
        }
    }

    /// The children at work now.
    fn hands(&self) -> Vec<Hand> {
        self.seats.iter().flatten().map(|busy| Hand::Process(busy.child.pid().as_raw().cast_unsigned())).collect()
    }

    fn close(mut self) -> io::Result<()> {
        while self.seats.iter().any(Option::is_some) {
            self.collect(|_| ())?;
        }
        Ok(())
    }

    fn terminate(mut self) -> io::Result<()> {
        self.seats.iter_mut().flatten().try_for_each(|busy| busy.child.kill())
    }
}

impl ForkPerTask {
    /// Starts children for those that wait, as far as there are seats.
    fn start(&mut self) -> io::Result<()> {
        for seat in 0..self.seats.len() {
            if self.seats[seat].is_some() {
                continue;
            }
            let Some(request) = self.waiting.pop_front() else { break };
            let (answers, told) = pipe2(OFlag::O_CLOEXEC)?;
            let (cpu, work) = (self.cpus.get(seat).copied(), &mut self.work);
            let child = Child::start(|| {
                if let Err(error) = live(cpu, work.as_mut(), &request, File::from(told)) {
                    eprintln!("a child of a pool gave up: {error}");
                }
            })?;
            descriptors::never_block(&answers)?;
            let mut answer = self.spare.pop().unwrap_or_default();
            answer.clear();
            self.seats[seat] = Some(Busy { child, request, answers: answers.into(), answer });
        }
        Ok(())
    }

    /// Reads what children have answered, and says which has done; sleeps until one has something to say, if it `waits`.
    fn listen(&mut self, waits: bool) -> io::Result<Option<usize>> {
        let mut ends: Vec<_> =
            self.seats.iter().flatten().map(|busy| PollFd::new(busy.answers.as_fd(), PollFlags::POLLIN)).collect();
        if ends.is_empty() {
            return Ok(None);
        }
        descriptors::sleep(&mut ends, waits)?;
        let ready: Vec<bool> = ends.iter().map(|end| end.any().unwrap_or(true)).collect();
        let busy = self.seats.iter_mut().enumerate().filter_map(|(seat, busy)| Some((seat, busy.as_mut()?)));
        for ((seat, busy), _) in busy.zip(ready).filter(|(_, ready)| *ready) {
            // The end of the pipe is the end of the child: nobody else has that end.
            match (&busy.answers).read_to_end(&mut busy.answer) {
                Ok(_) => return Ok(Some(seat)),
                Err(more) if more.kind() == io::ErrorKind::WouldBlock => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Collects the child on `seat`, and passes on what it answered.
    fn take<R>(&mut self, seat: usize, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let none = || io::Error::other("nobody is at work there");
        let Busy { mut child, request, answer, .. } = self.seats[seat].take().ok_or_else(none)?;
        child.collect()?;
        // An answer is as long as it says in front; what is shorter was cut off by a death.
        let whole = answer.split_first_chunk().filter(|(len, body)| u64::from_le_bytes(**len) == body.len() as u64);
        let collected = match whole {
            Some((_, body)) => Collected::Answer(read(body)),
            None => Collected::Lost(Loss { worker: seat as u32, frame: Some(self.work.number_of(&request)) }),
        };
        self.spare.extend([request, answer]);
        self.start()?;
        Ok(collected)
    }
}

/// The child's whole life.
fn live(cpu: Option<u32>, work: &mut dyn Worker, request: &[u8], mut told: File) -> io::Result<()> {
    cpu.map_or(Ok(()), pin::pin_this_thread)?;
    let answer = work.answer_to(request);
    told.write_all(&(answer.len() as u64).to_le_bytes())?;
    told.write_all(&answer)
}
