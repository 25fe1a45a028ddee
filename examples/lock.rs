//! A lock of another crate beside the built-in ones: test-and-set on one word of shared memory.
//! Run it: `cargo run -p ipcmark-harness --example lock -- run --plan conformance --only my-lock`

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release};

use ipcmark::abort;
use ipcmark::address::{Address, Endpoint};
use ipcmark::lock::{Acquired, ContenderId, Handle, Lock};
use ipcmark::record::{Group, Substrate, Wait};
use ipcmark::shm::{self, Segment};

struct MyLock;
/// Mapping of the word by one contender: 0 is free, 1 held.
struct Contender(Segment);

impl Contender {
    fn enter<R>(&self, critical: impl FnOnce(Acquired) -> R) -> R {
        let result = critical(Acquired::default());
        self.0.view::<AtomicU32>(0).store(0, Release);
        result
    }
}

impl Handle for Contender {
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        while self.0.view::<AtomicU32>(0).swap(1, Acquire) == 1 {
            if abort::requested() {
                return Err(abort::error());
            }
            std::thread::yield_now();
        }
        Ok(self.enter(critical))
    }

    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        Ok((self.0.view::<AtomicU32>(0).swap(1, Acquire) == 0).then(|| self.enter(critical)))
    }
}

impl Lock for MyLock {
    const SUMMARY: &'static str = "example: test-and-set, with a yield between two attempts";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Option<Wait> = Some(Wait::SpinYield);
    const POLLS: bool = true;
    type Handle = Contender;

    fn create(_: u32) -> io::Result<Address> {
        shm::create(Substrate::Memfd, size_of::<AtomicU32>())
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Contender> {
        Ok(Contender(Segment::attach(address, Endpoint::Sender, size_of::<AtomicU32>())?))
    }
}

fn main() -> ExitCode {
    ipcmark_harness::Suite::new().lock::<MyLock>("my-lock/spin-yield").main()
}
