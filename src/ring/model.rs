//! Model checks: every order in which two threads can run the rings and the gate, at depth 1 and 2, and a mutant of each
//! that the check must catch. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark --release --lib ring::`.

use std::io;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::sync::{AtomicU32, AtomicU64, Ordering};
use super::{Slots, mailbox, spsc};
use crate::record::Wait;
use crate::wait::{Gate, Park, Rhythm, WaitStrategy, sleep_until, wake_sleeper};

const MESSAGES: u8 = 3;

/// Slots under the model checker. `STRONG` is false in the mutants, whose publishing orders nothing.
struct ModelSlots<const DEPTH: usize, const STRONG: bool>(Arc<Words<DEPTH>>);

struct Words<const DEPTH: usize> {
    sequences: Vec<AtomicU64>,
    payloads: Vec<UnsafeCell<[u8; 1]>>,
    consumed: AtomicU32,
    producer_gate: Gate,
    consumer_gate: Gate,
}

impl<const DEPTH: usize, const STRONG: bool> ModelSlots<DEPTH, STRONG> {
    fn pair() -> (Self, Self) {
        let words = Arc::new(Words {
            sequences: (0..DEPTH).map(|_| AtomicU64::new(0)).collect(),
            payloads: (0..DEPTH).map(|_| UnsafeCell::new([0])).collect(),
            consumed: AtomicU32::new(0),
            producer_gate: Gate::default(),
            consumer_gate: Gate::default(),
        });
        (Self(Arc::clone(&words)), Self(words))
    }
}

// SAFETY: loom's cells panic on a conflicting access instead of allowing it.
unsafe impl<const DEPTH: usize, const STRONG: bool> Slots for ModelSlots<DEPTH, STRONG> {
    const PUBLISH: Ordering = if STRONG { Ordering::Release } else { Ordering::Relaxed };
    const GIVE_BACK: Ordering = Self::PUBLISH;

    fn depth(&self) -> u32 {
        DEPTH as u32
    }

    fn message_bytes(&self) -> usize {
        1
    }

    fn sequence(&self, slot: u32) -> &AtomicU64 {
        &self.0.sequences[slot as usize]
    }

    fn consumed(&self) -> &AtomicU32 {
        &self.0.consumed
    }

    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8])) {
        // SAFETY: loom's `with_mut` lends the cell for the closure's time and panics on a conflict.
        self.0.payloads[slot as usize].with_mut(|cell| fill(unsafe { &mut (&mut *cell)[..len] }));
    }

    unsafe fn read<R>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: loom's `with` lends the cell for the closure's time and panics on a conflict.
        self.0.payloads[slot as usize].with(|cell| read(unsafe { &(&*cell)[..len] }))
    }

    fn consumer_gate(&self) -> &Gate {
        &self.0.consumer_gate
    }

    fn producer_gate(&self) -> &Gate {
        &self.0.producer_gate
    }
}

/// Spinning as the model knows it: let the other thread run.
struct Yield;

impl WaitStrategy for Yield {
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;

    fn until<R>(_: &Gate, _: Rhythm, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        loop {
            if let Some(result) = ready() {
                return Ok((result, 1));
            }
            thread::yield_now();
        }
    }

    fn notify(_: &Gate) -> io::Result<()> {
        Ok(())
    }
}

/// Parking without the fences: the waker may miss the sleeper.
struct Unfenced;

impl WaitStrategy for Unfenced {
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = false;

    fn until<R>(gate: &Gate, _: Rhythm, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match ready() {
            Some(result) => Ok((result, 1)),
            None => sleep_until(gate, || {}, ready).map(|result| (result, 1)),
        }
    }

    fn notify(gate: &Gate) -> io::Result<()> {
        wake_sleeper(gate, || {})
    }
}

fn spsc<const DEPTH: usize, const STRONG: bool, W: WaitStrategy>(messages: u8) {
    let (left, right) = ModelSlots::<DEPTH, STRONG>::pair();
    let producer = thread::spawn(move || {
        let mut producer = spsc::Producer::<_, W>::new(left);
        for i in 0..messages {
            producer.send(1, |room| room[0] = i + 1).unwrap();
        }
    });
    let mut consumer = spsc::Consumer::<_, W>::new(right);
    for i in 0..messages {
        assert_eq!(consumer.receive(|seen| seen[0]).unwrap(), i + 1);
    }
    producer.join().unwrap();
}

fn mailbox<const STRONG: bool, W: WaitStrategy>(messages: u8) {
    let (left, right) = ModelSlots::<1, STRONG>::pair();
    let producer = thread::spawn(move || {
        let mut producer = mailbox::Producer::<_, W>::new(left);
        for i in 0..messages {
            producer.send(1, |room| room[0] = i + 1).unwrap();
        }
    });
    let mut consumer = mailbox::Consumer::<_, W>::new(right);
    for i in 0..messages {
        assert_eq!(consumer.receive(|seen| seen[0]).unwrap(), i + 1);
    }
    producer.join().unwrap();
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Runs a mutant's check in a process of its own, since the checker may abort: this very test again, told to run the
/// mutant. True when that process did not end well.
fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    const MUTANT: &str = "IPCMARK_MODEL_MUTANT";
    if std::env::var_os(MUTANT).is_some() {
        check(model);
        return true;
    }
    let this = std::env::current_exe().expect("a test knows its own program");
    let arguments = [test, "--exact", "--test-threads=1"];
    let run = std::process::Command::new(this).args(arguments).env(MUTANT, test).output().expect("it starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("running 1 test"), "no such test: {said}");
    !run.status.success()
}

#[test]
fn spsc_holds_in_every_order() {
    check(|| spsc::<1, true, Yield>(2));
    check(|| spsc::<2, true, Yield>(MESSAGES));
}

#[test]
fn spsc_that_parks_loses_no_wake_up() {
    check(|| spsc::<1, true, Park>(2));
    check(|| spsc::<2, true, Park>(MESSAGES));
}

#[test]
fn mailbox_holds_in_every_order() {
    check(|| mailbox::<true, Yield>(2));
    check(|| mailbox::<true, Park>(2));
}

#[test]
fn a_ring_that_publishes_without_order_is_caught() {
    let test = "ring::model::a_ring_that_publishes_without_order_is_caught";
    assert!(is_caught(test, || spsc::<2, false, Yield>(MESSAGES)));
}

#[test]
fn a_mailbox_that_publishes_without_order_is_caught() {
    let test = "ring::model::a_mailbox_that_publishes_without_order_is_caught";
    assert!(is_caught(test, || mailbox::<false, Yield>(2)));
}

#[test]
fn a_gate_whose_waker_may_miss_the_sleeper_is_caught() {
    let test = "ring::model::a_gate_whose_waker_may_miss_the_sleeper_is_caught";
    assert!(is_caught(test, || spsc::<1, true, Unfenced>(2)));
}
