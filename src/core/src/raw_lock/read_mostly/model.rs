//! Model checks: all orders in which two or three threads can read and write under a lock that admits several readers,
//! and a mutant of each that the check must catch. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark-core --release
//! --lib read_mostly::model`.

use std::io;

use loom::sync::Arc;
use loom::thread;

use super::double_buffer::DoubleBuffer;
use super::phase_fair::PhaseFair;
use super::seqlock::Seqlock;
use super::shm_rwlock::ShmRwLock;
use crate::address::Descriptor;
use crate::raw_lock::COPIES;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU64, Ordering};
use crate::record::Wait;
use crate::wait::{Park, PollPolicy, Strategy, WaitPoint, WaitStrategy};

/// Spinning in the model: lets another thread run.
#[derive(Default)]
struct Yield;

impl Strategy for Yield {
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Yield {
    fn until<R>(&self, _: &P, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        loop {
            if let Some(result) = ready() {
                return Ok((result, 1));
            }
            thread::yield_now();
        }
    }

    fn notify(&self, _: &P, _: u32) -> io::Result<()> {
        Ok(())
    }
}

/// A lock and its protected state: two words that are equal whenever a read is accepted.
#[derive(Default)]
struct State<R> {
    lock: R,
    copies: [[AtomicU64; 2]; COPIES as usize],
}

impl<R: RawLock> State<R> {
    /// Writes both words of a copy.
    fn write(&self, me: u32, value: u64) {
        let write = |copy: u32| {
            for word in &self.copies[copy as usize] {
                word.store(value, Ordering::Relaxed);
            }
        };
        self.lock.write(me, write).expect("no model is aborted");
    }

    fn read(&self, me: u32) -> u64 {
        let copy_out = |copy: u32| {
            let [first, second] = &self.copies[copy as usize];
            (first.load(Ordering::Relaxed), second.load(Ordering::Relaxed))
        };
        let (first, second) = self.lock.read(me, copy_out).expect("no model is aborted").seen;
        assert_eq!(first, second, "torn");
        first
    }
}

/// `writers`, this thread and `readers` further readers each run `times` times. No read may see half a write nor, with
/// one writer, an older value than before.
fn model<R: RawLock + Default + Send + Sync>(readers: u32, writers: u32, times: u64) {
    let state = Arc::new(State::<R>::default());
    let look = move |state: &State<R>, me: u32| {
        let mut newest = 0;
        for _ in 0..times {
            let seen = state.read(me);
            assert!(writers > 1 || seen >= newest, "{seen} after {newest}");
            newest = seen;
        }
    };
    let writing = (0..writers).map(|writer| {
        let state = Arc::clone(&state);
        thread::spawn(move || (1..=times).for_each(|n| state.write(writer, u64::from(10 * writer) + n)))
    });
    let mut others: Vec<_> = writing.collect();
    for reader in 1..=readers {
        let state = Arc::clone(&state);
        others.push(thread::spawn(move || look(&state, writers + reader)));
    }
    look(&state, writers);
    others.into_iter().for_each(|other| other.join().expect("it panics only when the model fails"));
}

/// Checks every order with at most two preemptions: three threads have too many orders for more.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

/// Runs a mutant's check in a separate process, since the checker may abort: the same test, with a variable that
/// selects the mutant. True if that process failed because the checker found an error.
fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    const MUTANT: &str = "IPCMARK_MODEL_MUTANT";
    if std::env::var_os(MUTANT).is_some() {
        check(model);
        return true;
    }
    let this = std::env::current_exe().expect("a test knows its own program");
    let test = format!("raw_lock::read_mostly::model::{test}");
    let arguments = [&test, "--exact", "--nocapture", "--test-threads=1"];
    let run = std::process::Command::new(this).args(arguments).env(MUTANT, &test).output().expect("it starts");
    let output = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.contains("running 1 test"), "no such test: {output}");
    assert!(!output.contains("exceeded maximum number of branches"), "the checker gave up: {output}");
    !run.status.success() && output.contains("torn")
}

#[test]
fn a_seqlock_shows_no_half_write() {
    check(|| model::<Seqlock<Yield>>(0, 1, 2));
    check(|| model::<Seqlock<Yield>>(1, 1, 1));
    check(|| model::<Seqlock<Yield>>(0, 2, 1));
}

#[test]
fn a_sequence_that_does_not_mark_its_words_is_caught() {
    let test = "a_sequence_that_does_not_mark_its_words_is_caught";
    assert!(is_caught(test, || model::<Seqlock<Yield, false>>(0, 1, 2)));
}

/// The second write is the first to reuse a copy.
#[test]
fn a_double_buffer_shows_no_half_write() {
    check(|| model::<DoubleBuffer<Yield>>(1, 1, 2));
    check(|| model::<DoubleBuffer<Yield>>(0, 2, 2));
}

#[test]
fn a_reader_that_reads_before_its_announcement_is_caught() {
    let test = "a_reader_that_reads_before_its_announcement_is_caught";
    assert!(is_caught(test, || model::<DoubleBuffer<Yield, false>>(0, 1, 2)));
}

#[test]
fn a_reader_writer_lock_shows_no_half_write_and_loses_no_wake_up() {
    check(|| model::<ShmRwLock<Park>>(1, 1, 2));
    check(|| model::<ShmRwLock<Park>>(0, 2, 2));
}

/// Two threads only: with three, the checker may let two spin for each other forever.
#[test]
fn a_phase_fair_lock_shows_no_half_write() {
    check(|| model::<PhaseFair<Yield>>(0, 1, 2));
}
