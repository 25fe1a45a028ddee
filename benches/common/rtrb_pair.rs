//! Rival ring: `rtrb` between two pinned threads of this process, with the same timed loops and checks as every
//! transport. Messages are arrays by value; the row `rtrb/spin` has them as chunks in place. A waiting endpoint polls with
//! the pause hint.

use std::sync::Barrier;
use std::thread;

use ipcmark::clock;
use ipcmark::machine::pin::pin_this_thread;
use ipcmark::measure::MeasureError;
use ipcmark::measure::count::slices;
use ipcmark::measure::round_trip::Side;
use ipcmark::measure::stream::{Sink, Source};
use ipcmark::measure::touch::Every;
use ipcmark::transport::{Receiver, Sender};

/// Number of slots, as in our ring at these sizes.
const DEPTH: usize = 1024;

/// Sender with the message that it fills, which is zeroed only once.
struct Tail<const N: usize> {
    ring: rtrb::Producer<[u8; N]>,
    message: [u8; N],
}

struct Head<const N: usize>(rtrb::Consumer<[u8; N]>);

impl<const N: usize> Sender for Tail<N> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> std::io::Result<()> {
        fill(&mut self.message[..len]);
        let mut polls = Polls(0);
        while self.ring.push(self.message).is_err() {
            polls.pause(|| self.ring.is_abandoned())?;
        }
        Ok(())
    }
}

impl<const N: usize> Receiver for Head<N> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::io::Result<R> {
        let mut polls = Polls(0);
        loop {
            if let Ok(message) = self.0.pop() {
                return Ok(read(&message));
            }
            polls.pause(|| self.0.is_abandoned())?;
        }
    }
}

/// Number of polls, for a periodic check that the peer still exists.
struct Polls(u32);

impl Polls {
    #[inline]
    fn pause(&mut self, gone: impl Fn() -> bool) -> std::io::Result<()> {
        std::hint::spin_loop();
        self.0 += 1;
        if self.0.is_multiple_of(4096) && gone() { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

fn ring<const N: usize>() -> (Tail<N>, Head<N>) {
    let (producer, consumer) = rtrb::RingBuffer::new(DEPTH);
    (Tail { ring: producer, message: [0; N] }, Head(consumer))
}

/// Nanoseconds for `count` verified one-way messages.
pub fn stream_ns<const N: usize>(cpus: &[u32], warm_up: u64, count: u64) -> u64 {
    let (tail, head) = ring::<N>();
    let start_line = Barrier::new(2);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            pin(cpus.get(1));
            let mut sink = Sink::new(head, N);
            for messages in [warm_up, count] {
                start_line.wait();
                fine(sink.verify::<Every>(messages));
            }
            clock::now_ns()
        });
        let sender = scope.spawn(|| {
            pin(cpus.first());
            let mut source = Source::new(tail, N);
            start_line.wait();
            fine(source.send::<Every>(warm_up));
            start_line.wait();
            let start = clock::now_ns();
            fine(source.send::<Every>(count));
            start
        });
        let start = sender.join().expect("the sender ends well");
        receiver.join().expect("the receiver ends well") - start
    })
}

/// Nanoseconds for `count` verified round trips, from the median of as many blocks as in a trial.
pub fn round_trip_ns<const N: usize>(cpus: &[u32], warm_up: u64, count: u64) -> u64 {
    let (out_tail, out_head) = ring::<N>();
    let (back_tail, back_head) = ring::<N>();
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(cpus.get(1));
            fine(Side::new(back_tail, out_head, N).answers::<Every>(warm_up + count));
        });
        let leader = scope.spawn(|| {
            pin(cpus.first());
            let mut side = Side::new(out_tail, back_head, N);
            fine(side.trips::<Every>(warm_up));
            let blocks = slices(count).map(|trips| {
                let start = clock::now_ns();
                fine(side.trips::<Every>(trips));
                (clock::now_ns() - start) as f64 / trips as f64
            });
            let mut each_ns: Vec<f64> = blocks.collect();
            each_ns.sort_by(f64::total_cmp);
            (each_ns[each_ns.len() / 2] * count as f64) as u64
        });
        leader.join().expect("the leader ends well")
    })
}

/// Pins the calling thread if there is a CPU for it.
pub fn pin(cpu: Option<&u32>) {
    if let Some(cpu) = cpu {
        pin_this_thread(*cpu).expect("the CPU was allowed a moment ago");
    }
}

fn fine(result: Result<(), MeasureError>) {
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
