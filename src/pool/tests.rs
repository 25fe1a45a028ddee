//! Pools of threads, opened by name. Those of processes fork, which a test program of many threads must not do:
//! harness/tests runs them with real dispatchers.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Collected, Entry, Hand, Pool, Staff, Work, rows};
use crate::record::Isolation;

/// Answers with a sum over the request, behind the number that the request starts with.
#[derive(Clone)]
struct Sum;

impl Work for Sum {
    type Job = (u64, u64, usize);

    fn take(&mut self, request: &[u8]) -> Self::Job {
        (number_in(request), request.iter().map(|byte| u64::from(*byte)).sum(), request.len())
    }

    fn number(&self, job: &Self::Job) -> u64 {
        job.0
    }

    fn carry_out(&mut self, job: &mut Self::Job) {
        job.1 += 1;
    }

    fn answer_bytes(&self, job: &Self::Job) -> usize {
        job.2 + 8
    }

    fn answer(&mut self, job: &Self::Job, room: &mut [u8]) {
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

fn staff(workers: u32, request_bytes: usize) -> Staff {
    Staff { workers, cpus: vec![], frame_bytes: request_bytes + 8, in_flight: IN_FLIGHT }
}

fn hand_out<P: Pool>(pool: &mut P, number: u64, bytes: usize) -> io::Result<()> {
    pool.submit(bytes, |room| {
        room.fill(number as u8);
        room[..8].copy_from_slice(&number.to_le_bytes());
    })
}

fn check(answer: &[u8], bytes: usize) -> u64 {
    let number = number_in(answer);
    let head: u64 = number.to_le_bytes().iter().map(|byte| u64::from(*byte)).sum();
    let body = u64::from(number as u8) * (bytes as u64 - 8);
    assert_eq!((number_in(&answer[8..]), answer.len()), (head + body + 1, bytes + 8));
    number
}

/// Checks a pool of threads with so many workers, and requests of so many bytes.
struct Drill(fn(u32, usize));

impl Entry for Drill {
    fn of<P: Pool>() -> Self {
        Self(Self::run::<P>)
    }
}

impl Drill {
    fn run<P: Pool>(workers: u32, bytes: usize) {
        if P::ISOLATION != Isolation::Thread {
            return;
        }
        let staff = staff(workers, bytes);
        P::supports(&staff).expect("small");
        let mut pool = P::open(&staff, Sum).expect("opened");
        let hands = pool.hands();
        assert!(hands.is_empty() || hands.len() == workers as usize, "{hands:?}");
        assert!(pool.try_collect(|_| ()).expect("open").is_none(), "an answer to nothing");

        let (mut seen, mut next) = (BTreeSet::new(), 0);
        while seen.len() < 200 {
            while next < 200 && next - (seen.len() as u64) < u64::from(IN_FLIGHT) {
                hand_out(&mut pool, next, bytes).expect("room");
                next += 1;
            }
            let Collected::Answer(number) = pool.collect(|answer| check(answer, bytes)).expect("an answer") else {
                panic!("a thread was lost")
            };
            assert!(seen.insert(number), "{number} came twice");
        }
        assert!(pool.try_collect(|_| ()).expect("open").is_none(), "an answer too many");
        hand_out(&mut pool, 200, bytes).expect("room");
        pool.close().expect("closed with an answer that nobody collects");
        hands.into_iter().for_each(vanishes);

        let mut pool = P::open(&staff, Sum).expect("opened again");
        let hands = pool.hands();
        (0..u64::from(IN_FLIGHT)).for_each(|number| hand_out(&mut pool, number, bytes).expect("room"));
        pool.terminate().expect("ended");
        hands.into_iter().for_each(vanishes);
    }
}

/// A thread that was joined is on its way out of the kernel's list.
fn vanishes(hand: Hand) {
    let Hand::Thread(tid) = hand else { panic!("a process works between threads") };
    let begun = Instant::now();
    while Path::new(&format!("/proc/self/task/{tid}")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "thread {tid} is left");
        std::thread::yield_now();
    }
}

#[test]
fn threads_answer_each_frame_once_and_end_with_their_pool() {
    for (_, Drill(run)) in rows() {
        for workers in [1, 2, 4] {
            for bytes in [8, 64, 65_536] {
                run(workers, bytes);
            }
        }
    }
}
