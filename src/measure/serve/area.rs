//! The memory that the leader of the clients shares with them: what they are to do next, how far each has come, and what
//! each has counted. A client writes only to what is its own.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::buckets::{self, BUCKETS};
use crate::address::Endpoint;
use crate::measure::MeasureError;
use crate::measure::count::WINDOWS;
use crate::record::{RoleCost, Substrate};
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, futex};

/// A client without work looks this often whether the trial was called off. Its leader's death ends it in any case.
const CLIENT_SLICE: Duration = Duration::from_millis(500);
const COMPLAINT_BYTES: usize = 192;
/// What of a role's cost is a number that adds up.
const COSTS: usize = 10;
const PAGE_BYTES: usize = 4096;

/// What the clients are to do.
#[repr(C, align(64))]
pub(super) struct Head {
    /// A step's kind.
    pub(super) kind: AtomicU32,
    /// Clients that have finished the step; the leader sleeps here.
    arrived: AtomicU32,
    /// Clients that take part in it.
    wanted: AtomicU32,
    /// When its window begins and ends, on the monotonic clock.
    pub(super) start_ns: AtomicU64,
    pub(super) end_ns: AtomicU64,
    /// Requests of each client, at most, or of all of them where they are due at their times.
    pub(super) count: AtomicU64,
    /// What due times are drawn by.
    pub(super) seed: AtomicU64,
}

// SAFETY: repr(C), atomics only; zero bytes are a head before its first step.
unsafe impl SharedLayout for Head {}

/// One client.
#[repr(C, align(64))]
pub(super) struct Line {
    /// Steps begun so far; the client sleeps here.
    go: AtomicU32,
    /// 1 when the system refused something, 2 when a check failed.
    trouble: AtomicU32,
    /// From its first connect until the first answer.
    pub(super) connect_ns: AtomicU64,
    /// Requests that it made in the last window; all of them were answered in the end.
    pub(super) made: AtomicU64,
    /// Those that were answered before the window's end.
    pub(super) answered: AtomicU64,
    /// When it had the last of its answers.
    pub(super) ended_ns: AtomicU64,
    /// The same answers by slices of the window.
    pub(super) slices: [AtomicU64; WINDOWS as usize],
    cost: [AtomicU64; COSTS],
    complaint_bytes: AtomicU32,
    complaint: [AtomicU8; COMPLAINT_BYTES],
}

// SAFETY: repr(C), atomics only; zero bytes are a client that has done nothing and has nothing to say.
unsafe impl SharedLayout for Line {}

/// The latencies of one client.
#[repr(C, align(64))]
struct Latencies([AtomicU32; BUCKETS]);

// SAFETY: repr(C), atomics only; zero bytes are no latency at all.
unsafe impl SharedLayout for Latencies {}

/// A moment or a length of one request, by its number.
#[repr(C)]
struct Time(AtomicU64);

// SAFETY: repr(C), one atomic; zero bytes are a request that was not sent.
unsafe impl SharedLayout for Time {}

const LINES_OFFSET: usize = size_of::<Head>();

/// The mapped memory, made before the clients are forked.
pub(super) struct Area {
    segment: Segment,
    clients: u32,
    /// Where latencies, and after them times, begin.
    latencies_offset: usize,
    times_offset: usize,
    /// Requests whose times have a place.
    times: u64,
}

impl Area {
    /// Room for so many clients, and for the times of so many requests. Pages that nobody writes to take no memory.
    pub(super) fn new(clients: u32, times: u64) -> io::Result<Self> {
        let latencies_offset = LINES_OFFSET + clients as usize * size_of::<Line>();
        let times_offset = latencies_offset + clients as usize * size_of::<Latencies>();
        let bytes = times_offset + 2 * times as usize * size_of::<Time>();
        let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
        Ok(Self { segment, clients, latencies_offset, times_offset, times })
    }

    pub(super) fn head(&self) -> &Head {
        self.segment.view(0)
    }

    #[inline]
    pub(super) fn line(&self, client: u32) -> &Line {
        assert!(client < self.clients, "there is no client {client}");
        self.segment.view(LINES_OFFSET + client as usize * size_of::<Line>())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        (0..self.clients).map(|client| self.line(client))
    }

    /// Brings in the pages that `client` counts on. Runs in the client, before any window.
    pub(super) fn prepare(&self, client: u32) {
        let start = self.latencies_offset + client as usize * size_of::<Latencies>();
        (start..start + size_of::<Latencies>()).step_by(PAGE_BYTES).for_each(|offset| self.segment.touch(offset));
    }

    /// Brings in the pages of all times. Runs in the leader, before any window.
    pub(super) fn prepare_times(&self) {
        let end = self.times_offset + 2 * self.times as usize * size_of::<Time>();
        (self.times_offset..end).step_by(PAGE_BYTES).for_each(|offset| self.segment.touch(offset));
    }

