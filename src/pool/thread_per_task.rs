//! No pool: a thread of its own for each frame, started when it is handed out and joined when its answer is collected; so
//! as many run at a time as frames are out. On CPUs of the workers, in turn. A task costs mmap of a stack (or one of those
//! that the C library keeps), clone, exit and a wake of whoever joins. Its answer comes by a channel.
//! Source: clone(2); pthread_create(3).

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};

use super::crew;
use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::pin;
use crate::record::{Group, Isolation, Measure, Wait};

/// What a thread leaves: its number, and what became of its frame.
type Done = (u64, io::Result<Vec<u8>>);

/// Starts a thread for a frame, with the work's type forgotten.
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
        crew::join(self.running.remove(&number))?;
        Ok(Collected::Answer(result))
    }
}

impl Pool for ThreadPerTask {
    const SUMMARY: &'static str = "a thread for each frame, joined when its answer is collected";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Park);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let (tell, done): (Sender<Done>, _) = mpsc::channel();
        let cpus = staff.cpus.clone();
        let start = move |number: u64, mut frame: Vec<u8>| {
            let cpu = cpus.get(number as usize % cpus.len().max(1)).copied();
            let (tell, mut work) = (tell.clone(), work.clone());
            thread::Builder::new().spawn(move || {
                let settled = cpu.map_or(Ok(()), pin::pin_this_thread);
                let answer = settled.map(|()| {
                    crew::answer_in_place(&mut work, &mut frame);
                    frame
                });
                // Nobody listens any more when the pool has been closed.
                let _ = tell.send((number, answer));
            })
        };
        Ok(Self { start: Box::new(start), done, started: 0, running: HashMap::new(), spare: vec![] })
    }

    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = crew::request(&mut self.spare, len, fill);
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

    fn hands(&self) -> Vec<Hand> {
        vec![]
    }

    fn close(self) -> io::Result<()> {
        crew::join(self.running.into_values())
    }

    /// Each thread has taken its frame already.
    fn terminate(self) -> io::Result<()> {
        self.close()
    }
}
