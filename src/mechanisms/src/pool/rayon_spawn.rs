//! A rayon thread pool with one `spawn` per request; responses use a crossbeam channel. A closure spawned from outside
//! the pool goes into rayon's global queue, from which idle threads steal it. An idle thread yields for some rounds,
//! then sleeps, so a task in an idle pool costs a wake-up. `spawn` boxes the closure: one allocation per request. The
//! vector of a request returns with the response in it. Source: rayon-core, `spawn`, `sleep`.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam::channel::{self, Receiver, TryRecvError};
use crossbeam::utils::CachePadded;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::threads::{self, Starts, Stopping};
use super::{Collected, MEASURES_OF_THREADS, Pool, PoolConfig, Work, Worker};
use crate::record::{Group, Isolation, Measure, Wait};

/// Spawns the execution of a request; erases the type of the work.
type Spawn = Box<dyn Fn(&ThreadPool, Vec<u8>)>;

/// The pool.
pub struct RayonSpawn {
    pool: ThreadPool,
    spawn: Spawn,
    responses: Receiver<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    threads: Vec<thread::JoinHandle<()>>,
    workers: Vec<Worker>,
    stopping: Stopping,
}

impl Pool for RayonSpawn {
    const SUMMARY: &'static str = "a rayon thread pool, `spawn` for each request";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let (mut starts, mut threads) = (Starts::new(), vec![]);
        let pool = ThreadPoolBuilder::new()
            .num_threads(config.workers as usize)
            // Dropping a `ThreadPool` does not wait for its threads, so the handles are kept to join them.
            .spawn_handler(|worker| {
                let start = starts.expect(worker.index() as u32, &config.cpus);
                threads.push(thread::Builder::new().spawn(move || {
                    start.pin_and_report();
                    worker.run();
                })?);
                Ok(())
            })
            .build()
            .map_err(io::Error::other)?;
        let workers = starts.wait()?;
        let (sender, responses) = channel::bounded(config.in_flight as usize);
        let stopping = Stopping::default();
        let stop = stopping.clone();
        // One per thread, so the mutexes are never contended.
        let works: Arc<[_]> = (0..config.workers).map(|_| CachePadded::new(Mutex::new(work.clone()))).collect();
        let spawn = move |pool: &ThreadPool, mut frame: Vec<u8>| {
            let (works, sender, stop) = (Arc::clone(&works), sender.clone(), stop.clone());
            pool.spawn(move || {
                let own = rayon::current_thread_index().and_then(|index| works.get(index)?.lock().ok());
                let Some(mut work) = own.filter(|_| !stop.is_set()) else { return };
                threads::respond_in_place(&mut *work, &mut frame);
                // The channel has room for all requests in flight. Fails once the pool is closed.
                let _ = sender.send(frame);
            });
        };
        Ok(Self { pool, spawn: Box::new(spawn), responses, spare: vec![], threads, workers, stopping })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = threads::request(&mut self.spare, len, fill);
        (self.spawn)(&self.pool, frame);
        Ok(())
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = self.responses.recv().map_err(io::Error::other)?;
        let result = read(&frame);
        self.spare.push(frame);
        Ok(Collected::Response(result))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.responses.try_recv() {
            Ok(frame) => {
                let result = read(&frame);
                self.spare.push(frame);
                Ok(Some(Collected::Response(result)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(gone @ TryRecvError::Disconnected) => Err(io::Error::other(gone)),
        }
    }

    fn workers(&self) -> Vec<Worker> {
        self.workers.clone()
    }

    fn close(self) -> io::Result<()> {
        // The threads exit when all spawned closures have run.
        drop(self.pool);
        threads::join(self.threads)
    }

    fn terminate(self) -> io::Result<()> {
        self.stopping.set();
        self.close()
    }
}
