//! No pool: starts a thread for each request and joins it when its response is collected, so as many threads run as
//! requests are in flight. They use the workers' CPUs in turn. A task costs mmap of a stack (unless the C library has
//! one cached), clone, exit, and a wake-up of the joining thread. Responses arrive through a channel. Source: clone(2);
//! pthread_create(3).

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};

use super::{Collected, MEASURES_OF_THREADS, Pool, PoolConfig, Work, Worker, threads};
use crate::pin;
use crate::record::{Group, Isolation, Measure, Wait};

/// Number of a thread, and its response.
type Done = (u64, io::Result<Vec<u8>>);

/// Starts a thread for a request; erases the type of the work.
type Start = Box<dyn Fn(u64, Vec<u8>) -> io::Result<JoinHandle<()>>>;

/// The pool.
pub struct ThreadPerTask {
    start: Start,
    done: Receiver<Done>,
    started: u64,
    running: HashMap<u64, JoinHandle<()>>,
    spare: Vec<Vec<u8>>,
}

impl ThreadPerTask {
    fn finish<R>(&mut self, (number, frame): Done, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = frame?;
        let result = read(&frame);
        self.spare.push(frame);
        threads::join(self.running.remove(&number))?;
        Ok(Collected::Response(result))
    }
}

impl Pool for ThreadPerTask {
    const SUMMARY: &'static str = "a thread for each request, joined when its response is collected";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Park);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let (sender, done): (Sender<Done>, _) = mpsc::channel();
        let cpus = config.cpus.clone();
        let start = move |number: u64, mut frame: Vec<u8>| {
            let cpu = cpus.get(number as usize % cpus.len().max(1)).copied();
            let (sender, mut work) = (sender.clone(), work.clone());
            thread::Builder::new().spawn(move || {
                let pinned = cpu.map_or(Ok(()), pin::pin_this_thread);
                let response = pinned.map(|()| {
                    threads::respond_in_place(&mut work, &mut frame);
                    frame
                });
                // The receiver is gone once the pool is closed.
                let _ = sender.send((number, response));
            })
        };
        Ok(Self { start: Box::new(start), done, started: 0, running: HashMap::new(), spare: vec![] })
    }

    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = threads::request(&mut self.spare, len, fill);
        let thread = (self.start)(self.started, frame)?;
        self.running.insert(self.started, thread);
        self.started += 1;
        Ok(())
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let done = self.done.recv().map_err(io::Error::other)?;
        self.finish(done, read)
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.done.try_recv() {
            Ok(done) => self.finish(done, read).map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(gone @ TryRecvError::Disconnected) => Err(io::Error::other(gone)),
        }
    }

    fn workers(&self) -> Vec<Worker> {
        vec![]
    }

    fn close(self) -> io::Result<()> {
        threads::join(self.running.into_values())
    }

    /// Waits, since each thread has its request already.
    fn terminate(self) -> io::Result<()> {
        self.close()
    }
}
