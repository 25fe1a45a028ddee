//! Memory that the leader shares with the clients: the current step, and the progress and counts of each client. Each
//! client writes only to its own part.
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

/// Interval at which an idle client checks the abort flag. The kernel ends it if its leader dies.
const CLIENT_SLICE: Duration = Duration::from_millis(500);
const ERROR_BYTES: usize = 192;
/// Number of summable fields of a role's cost.
const COSTS: usize = 10;
const PAGE_BYTES: usize = 4096;

/// Current step of the clients.
#[repr(C, align(64))]
pub(super) struct Head {
    /// Kind of the step.
    pub(super) kind: AtomicU32,
    /// Clients that have finished the step; the leader sleeps on it.
    arrived: AtomicU32,
    /// Clients that take part in the step.
    wanted: AtomicU32,
    /// Begin and end of the window, on the monotonic clock.
    pub(super) start_ns: AtomicU64,
    pub(super) end_ns: AtomicU64,
    /// Maximum of requests of all clients, or the number of requests of an open loop.
    pub(super) count: AtomicU64,
    /// Seed of the due times.
    pub(super) seed: AtomicU64,
}

// SAFETY: repr(C), atomics only; zero bytes are the state before the first step.
unsafe impl SharedLayout for Head {}

/// One client.
#[repr(C, align(64))]
pub(super) struct Line {
    /// Steps begun so far; the client sleeps on it.
    go: AtomicU32,
    /// 1 after an I/O error, 2 after a failed check.
    error: AtomicU32,
    /// Time from connect to the first response.
    pub(super) connect_ns: AtomicU64,
    /// Requests of the last window, all of them answered.
    pub(super) made: AtomicU64,
    /// Requests answered before the end of the window.
    pub(super) answered: AtomicU64,
    /// Time of the last response.
    pub(super) ended_ns: AtomicU64,
    /// `answered` by slices of the window.
    pub(super) slices: [AtomicU64; WINDOWS as usize],
    cost: [AtomicU64; COSTS],
    error_bytes: AtomicU32,
    error_text: [AtomicU8; ERROR_BYTES],
}

// SAFETY: repr(C), atomics only; zero bytes are a client before its first step.
unsafe impl SharedLayout for Line {}

/// Latency histogram of one client.
#[repr(C, align(64))]
struct Latencies([AtomicU32; BUCKETS]);

// SAFETY: repr(C), atomics only; zero bytes are an empty histogram.
unsafe impl SharedLayout for Latencies {}

/// Time or duration of one request.
#[repr(C)]
struct Time(AtomicU64);

// SAFETY: repr(C), one atomic; zero is a request that was not sent.
unsafe impl SharedLayout for Time {}

const LINES_OFFSET: usize = size_of::<Head>();

/// Mapped memory, created before the clients are forked.
pub(super) struct Area {
    segment: Segment,
    clients: u32,
    /// Offsets of the histograms and of the times.
    latencies_offset: usize,
    times_offset: usize,
    /// Number of requests with space for their times.
    times: u64,
}

impl Area {
    /// Creates memory for `clients` clients and the times of `times` requests. Untouched pages take no memory.
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

    /// Touches the pages of the client's histogram. Called by the client before any window.
    pub(super) fn prepare(&self, client: u32) {
        let start = self.latencies_offset + client as usize * size_of::<Latencies>();
        (start..start + size_of::<Latencies>()).step_by(PAGE_BYTES).for_each(|offset| self.segment.touch(offset));
    }

    /// Touches the pages of all times. Called by the leader before any window.
    pub(super) fn prepare_times(&self) {
        let end = self.times_offset + 2 * self.times as usize * size_of::<Time>();
        (self.times_offset..end).step_by(PAGE_BYTES).for_each(|offset| self.segment.touch(offset));
    }

    /// Counts one latency. Called only by `client`.
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

    /// Time of the response to request `number`, on the monotonic clock; 0 if there is none.
    #[inline]
    pub(super) fn answered_ns(&self, number: u64) -> &AtomicU64 {
        self.time(number)
    }

    /// Delay of the client's wake-up before the request, plus one; 0 if the client did not sleep.
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

/// Methods for the leader.
impl Head {
    /// Sets up a step for `wanted` clients; [`Line::go`] starts each.
    pub(super) fn set(&self, kind: u32, wanted: u32) {
        self.kind.store(kind, Ordering::Relaxed);
        self.arrived.store(0, Ordering::Relaxed);
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Sleeps for at most one slice; returns whether all have finished the step. Their stores are then visible.
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

    /// Called by a client after the step. The last one wakes the leader.
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
    /// Called by the leader: starts the client's step.
    pub(super) fn go(&self) -> io::Result<()> {
        // PAIRS: step-begins
        self.go.fetch_add(1, Ordering::Release);
        futex::wake(&self.go, 1)
    }

    /// Called by the client: sleeps until a step follows number `seen`, and returns its number.
    ///
    /// Errors: `Interrupted` if the trial is aborted.
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

    /// Called by the client: stores its error.
    pub(super) fn set_error(&self, error: &MeasureError) {
        let (kind, text) = match error {
            MeasureError::Io(error) => (1, error.to_string()),
            MeasureError::Invalid(why) => (2, why.clone()),
        };
        let bytes = text.as_bytes();
        let fits = bytes.len().min(ERROR_BYTES);
        for (place, byte) in self.error_text.iter().zip(&bytes[..fits]) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.error_bytes.store(fits as u32, Ordering::Relaxed);
        self.error.store(kind, Ordering::Relaxed);
    }

    /// Error of the client; valid after the step.
    pub(super) fn error(&self) -> Option<MeasureError> {
        let kind = self.error.load(Ordering::Relaxed);
        let bytes = (self.error_bytes.load(Ordering::Relaxed) as usize).min(ERROR_BYTES);
        let text: Vec<u8> = self.error_text[..bytes].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        match kind {
            0 => None,
            1 => Some(MeasureError::Io(io::Error::other(text))),
            _ => Some(MeasureError::Invalid(text)),
        }
    }

    /// Called by the client: stores its cost of a window.
    pub(super) fn set_cost(&self, cost: &RoleCost) {
        for (place, number) in self.cost.iter().zip(numbers(cost)) {
            place.store(number, Ordering::Relaxed);
        }
    }

    /// Adds the stored cost to `sum`.
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
