//! Tools of all model checks, of rings and of locks: a wait that the checker understands, bounds of the search, and the
//! proof that a mutant is caught.

use std::io;

use loom::thread;

use super::{PollPolicy, Strategy, TimedWait, WaitPoint, WaitStrategy, sleep_until, wake_cold, wake_sleeper};
use crate::address::Descriptor;
use crate::record::Wait;

/// Spinning in the model: lets another thread run. With three threads, two may poll in turn forever, so an order in
/// which one of them polls in vain many times is followed to its end but not branched further.
#[derive(Default)]
pub struct Yield;

/// Failed polls after which an order is not branched any more. With two threads there are never more than four; with
/// three threads of a lock that gives each its own word, fewer than eight.
const BRANCHED_LOOKS: u32 = 8;

/// Failed polls after which no thread is left that could make the condition true. Without branching the checker runs
/// the thread that yielded least, so no thread waits for its turn nearly that long.
const MOST_LOOKS: u32 = 100;

impl Strategy for Yield {
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Yield {
    fn until<R>(&self, _: &P, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        for looks in 1..=MOST_LOOKS {
            if let Some(result) = ready() {
                return Ok((result, looks));
            }
            if looks == BRANCHED_LOOKS {
                loom::skip_branch();
            }
            thread::yield_now();
        }
        panic!("the condition never becomes true");
    }

    fn notify(&self, _: &P, _: u32) -> io::Result<()> {
        Ok(())
    }
}

/// Parking without fences: a waker may miss a sleeper.
pub struct Unfenced;

impl Strategy for Unfenced {
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = false;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Unfenced {
    fn until<R>(&self, point: &P, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match ready() {
            Some(result) => Ok((result, 1)),
            None => sleep_until(point, || {}, |ticket| point.sleep(ticket), ready).map(|result| (result, 1)),
        }
    }

    fn notify(&self, point: &P, most: u32) -> io::Result<()> {
        wake_sleeper(point, || {}, || wake_cold(point, most))
    }
}

impl<P: WaitPoint> TimedWait<P> for Unfenced {
    fn until_moment<R>(
        &self,
        point: &P,
        policy: PollPolicy,
        _: u64,
        ready: impl FnMut() -> Option<R>,
    ) -> io::Result<Option<(R, u32)>> {
        self.until(point, policy, ready).map(Some)
    }
}

/// Checks every order with at most `preemptions`: enough to find the errors of two threads; three threads have too many
/// orders for more.
pub fn check_within(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Runs a mutant's check in a separate process, since the checker may abort: the calling `test`, by its full name, with
/// a variable that selects the mutant. True if that process failed because the checker found an error.
pub fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    const MUTANT: &str = "IPCMARK_MODEL_MUTANT";
    if std::env::var_os(MUTANT).is_some() {
        check_within(2, model);
        return true;
    }
    let this = std::env::current_exe().expect("a test knows its own program");
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    let run = std::process::Command::new(this).args(arguments).env(MUTANT, test).output().expect("it starts");
    let output = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.contains("running 1 test"), "no such test: {output}");
    assert!(!output.contains("exceeded maximum number of branches"), "the checker gave up: {output}");
    !run.status.success()
}
