//! A rayon thread pool, `spawn` for each frame; answers come by a crossbeam channel. From outside of the pool a spawned
//! closure goes through rayon's global queue, from where idle threads steal it; one who finds nothing yields for some
//! rounds, then sleeps, so a task costs a wake where the pool was idle. The closure is boxed, as `spawn` wants it: one
//! allocation a frame. The vector of a request travels back with the answer in it. Source: rayon-core, `spawn`, `sleep`.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam::channel::{self, Receiver, TryRecvError};
use crossbeam::utils::CachePadded;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::crew::{self, Arrivals, Stopping};
use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::record::{Group, Isolation, Measure, Wait};

/// Hands a frame to a thread of the pool, with the work's type forgotten.
type Spawn = Box<dyn Fn(&ThreadPool, Vec<u8>)>;

/// The pool.
pub struct RayonSpawn {
    pool: ThreadPool,
    spawn: Spawn,
    answers: Receiver<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    threads: Vec<thread::JoinHandle<()>>,
    hands: Vec<Hand>,
    stopping: Stopping,
}

impl Pool for RayonSpawn {
    const SUMMARY: &'static str = "a rayon thread pool, `spawn` for each frame";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let (mut arrivals, mut threads) = (Arrivals::new(), vec![]);
        let pool = ThreadPoolBuilder::new()
            .num_threads(staff.workers as usize)
            // Dropping the pool tells its threads to end and does not wait for it; so we keep what they are joined by.
            .spawn_handler(|worker| {
                let arrival = arrivals.expect(worker.index() as u32, &staff.cpus);
                threads.push(thread::Builder::new().spawn(move || {
                    arrival.settle();
                    worker.run();
                })?);
                Ok(())
            })
            .build()
            .map_err(io::Error::other)?;
        let hands = arrivals.all()?;
        let (answered, answers) = channel::bounded(staff.in_flight as usize);
        let stopping = Stopping::default();
        let stop = stopping.clone();
        // Each thread has its own; nobody ever waits for such a mutex.
        let works: Arc<[_]> = (0..staff.workers).map(|_| CachePadded::new(Mutex::new(work.clone()))).collect();
        let spawn = move |pool: &ThreadPool, mut frame: Vec<u8>| {
            let (works, answered, stop) = (Arc::clone(&works), answered.clone(), stop.clone());
            pool.spawn(move || {
                let own = rayon::current_thread_index().and_then(|seat| works.get(seat)?.lock().ok());
                let Some(mut work) = own.filter(|_| !stop.is_set()) else { return };
                crew::answer_in_place(&mut *work, &mut frame);
                // There is room for all that can be out, and nobody misses it when the pool is closing.
                let _ = answered.send(frame);
            });
        };
        Ok(Self { pool, spawn: Box::new(spawn), answers, spare: vec![], threads, hands, stopping })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = crew::request(&mut self.spare, len, fill);
        (self.spawn)(&self.pool, frame);
        Ok(())
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = self.answers.recv().map_err(io::Error::other)?;
        let result = read(&frame);
        self.spare.push(frame);
        Ok(Collected::Answer(result))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.answers.try_recv() {
            Ok(frame) => {
                let result = read(&frame);
                self.spare.push(frame);
                Ok(Some(Collected::Answer(result)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(gone @ TryRecvError::Disconnected) => Err(io::Error::other(gone)),
        }
    }

    fn hands(&self) -> Vec<Hand> {
        self.hands.clone()
    }

    fn close(self) -> io::Result<()> {
        // Its threads end once all that was spawned has run.
        drop(self.pool);
        crew::join(self.threads)
    }

    fn terminate(self) -> io::Result<()> {
        self.stopping.set();
        self.close()
    }
}
