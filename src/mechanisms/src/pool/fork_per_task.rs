//! No pool: forks a child for each request, which responds through a pipe and exits, as a forking server does. At most
//! as many children run at a time as the pool has workers, on their CPUs; further requests wait in the dispatcher. The
//! request needs no channel, since the child has a copy of the parent's memory. A task costs a pipe, fork, the page
//! faults of the child, exit, a wake-up, and waitpid. Source: fork(2), pipe(2).
//!
//! There is no row with exec in the child: it would have to pass the request through another channel, and the launch
//! family measures exec.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::pipe2;

use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath, descriptors};
use crate::child::Child;
use crate::pin;
use crate::record::Wait;

/// The pool.
pub struct ForkPerTask {
    work: Box<dyn AnyWork>,
    cpus: Vec<u32>,
    children: Vec<Option<Busy>>,
    /// Requests without a child yet, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory for further requests and responses.
    spare: Vec<Vec<u8>>,
}

/// A child and its request.
struct Busy {
    child: Child,
    request: Vec<u8>,
    pipe: File,
    response: Vec<u8>,
}

/// [`Work`] with its type erased.
trait AnyWork {
    fn respond(&mut self, request: &[u8]) -> Vec<u8>;
    fn id_of(&mut self, request: &[u8]) -> u64;
}

impl<W: Work> AnyWork for W {
    fn respond(&mut self, request: &[u8]) -> Vec<u8> {
        let mut job = self.read(request);
        self.execute(&mut job);
        let mut response = vec![0; self.response_bytes(&job)];
        self.write_response(&job, &mut response);
        response
    }

    fn id_of(&mut self, request: &[u8]) -> u64 {
        let job = self.read(request);
        self.id(&job)
    }
}

impl Pool for ForkPerTask {
    const SUMMARY: &'static str = "a child process for each request, forked, with a pipe for the response";
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        Ok(Self {
            work: Box::new(work),
            cpus: config.cpus.clone(),
            children: (0..config.workers).map(|_| None).collect(),
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
            if let Some(child) = self.wait(true)? {
                return self.take(child, read);
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.wait(false)? {
            Some(child) => self.take(child, read).map(Some),
            None => Ok(None),
        }
    }

    /// The children that run now.
    fn workers(&self) -> Vec<Worker> {
        self.children.iter().flatten().map(|busy| Worker::Process(busy.child.pid().as_raw().cast_unsigned())).collect()
    }

    fn close(mut self) -> io::Result<()> {
        while self.children.iter().any(Option::is_some) {
            self.collect(|_| ())?;
        }
        Ok(())
    }

    fn terminate(mut self) -> io::Result<()> {
        self.children.iter_mut().flatten().try_for_each(|busy| busy.child.kill())
    }
}

impl ForkPerTask {
    /// Starts children for waiting requests, up to the number of workers.
    fn start(&mut self) -> io::Result<()> {
        for index in 0..self.children.len() {
            if self.children[index].is_some() {
                continue;
            }
            let Some(request) = self.waiting.pop_front() else { break };
            let (pipe, to_parent) = pipe2(OFlag::O_CLOEXEC)?;
            let (cpu, work) = (self.cpus.get(index).copied(), &mut self.work);
            let child = Child::start(|| {
                if let Err(error) = respond(cpu, work.as_mut(), &request, File::from(to_parent)) {
                    eprintln!("a child of a pool failed: {error}");
                }
            })?;
            descriptors::never_block(&pipe)?;
            let mut response = self.spare.pop().unwrap_or_default();
            response.clear();
            self.children[index] = Some(Busy { child, request, pipe: pipe.into(), response });
        }
        Ok(())
    }

    /// Reads what children have sent and returns one whose response is complete. If `waits`, sleeps until a pipe is
    /// ready.
    fn wait(&mut self, waits: bool) -> io::Result<Option<usize>> {
        let mut polled: Vec<_> =
            self.children.iter().flatten().map(|busy| PollFd::new(busy.pipe.as_fd(), PollFlags::POLLIN)).collect();
        if polled.is_empty() {
            return Ok(None);
        }
        descriptors::sleep(&mut polled, waits)?;
        let ready: Vec<bool> = polled.iter().map(|polled| polled.any().unwrap_or(true)).collect();
        let busy = self.children.iter_mut().enumerate().filter_map(|(index, busy)| Some((index, busy.as_mut()?)));
        for ((index, busy), _) in busy.zip(ready).filter(|(_, ready)| *ready) {
            // Only the child has the write end, so end of file means that it has exited.
            match (&busy.pipe).read_to_end(&mut busy.response) {
                Ok(_) => return Ok(Some(index)),
                Err(more) if more.kind() == io::ErrorKind::WouldBlock => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Reaps the child and returns its response.
    fn take<R>(&mut self, index: usize, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let none = || io::Error::other("no child runs at this index");
        let Busy { mut child, request, response, .. } = self.children[index].take().ok_or_else(none)?;
        child.collect()?;
        // A response starts with its length; the child died if it is shorter.
        let whole = response.split_first_chunk().filter(|(len, body)| u64::from_le_bytes(**len) == body.len() as u64);
        let collected = if let Some((_, body)) = whole {
            Collected::Response(read(body))
        } else {
            let request = Some(self.work.id_of(&request));
            Collected::WorkerDied(WorkerDeath { worker: index as u32, request })
        };
        self.spare.extend([request, response]);
        self.start()?;
        Ok(collected)
    }
}

/// Main function of the child.
fn respond(cpu: Option<u32>, work: &mut dyn AnyWork, request: &[u8], mut to_parent: File) -> io::Result<()> {
    cpu.map_or(Ok(()), pin::pin_this_thread)?;
    let response = work.respond(request);
    to_parent.write_all(&(response.len() as u64).to_le_bytes())?;
    to_parent.write_all(&response)
}