    /// Counts one latency. Only `client` itself does.
    #[inline]
    pub(super) fn count_latency(&self, client: u32, ns: u64) {
        let count = &self.latencies(client).0[buckets::bucket(ns)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Adds the latencies of all clients to `all`.
    pub(super) fn merge_latencies(&self, all: &mut Histogram<u64>) {
        for client in 0..self.clients {
            buckets::merge(self.latencies(client).0.iter().map(|count| count.load(Ordering::Relaxed)), all);
        }
    }

    /// When request `number` was answered, on the monotonic clock; 0 when it was not.
    #[inline]
    pub(super) fn answered_ns(&self, number: u64) -> &AtomicU64 {
        self.time(number)
    }

    /// How late its client woke up to send it, plus one; 0 when it had not slept.
    #[inline]
    pub(super) fn late_ns(&self, number: u64) -> &AtomicU64 {
        self.time(self.times + number)
    }

    #[inline]
    fn time(&self, index: u64) -> &AtomicU64 {
        &self.segment.view::<Time>(self.times_offset + index as usize * size_of::<Time>()).0
    }

    #[inline]
    fn latencies(&self, client: u32) -> &Latencies {
        assert!(client < self.clients, "there is no client {client}");
        self.segment.view(self.latencies_offset + client as usize * size_of::<Latencies>())
    }
}

/// What the leader says and sees.
impl Head {
    /// Sets up a step for so many clients; each begins when its line says so.
    pub(super) fn set(&self, kind: u32, wanted: u32) {
        self.kind.store(kind, Ordering::Relaxed);
        self.arrived.store(0, Ordering::Relaxed);
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Sleeps for a slice of time or until all have finished the step. True when they have; what they stored is visible
    /// then.
    pub(super) fn await_all(&self, slice: Duration) -> io::Result<bool> {
        let wanted = self.wanted.load(Ordering::Relaxed);
        // PAIRS: client-arrives
        let arrived = self.arrived.load(Ordering::Acquire);
        if arrived < wanted {
            futex::wait(&self.arrived, arrived, slice)?;
        }
        // PAIRS: client-arrives
        Ok(self.arrived.load(Ordering::Acquire) >= wanted)
    }

    /// A client has finished the step. The last one wakes the leader.
    pub(super) fn arrive(&self) -> io::Result<()> {
        // PAIRS: client-arrives
        let arrived = self.arrived.fetch_add(1, Ordering::Release) + 1;
        if arrived == self.wanted.load(Ordering::Relaxed) {
            futex::wake(&self.arrived, 1)?;
        }
        Ok(())
    }
}

impl Line {
    /// The leader's: lets the client begin the step.
    pub(super) fn go(&self) -> io::Result<()> {
        // PAIRS: step-begins
        self.go.fetch_add(1, Ordering::Release);
        futex::wake(&self.go, 1)
    }

    /// The client's: sleeps until there is a step after the one numbered `seen`, and gives its number.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    pub(super) fn await_go(&self, seen: u32) -> io::Result<u32> {
        loop {
            // PAIRS: step-begins
            let now = self.go.load(Ordering::Acquire);
            if now != seen {
                return Ok(now);
            }
            if abort::requested() {
                return Err(abort::error());
            }
            futex::wait(&self.go, seen, CLIENT_SLICE)?;
        }
    }

    /// The client's: puts down why it gives up.
    pub(super) fn complain(&self, trouble: &MeasureError) {
        let (kind, text) = match trouble {
            MeasureError::Io(error) => (1, error.to_string()),
            MeasureError::Invalid(why) => (2, why.clone()),
        };
        let bytes = text.as_bytes();
        let fits = bytes.len().min(COMPLAINT_BYTES);
        for (place, byte) in self.complaint.iter().zip(&bytes[..fits]) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.complaint_bytes.store(fits as u32, Ordering::Relaxed);
        self.trouble.store(kind, Ordering::Relaxed);
    }

    /// Why it gave up, once it has arrived.
    pub(super) fn trouble(&self) -> Option<MeasureError> {
        let kind = self.trouble.load(Ordering::Relaxed);
        let bytes = (self.complaint_bytes.load(Ordering::Relaxed) as usize).min(COMPLAINT_BYTES);
        let text: Vec<u8> = self.complaint[..bytes].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        match kind {
            0 => None,
            1 => Some(MeasureError::Io(io::Error::other(text))),
            _ => Some(MeasureError::Invalid(text)),
        }
    }

    /// The client's: what its part of a window took.
    pub(super) fn set_cost(&self, cost: &RoleCost) {
        for (place, number) in self.cost.iter().zip(numbers(cost)) {
            place.store(number, Ordering::Relaxed);
        }
    }

    /// Adds that to `sum`.
    pub(super) fn add_cost(&self, sum: &mut RoleCost) {
        let own = |at: usize| self.cost[at].load(Ordering::Relaxed);
        sum.wall_ns += own(0);
        sum.user_ns += own(1);
        sum.system_ns += own(2);
        sum.voluntary_switches += own(3);
        sum.involuntary_switches += own(4);
        sum.minor_faults += own(5);
        sum.major_faults += own(6);
        sum.running_ns += own(7);
        sum.ready_ns += own(8);
        sum.blocked_ns += own(9);
    }
}

fn numbers(cost: &RoleCost) -> [u64; COSTS] {
    [
        cost.wall_ns,
        cost.user_ns,
        cost.system_ns,
        cost.voluntary_switches,
        cost.involuntary_switches,
        cost.minor_faults,
        cost.major_faults,
        cost.running_ns,
        cost.ready_ns,
        cost.blocked_ns,
    ]
}
