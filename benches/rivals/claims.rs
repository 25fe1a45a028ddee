//! Claims and their rivals.

use ipcmark::record::{Call, Measure};

use super::common::{case, rtrb_pair};
use super::{Contest, Pair, array_queue, locks, work};

/// Claim about the ratio of two times.
pub struct Claim {
    pub name: &'static str,
    pub rival: &'static str,
    /// Largest allowed ratio of our time to the rival's.
    pub wanted: f64,
    /// Known reason, if the claim does not hold.
    pub but: &'static str,
    /// Function that measures the pair; the argument selects whether the rival runs first.
    pub measure: fn(&Contest, bool) -> Option<Pair>,
}

/// All claims.
pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        rival: "two-line cache-line floor",
        wanted: 1.25,
        but: "",
        measure: |contest, _| contest.floor("shm-spsc/spin", Measure::RoundTrip, 8),
    },
    Claim {
        name: "round trip 8 B, pipe, one CPU",
        rival: "perf bench sched pipe",
        wanted: 1.10,
        but: "",
        measure: Contest::perf_pipe,
    },
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        rival: "rtrb by value, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| {
            contest.rtrb("shm-spsc/spin", Measure::RoundTrip, 8, rtrb_pair::round_trip_ns::<8>, rival_first)
        },
    },
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        rival: "rtrb in place, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| {
            contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::RoundTrip, 8, rival_first)
        },
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        rival: "rtrb by value, threads",
        wanted: 1.0 / 1.75,
        but: "",
        measure: |contest, rival_first| {
            contest.rtrb("shm-spsc/spin", Measure::Stream, 64, rtrb_pair::stream_ns::<64>, rival_first)
        },
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        rival: "rtrb in place, threads",
        wanted: 1.0 / 1.75,
        but: "",
        measure: |contest, rival_first| contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::Stream, 64, rival_first),
    },
    Claim {
        name: "stream 8 B, shm-spsc/spin",
        rival: "rtrb by value, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| {
            contest.rtrb("shm-spsc/spin", Measure::Stream, 8, rtrb_pair::stream_ns::<8>, rival_first)
        },
    },
    Claim {
        name: "stream 8 B, shm-spsc/spin",
        rival: "rtrb in place, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::Stream, 8, rival_first),
    },
    Claim {
        name: "stream 1 MiB, shm-spsc/spin",
        rival: "hand-off bandwidth of 1 MiB",
        wanted: 1.0 / 0.8,
        but: "",
        measure: |contest, _| contest.floor("shm-spsc/spin", Measure::Stream, 1 << 20),
    },
    Claim {
        name: "stream 64 B 1:1, shm-mpmc/spin",
        rival: "crossbeam ArrayQueue, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| {
            let case = case(contest.row("shm-mpmc/spin")?, Measure::Stream, contest.bench.placement, 64);
            Some(contest.threads(&case, array_queue::stream_ns::<1>, rival_first))
        },
    },
    // With two threads per CPU, pure polling would keep the CPU from the other thread and measure the scheduler.
    Claim {
        name: "stream 64 B 2:2, shm-mpmc, yield",
        rival: "crossbeam ArrayQueue, threads",
        wanted: 1.0,
        but: "",
        measure: |contest, rival_first| {
            let case = contest.shared("shm-mpmc/spin-yield", 64)?;
            Some(contest.threads(&case, array_queue::stream_ns::<2>, rival_first))
        },
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        rival: "iceoryx2/spin",
        wanted: 1.0 / 3.0,
        but: "",
        measure: |contest, rival_first| {
            contest.rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::Stream, 64, rival_first)
        },
    },
    Claim {
        name: "round trip 64 B, shm-spsc/spin",
        rival: "iceoryx2/spin",
        wanted: 0.5,
        but: "",
        measure: |contest, rival_first| {
            contest.rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::RoundTrip, 64, rival_first)
        },
    },
    Claim {
        name: "stream 1 MiB, vmsplice/block",
        rival: "pipe/block",
        wanted: 1.0,
        but: "it saves the copy in, not the copy out, and looks up and pins every page instead; a buffer may be filled \
              again only once it was drained, so the two sides overlap less",
        measure: |contest, rival_first| {
            contest.rows(["vmsplice/block", "pipe/block"], Measure::Stream, 1 << 20, rival_first)
        },
    },
    Claim {
        name: "stream 1 MiB, memfd-pool-passing",
        rival: "pipe/block",
        wanted: 1.0,
        but: "it copies nothing, but the payload still moves between the cores' caches, and a pool larger than those \
              meets main memory",
        measure: |contest, rival_first| {
            contest.rows(["memfd-pool-passing/block", "pipe/block"], Measure::Stream, 1 << 20, rival_first)
        },
    },
    Claim {
        name: "acquire, futex-mutex/park",
        rival: "parking-lot/hybrid, threads",
        wanted: 1.1,
        but: "",
        measure: |contest, rival_first| locks::alone(contest, ["futex-mutex/park", "parking-lot/hybrid"], rival_first),
    },
    Claim {
        name: "acquire, futex-mutex/park",
        rival: "pthread-normal/block",
        wanted: 1.05,
        but: "",
        measure: |contest, rival_first| {
            locks::alone(contest, ["futex-mutex/park", "pthread-normal/block"], rival_first)
        },
    },
    Claim {
        name: "2 contenders 0 ns, adaptive",
        rival: "pthread-normal/block",
        wanted: 1.0 / 0.95,
        but: "",
        measure: |contest, rival_first| {
            locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 2, 0, rival_first)
        },
    },
    Claim {
        name: "2 contenders 100 ns, adaptive",
        rival: "pthread-normal/block",
        wanted: 1.0 / 0.95,
        but: "",
        measure: |contest, rival_first| {
            locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 2, 100, rival_first)
        },
    },
    Claim {
        name: "8 contenders 0 ns, adaptive",
        rival: "pthread-normal/block",
        wanted: 1.0 / 0.95,
        but: "",
        measure: |contest, rival_first| {
            locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 8, 0, rival_first)
        },
    },
    Claim {
        name: "8 contenders 100 ns, adaptive",
        rival: "pthread-normal/block",
        wanted: 1.0 / 0.95,
        but: "",
        measure: |contest, rival_first| {
            locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 8, 100, rival_first)
        },
    },
    Claim {
        name: "apply 1 worker, shm-queue/spin",
        rival: "round trip, shm-mpmc/spin",
        wanted: 1.5,
        but: "",
        measure: |contest, rival_first| work::beneath(contest, "shm-queue/spin", "shm-mpmc/spin", rival_first),
    },
    Claim {
        name: "apply 1 worker, shm-queue/park",
        rival: "round trip, shm-mpmc/park",
        wanted: 1.5,
        but: "",
        measure: |contest, rival_first| work::beneath(contest, "shm-queue/park", "shm-mpmc/park", rival_first),
    },
    Claim {
        name: "apply-async, crossbeam-pool",
        rival: "rayon-spawn, threads",
        wanted: 1.1,
        but: "",
        measure: |contest, rival_first| {
            work::pools(contest, ["crossbeam-pool/hybrid", "rayon-spawn/hybrid"], Call::ApplyAsync, 2, rival_first)
        },
    },
    Claim {
        name: "apply, shm-queue/hybrid",
        rival: "Python Pool.apply",
        wanted: 1.0 / 20.0,
        but: "",
        measure: |contest, rival_first| {
            work::pools(contest, ["shm-queue/hybrid", "python-pool/block"], Call::Apply, 2, rival_first)
        },
    },
    Claim {
        name: "apply-async, shm-queue/hybrid",
        rival: "Python Pool.apply_async",
        wanted: 1.0 / 50.0,
        but: "",
        measure: |contest, rival_first| {
            work::pools(contest, ["shm-queue/hybrid", "python-pool/block"], Call::ApplyAsync, 2, rival_first)
        },
    },
    Claim {
        name: "start, posix-spawn",
        rival: "bare posix_spawn loop",
        wanted: 1.05,
        but: "",
        measure: |contest, rival_first| work::starts(contest, ["posix-spawn", "posix-spawn-bare"], rival_first),
    },
];
