//! Tests of pools of threads. Pools of processes fork, which a test program with many threads must not do;
//! harness/tests covers them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Collected, Entry, Pool, PoolConfig, Work, Worker, rows};
use crate::record::Isolation;

/// Responds with the number at the start of the request and the sum of its bytes.
#[derive(Clone)]
struct Sum;

impl Work for Sum {
    type Job = (u64, u64, usize);

    fn read(&mut self, request: &[u8]) -> Self::Job {
        (number_in(request), request.iter().map(|byte| u64::from(*byte)).sum(), request.len())
    }

    fn id(&self, job: &Self::Job) -> u64 {
        job.0
    }

    fn execute(&mut self, job: &mut Self::Job) {
        job.1 += 1;
    }

    fn response_bytes(&self, job: &Self::Job) -> usize {
        job.2 + 8
    }

    fn write_response(&mut self, job: &Self::Job, room: &mut [u8]) {
        room.fill(7);
        room[..8].copy_from_slice(&job.0.to_le_bytes());
        room[8..16].copy_from_slice(&job.1.to_le_bytes());
    }
}

fn number_in(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(number)
}

const IN_FLIGHT: u32 = 8;

fn config(workers: u32, request_bytes: usize) -> PoolConfig {
    PoolConfig { workers, cpus: vec![], frame_bytes: request_bytes + 8, in_flight: IN_FLIGHT }
}

fn submit<P: Pool>(pool: &mut P, number: u64, bytes: usize) -> io::Result<()> {
    pool.submit(bytes, |room| {
        room.fill(number as u8);
        room[..8].copy_from_slice(&number.to_le_bytes());
    })
}

fn check(response: &[u8], bytes: usize) -> u64 {
    let number = number_in(response);
    let head: u64 = number.to_le_bytes().iter().map(|byte| u64::from(*byte)).sum();
    let body = u64::from(number as u8) * (bytes as u64 - 8);
    assert_eq!((number_in(&response[8..]), response.len()), (head + body + 1, bytes + 8));
    number
}

/// Exercises a pool of so many workers with requests of so many bytes.
struct Exercise(fn(u32, usize));

impl Entry for Exercise {
    fn of<P: Pool>() -> Self {
        Self(Self::run::<P>)
    }
}

impl Exercise {
    fn run<P: Pool>(workers: u32, bytes: usize) {
        if P::ISOLATION != Isolation::Thread {
            return;
        }
        let config = config(workers, bytes);
        P::supports(&config).expect("supported");
        let mut pool = P::open(&config, Sum).expect("opened");
        let threads = pool.workers();
        assert!(threads.is_empty() || threads.len() == workers as usize, "{threads:?}");
        assert!(pool.try_collect(|_| ()).expect("open").is_none(), "a response without a request");

        let (mut seen, mut next) = (BTreeSet::new(), 0);
        while seen.len() < 200 {
            while next < 200 && next - (seen.len() as u64) < u64::from(IN_FLIGHT) {
                submit(&mut pool, next, bytes).expect("room");
                next += 1;
            }
            let Collected::Response(number) = pool.collect(|response| check(response, bytes)).expect("a response")
            else {
                panic!("a thread died")
            };
            assert!(seen.insert(number), "{number} came twice");
        }
        assert!(pool.try_collect(|_| ()).expect("open").is_none(), "more responses than requests");
        submit(&mut pool, 200, bytes).expect("room");
        pool.close().expect("closed with a response that is not collected");
        threads.into_iter().for_each(wait_for_exit);

        let mut pool = P::open(&config, Sum).expect("opened again");
        let threads = pool.workers();
        (0..u64::from(IN_FLIGHT)).for_each(|number| submit(&mut pool, number, bytes).expect("room"));
        pool.terminate().expect("ended");
        threads.into_iter().for_each(wait_for_exit);
    }
}

/// Waits until a joined thread has disappeared from /proc.
fn wait_for_exit(worker: Worker) {
    let Worker::Thread(tid) = worker else { panic!("a process in a pool of threads") };
    let begun = Instant::now();
    while Path::new(&format!("/proc/self/task/{tid}")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "thread {tid} still exists");
        std::thread::yield_now();
    }
}

#[test]
fn threads_respond_to_each_request_once_and_end_with_the_pool() {
    for (_, Exercise(run)) in rows() {
        for workers in [1, 2, 4] {
            for bytes in [8, 64, 65_536] {
                run(workers, bytes);
            }
        }
    }
}
