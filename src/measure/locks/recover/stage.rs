//! The memory that the warden shares with those who play: how far each has come, when, and what went wrong. The lock that
//! is looked at takes no part in it.
#![allow(unsafe_code)]

use std::hint;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::address::Endpoint;
use crate::lock::Acquired;
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, clock, futex};

/// Who plays in one death, each on a line of his own and with a contender at the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The one who is killed.
    Victim,
    /// The one who waits when that happens.
    Next,
    /// The one who comes later.
    Newcomer,
    /// The one who has the lock while the victim waits for it.
    Owner,
}

/// How many parts there are.
pub(super) const PARTS: u32 = 4;

impl Part {
    /// His line, and his contender at the lock.
    pub(super) fn index(self) -> u32 {
        self as u32
    }

    /// For a sentence.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Victim => "the one to be killed",
            Self::Next => "the next in line",
            Self::Newcomer => "the one who comes later",
            Self::Owner => "the owner",
        }
    }
}

/// How far somebody has come. In this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Not yet attached.
    Away,
    /// Asks for the lock now.
    Asks,
    /// Has it.
    Has,
    /// Has let it go.
    Left,
    /// Was given an error instead.
    Broke,
}

const STEPS: [Step; 5] = [Step::Away, Step::Asks, Step::Has, Step::Left, Step::Broke];

const COMPLAINT_BYTES: usize = 192;
/// A sleeper comes back this often to see whether the trial was called off.
const SLICE: Duration = Duration::from_millis(50);
/// Pauses between two looks at the abort word.
const PAUSES_PER_ABORT_CHECK: u32 = 4096;

#[repr(C, align(64))]
pub(super) struct Line {
    /// A [`Step`]; the warden sleeps here.
    step: AtomicU32,
    /// 1 once the warden lets him go on.
    go: AtomicU32,
    told: AtomicU32,
    asked_ns: AtomicU64,
    had_ns: AtomicU64,
    left_ns: AtomicU64,
    complaint_bytes: AtomicU32,
    complaint: [AtomicU8; COMPLAINT_BYTES],
}

// SAFETY: repr(C), atomics only; zero bytes are somebody who is away and has said nothing.
unsafe impl SharedLayout for Line {}

/// The lines of one death, mapped before anybody is forked, so that all see the same.
pub(super) struct Stage(Segment);

impl Stage {
    pub(super) fn set() -> io::Result<Self> {
        let bytes = PARTS as usize * size_of::<Line>();
        Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes).map(Self)
    }

    pub(super) fn line(&self, part: Part) -> &Line {
        self.0.view(part.index() as usize * size_of::<Line>())
    }
}

/// What a player says and hears.
impl Line {
    pub(super) fn asks(&self) {
        self.asked_ns.store(clock::now_ns(), Ordering::Relaxed);
        self.say(Step::Asks);
    }

    /// The first thing under the lock, so that the stamp is early.
    pub(super) fn has(&self, acquired: Acquired) {
        self.had_ns.store(clock::now_ns(), Ordering::Relaxed);
        self.told.store(u32::from(acquired.owner_died), Ordering::Relaxed);
        self.say(Step::Has);
    }

    /// The last thing under the lock.
    pub(super) fn lets_go(&self) {
        self.left_ns.store(clock::now_ns(), Ordering::Relaxed);
    }

    pub(super) fn left(&self) {
        self.say(Step::Left);
    }

    pub(super) fn broke(&self, error: &io::Error) {
        let text = error.to_string();
        let bytes = text.as_bytes();
        let fits = bytes.len().min(COMPLAINT_BYTES);
        for (place, byte) in self.complaint.iter().zip(&bytes[..fits]) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.complaint_bytes.store(fits as u32, Ordering::Relaxed);
        self.say(Step::Broke);
    }

    /// Keeps a CPU busy, without a system call, until the warden says go.
    pub(super) fn stays_busy(&self) {
        // PAIRS: warden-says-go
        while self.go.load(Ordering::Acquire) == 0 && !abort::requested() {
            for _ in 0..PAUSES_PER_ABORT_CHECK {
                hint::spin_loop();
                if self.go.load(Ordering::Relaxed) != 0 {
                    break;
                }
            }
        }
    }

    /// Sleeps until the warden says go, and leaves the CPU to those who poll.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    pub(super) fn stays_asleep(&self) -> io::Result<()> {
        // PAIRS: warden-says-go
        while self.go.load(Ordering::Acquire) == 0 {
            futex::wait(&self.go, 0, SLICE)?;
            if abort::requested() {
                return Err(abort::error());
            }
        }
        Ok(())
    }

    fn say(&self, step: Step) {
        // PAIRS: player-steps
        self.step.store(step as u32, Ordering::Release);
        // The warden looks again by himself, too; a wake that fails only costs time.
        let _ = futex::wake(&self.step, 1);
    }
}

/// What the warden says and sees.
impl Line {
    pub(super) fn step(&self) -> Step {
        // PAIRS: player-steps
        let word = self.step.load(Ordering::Acquire);
        STEPS.into_iter().find(|step| *step as u32 == word).unwrap_or(Step::Away)
    }

    /// Sleeps for a slice, or until there is another step than `seen`.
    pub(super) fn wait_while(&self, seen: Step) -> io::Result<()> {
        futex::wait(&self.step, seen as u32, SLICE)
    }

    /// Lets him go on who keeps a CPU busy.
    pub(super) fn go(&self) {
        // PAIRS: warden-says-go
        self.go.store(1, Ordering::Release);
    }

    /// Lets him go on who sleeps.
    pub(super) fn go_and_wake(&self) -> io::Result<()> {
        self.go();
        futex::wake(&self.go, 1)
    }

    /// When he began to ask.
    pub(super) fn asked_ns(&self) -> u64 {
        self.asked_ns.load(Ordering::Relaxed)
    }

    /// When he had the lock.
    pub(super) fn had_ns(&self) -> u64 {
        self.had_ns.load(Ordering::Relaxed)
    }

    /// When he was about to let it go.
    pub(super) fn left_ns(&self) -> u64 {
        self.left_ns.load(Ordering::Relaxed)
    }

    /// Whether he was told that an owner had died.
    pub(super) fn told(&self) -> bool {
        self.told.load(Ordering::Relaxed) != 0
    }

    /// Why he broke off.
    pub(super) fn complaint(&self) -> String {
        let bytes = (self.complaint_bytes.load(Ordering::Relaxed) as usize).min(COMPLAINT_BYTES);
        let text: Vec<u8> = self.complaint[..bytes].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&text).into_owned()
    }
}
