//! Rival queue with many senders and receivers: `crossbeam`'s `ArrayQueue` between pinned threads of this process, with
//! the work and the checks of a trial. Messages are arrays by value, the best case of the queue. A waiting thread polls
//! like ours, or snoozes with `Backoff`, as its authors recommend; see [`Waiting`].

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::Backoff;
use ipcmark::clock;
use ipcmark::payload::{Known, parts, stamp, stamp_of};

use super::common::rtrb_pair::pin;

/// Number of slots, as in our ring at this size.
const DEPTH: usize = 1024;
const BYTES: usize = 64;
/// Producer number of end marks; the last sender to finish sends one to each receiver.
const END: u16 = u16::MAX;

type Message = [u8; BYTES];

/// Wait between two attempts: `Backoff::snooze`, which yields the CPU after a while, or else a pause hint.
struct Waiting<const SNOOZES: bool>(Backoff);

impl<const SNOOZES: bool> Waiting<SNOOZES> {
    fn new() -> Self {
        Self(Backoff::new())
    }

    #[inline]
    fn pause(&self) {
        if SNOOZES { self.0.snooze() } else { std::hint::spin_loop() }
    }
}

/// Nanoseconds for `count` verified messages per sender, `SIDES * count` in total, with as many receivers as senders.
pub fn stream_ns<const SIDES: usize, const SNOOZES: bool>(cpus: &[u32], warm_up: u64, count: u64) -> u64 {
    let queue = ArrayQueue::<Message>::new(DEPTH);
    let (start_line, finished) = (Barrier::new(2 * SIDES), AtomicU32::new(0));
    thread::scope(|scope| {
        let (queue, start_line, finished) = (&queue, &start_line, &finished);
        let cpu = |role: usize| cpus.get(role % cpus.len().max(1)).copied();
        let receivers: Vec<_> = (0..SIDES)
            .map(|at| {
                let cpu = cpu(SIDES + at);
                scope.spawn(move || {
                    pin(cpu.as_ref());
                    let mut next = [0; SIDES];
                    for _ in [warm_up, count] {
                        start_line.wait();
                        take_all::<SNOOZES>(queue, &mut next);
                    }
                    clock::now_ns()
                })
            })
            .collect();
        let senders: Vec<_> = (0..SIDES)
            .map(|at| {
                let cpu = cpu(at);
                scope.spawn(move || {
                    pin(cpu.as_ref());
                    start_line.wait();
                    put::<SNOOZES>(queue, at as u16, 0..warm_up);
                    mark::<SIDES, SNOOZES>(queue, finished);
                    start_line.wait();
                    let start = clock::now_ns();
                    put::<SNOOZES>(queue, at as u16, warm_up..warm_up + count);
                    mark::<SIDES, SNOOZES>(queue, finished);
                    start
                })
            })
            .collect();
        let start = senders.into_iter().map(|one| one.join().expect("a sender ends well")).min();
        let end = receivers.into_iter().map(|one| one.join().expect("a receiver ends well")).max();
        (end.expect("one at least") - start.expect("one at least")) / SIDES as u64
    })
}

fn put<const SNOOZES: bool>(queue: &ArrayQueue<Message>, producer: u16, sequences: std::ops::Range<u64>) {
    let mut message = [0; BYTES];
    for sequence in sequences {
        push::<SNOOZES>(queue, &mut message, stamp(producer, sequence));
    }
}

/// Fills and sends `message`, which is reused, so that it is zeroed only once.
#[inline]
fn push<const SNOOZES: bool>(queue: &ArrayQueue<Message>, message: &mut Message, stamp: u64) {
    Known::new(BYTES, stamp).fill(message);
    let waiting = Waiting::<SNOOZES>::new();
    while queue.push(*message).is_err() {
        waiting.pause();
    }
}

fn mark<const SIDES: usize, const SNOOZES: bool>(queue: &ArrayQueue<Message>, finished: &AtomicU32) {
    // PAIRS: senders-finished
    if (finished.fetch_add(1, Ordering::AcqRel) + 1).is_multiple_of(SIDES as u32) {
        (0..SIDES).for_each(|_| push::<SNOOZES>(queue, &mut [0; BYTES], stamp(END, 0)));
    }
}

/// Receives and verifies messages until an end mark arrives.
fn take_all<const SNOOZES: bool>(queue: &ArrayQueue<Message>, next: &mut [u64]) {
    loop {
        let waiting = Waiting::<SNOOZES>::new();
        let message = loop {
            match queue.pop() {
                Some(message) => break message,
                None => waiting.pause(),
            }
        };
        let stamp = stamp_of(&message).expect("longer than a word");
        Known::new(BYTES, stamp).check(&message).expect("every byte as it was sent");
        let (producer, sequence) = parts(stamp);
        if producer == END {
            return;
        }
        let due = &mut next[usize::from(producer)];
        assert!(sequence >= *due, "message {sequence} of sender {producer} came when {due} was due at least");
        *due = sequence + 1;
    }
}
