//! Claims and their rivals.

use ipcmark::record::{Call, Measure};
use ipcmark_reports::pairs::{self, Judged};

use super::common::rtrb_pair;
use super::{Contest, Pair, array_queue, locks, work};

/// Claim about the ratio of two times: ours and that of the rival's fastest form.
pub struct Claim {
    pub name: &'static str,
    /// Ways to use the rival.
    pub forms: &'static [Form],
    /// Largest allowed ratio of our time to the rival's.
    pub wanted: f64,
    /// Known reason, if the claim does not hold.
    pub but: &'static str,
}

impl Claim {
    /// Judges the pairs of a form: whether the claim holds.
    pub fn judge(&self, measured: &[Pair], over: bool) -> Judged<bool> {
        let pairs: Vec<_> =
            measured.iter().map(|(ours, rival)| Some(pairs::Pair { ratio: ours / rival, group: 0 })).collect();
        pairs::judge(&pairs, over, |interval| match interval {
            _ if interval.high <= self.wanted => Some(true),
            _ if interval.low > self.wanted => Some(false),
            _ => None,
        })
    }
}

/// One way to use a rival.
pub struct Form {
    pub rival: &'static str,
    pair: Comparison,
}

/// What is measured for a form.
enum Comparison {
    /// Our row and the floor beside it.
    Floor(&'static str, Measure, u64),
    /// Two rows, the first ours, with one sender and one receiver.
    Rows([&'static str; 2], Measure, u64),
    /// Our row, and threads that run a loop over rtrb.
    Rtrb(&'static str, Measure, u64, fn(&[u32], u64, u64) -> u64),
    /// Two locks, the first ours: number of contenders, and critical section and think time in nanoseconds.
    Contended([&'static str; 2], u32, u64),
    /// Two uncontended locks, the first ours.
    Uncontended([&'static str; 2]),
    /// Two pools, the first ours.
    Pools([&'static str; 2], Call),
    /// Something else; the argument selects whether the rival runs first.
    Other(fn(&Contest, bool) -> Option<Pair>),
}

impl Form {
    const fn new(rival: &'static str, pair: Comparison) -> Self {
        Self { rival, pair }
    }

    /// Measures the pair; `None` if one of the two cannot run here.
    pub fn measure(&self, contest: &Contest, rival_first: bool) -> Option<Pair> {
        match self.pair {
            Comparison::Floor(row, measure, bytes) => contest.floor(row, measure, bytes),
            Comparison::Rows(rows, measure, bytes) => contest.rows(rows, measure, bytes, rival_first),
            Comparison::Rtrb(row, measure, bytes, rival) => contest.rtrb(row, measure, bytes, rival, rival_first),
            Comparison::Contended(rows, contenders, work_ns) => {
                locks::wanted(contest, rows, contenders, work_ns, rival_first)
            }
            Comparison::Uncontended(rows) => locks::alone(contest, rows, rival_first),
            Comparison::Pools(rows, call) => work::pools(contest, rows, call, 2, rival_first),
            Comparison::Other(measure) => measure(contest, rival_first),
        }
    }
}

/// Forms of rtrb against `shm-spsc`; `by_value` sends arrays of `bytes`.
const fn rtrb(measure: Measure, bytes: u64, by_value: fn(&[u32], u64, u64) -> u64) -> [Form; 2] {
    [
        Form::new("rtrb by value, threads", Comparison::Rtrb("shm-spsc/spin", measure, bytes, by_value)),
        Form::new("rtrb in place, threads", Comparison::Rows(["shm-spsc/spin", "rtrb/spin"], measure, bytes)),
    ]
}

/// Forms of a pipe against another transport of large messages.
const fn pipes(ours: &'static str) -> [Form; 2] {
    [
        Form::new("pipe/block", Comparison::Rows([ours, "pipe/block"], Measure::Stream, 1 << 20)),
        Form::new("pipe-1m/block", Comparison::Rows([ours, "pipe-1m/block"], Measure::Stream, 1 << 20)),
    ]
}

/// Kinds of pthread mutex against our adaptive one.
const fn pthread(contenders: u32, work_ns: u64) -> [Form; 2] {
    const OURS: &str = "futex-adaptive/hybrid";
    const NORMAL: &str = "pthread-normal/block";
    const ADAPTIVE: &str = "pthread-adaptive/hybrid";
    [
        Form::new(NORMAL, Comparison::Contended([OURS, NORMAL], contenders, work_ns)),
        Form::new(ADAPTIVE, Comparison::Contended([OURS, ADAPTIVE], contenders, work_ns)),
    ]
}

/// All claims.
pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        forms: &[Form::new("two-line cache-line floor", Comparison::Floor("shm-spsc/spin", Measure::RoundTrip, 8))],
        wanted: 1.25,
        but: "",
    },
    Claim {
        name: "round trip 8 B, pipe, one CPU",
        forms: &[Form::new("perf bench sched pipe", Comparison::Other(Contest::perf_pipe))],
        wanted: 1.10,
        but: "",
    },
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        forms: &rtrb(Measure::RoundTrip, 8, rtrb_pair::round_trip_ns::<8>),
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        forms: &rtrb(Measure::Stream, 64, rtrb_pair::stream_ns::<64>),
        wanted: 1.0 / 1.75,
        but: "",
    },
    Claim {
        name: "stream 8 B, shm-spsc/spin",
        forms: &rtrb(Measure::Stream, 8, rtrb_pair::stream_ns::<8>),
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 1 MiB, shm-spsc/spin",
        forms: &[Form::new(
            "hand-off bandwidth of 1 MiB",
            Comparison::Floor("shm-spsc/spin", Measure::Stream, 1 << 20),
        )],
        wanted: 1.0 / 0.8,
        but: "",
    },
    Claim {
        name: "stream 64 B 1:1, shm-mpmc/spin",
        forms: &[
            Form::new("crossbeam ArrayQueue, polled", Comparison::Other(Contest::array_queue::<false>)),
            Form::new("crossbeam ArrayQueue, snoozing", Comparison::Other(Contest::array_queue::<true>)),
        ],
        wanted: 1.0,
        but: "",
    },
    // With two threads per CPU, pure polling would keep the CPU from the other thread and measure the scheduler.
    Claim {
        name: "stream 64 B 2:2, shm-mpmc, yield",
        forms: &[Form::new(
            "crossbeam ArrayQueue, threads",
            Comparison::Other(|contest, rival_first| {
                let case = contest.shared("shm-mpmc/spin-yield", 64)?;
                Some(contest.threads(&case, array_queue::stream_ns::<2, true>, rival_first))
            }),
        )],
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        forms: &[Form::new("iceoryx2/spin", Comparison::Rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::Stream, 64))],
        wanted: 1.0 / 3.0,
        but: "",
    },
    Claim {
        name: "round trip 64 B, shm-spsc/spin",
        forms: &[Form::new(
            "iceoryx2/spin",
            Comparison::Rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::RoundTrip, 64),
        )],
        wanted: 0.5,
        but: "",
    },
    Claim {
        name: "stream 1 MiB, vmsplice/block",
        forms: &pipes("vmsplice/block"),
        wanted: 1.0,
        but: "it saves the copy in, not the copy out, and looks up and pins every page instead; a buffer may be filled \
              again only once it was drained, so the two sides overlap less",
    },
    Claim {
        name: "stream 1 MiB, memfd-pool-passing",
        forms: &pipes("memfd-pool-passing/block"),
        wanted: 1.0,
        but: "it copies nothing, but the payload still moves between the cores' caches, and a pool larger than those \
              meets main memory",
    },
    Claim {
        name: "acquire, futex-mutex/park",
        forms: &[Form::new(
            "parking-lot/hybrid, threads",
            Comparison::Uncontended(["futex-mutex/park", "parking-lot/hybrid"]),
        )],
        wanted: 1.1,
        but: "",
    },
    Claim {
        name: "acquire, futex-mutex/park",
        forms: &[Form::new(
            "pthread-normal/block",
            Comparison::Uncontended(["futex-mutex/park", "pthread-normal/block"]),
        )],
        wanted: 1.05,
        but: "",
    },
    Claim { name: "2 contenders 0 ns, adaptive", forms: &pthread(2, 0), wanted: 1.0 / 0.95, but: "" },
    Claim { name: "2 contenders 100 ns, adaptive", forms: &pthread(2, 100), wanted: 1.0 / 0.95, but: "" },
    Claim { name: "8 contenders 0 ns, adaptive", forms: &pthread(8, 0), wanted: 1.0 / 0.95, but: "" },
    Claim { name: "8 contenders 100 ns, adaptive", forms: &pthread(8, 100), wanted: 1.0 / 0.95, but: "" },
    Claim {
        name: "apply 1 worker, shm-queue/spin",
        forms: &[Form::new(
            "round trip, shm-mpmc/spin",
            Comparison::Other(|contest, rival_first| {
                work::beneath(contest, "shm-queue/spin", "shm-mpmc/spin", rival_first)
            }),
        )],
        wanted: 1.5,
        but: "",
    },
    Claim {
        name: "apply 1 worker, shm-queue/park",
        forms: &[Form::new(
            "round trip, shm-mpmc/park",
            Comparison::Other(|contest, rival_first| {
                work::beneath(contest, "shm-queue/park", "shm-mpmc/park", rival_first)
            }),
        )],
        wanted: 1.5,
        but: "",
    },
    Claim {
        name: "apply-async, crossbeam-pool",
        forms: &[Form::new(
            "rayon-spawn, threads",
            Comparison::Pools(["crossbeam-pool/hybrid", "rayon-spawn/hybrid"], Call::ApplyAsync),
        )],
        wanted: 1.1,
        but: "",
    },
    Claim {
        name: "apply, shm-queue/hybrid",
        forms: &[Form::new(
            "Python Pool.apply",
            Comparison::Pools(["shm-queue/hybrid", "python-pool/block"], Call::Apply),
        )],
        wanted: 1.0 / 20.0,
        but: "",
    },
    Claim {
        name: "apply-async, shm-queue/hybrid",
        forms: &[Form::new(
            "Python Pool.apply_async",
            Comparison::Pools(["shm-queue/hybrid", "python-pool/block"], Call::ApplyAsync),
        )],
        wanted: 1.0 / 50.0,
        but: "",
    },
    Claim {
        name: "start, posix-spawn",
        forms: &[Form::new(
            "bare posix_spawn loop",
            Comparison::Other(|contest, rival_first| {
                work::starts(contest, ["posix-spawn", "posix-spawn-bare"], rival_first)
            }),
        )],
        wanted: 1.05,
        but: "",
    },
];
