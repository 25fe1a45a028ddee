//! Claims and their rivals.

use ipcmark::record::{Call, Measure};

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

/// One way to use a rival.
pub struct Form {
    pub rival: &'static str,
    /// Function that measures the pair; the argument selects whether the rival runs first.
    pub measure: fn(&Contest, bool) -> Option<Pair>,
}

/// All claims.
pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        forms: &[Form {
            rival: "two-line cache-line floor",
            measure: |contest, _| contest.floor("shm-spsc/spin", Measure::RoundTrip, 8),
        }],
        wanted: 1.25,
        but: "",
    },
    Claim {
        name: "round trip 8 B, pipe, one CPU",
        forms: &[Form { rival: "perf bench sched pipe", measure: Contest::perf_pipe }],
        wanted: 1.10,
        but: "",
    },
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        forms: &[
            Form {
                rival: "rtrb by value, threads",
                measure: |contest, rival_first| {
                    contest.rtrb("shm-spsc/spin", Measure::RoundTrip, 8, rtrb_pair::round_trip_ns::<8>, rival_first)
                },
            },
            Form {
                rival: "rtrb in place, threads",
                measure: |contest, rival_first| {
                    contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::RoundTrip, 8, rival_first)
                },
            },
        ],
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        forms: &[
            Form {
                rival: "rtrb by value, threads",
                measure: |contest, rival_first| {
                    contest.rtrb("shm-spsc/spin", Measure::Stream, 64, rtrb_pair::stream_ns::<64>, rival_first)
                },
            },
            Form {
                rival: "rtrb in place, threads",
                measure: |contest, rival_first| {
                    contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::Stream, 64, rival_first)
                },
            },
        ],
        wanted: 1.0 / 1.75,
        but: "",
    },
    Claim {
        name: "stream 8 B, shm-spsc/spin",
        forms: &[
            Form {
                rival: "rtrb by value, threads",
                measure: |contest, rival_first| {
                    contest.rtrb("shm-spsc/spin", Measure::Stream, 8, rtrb_pair::stream_ns::<8>, rival_first)
                },
            },
            Form {
                rival: "rtrb in place, threads",
                measure: |contest, rival_first| {
                    contest.rows(["shm-spsc/spin", "rtrb/spin"], Measure::Stream, 8, rival_first)
                },
            },
        ],
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 1 MiB, shm-spsc/spin",
        forms: &[Form {
            rival: "hand-off bandwidth of 1 MiB",
            measure: |contest, _| contest.floor("shm-spsc/spin", Measure::Stream, 1 << 20),
        }],
        wanted: 1.0 / 0.8,
        but: "",
    },
    Claim {
        name: "stream 64 B 1:1, shm-mpmc/spin",
        forms: &[
            Form {
                rival: "crossbeam ArrayQueue, polled",
                measure: |contest, rival_first| contest.array_queue::<false>(rival_first),
            },
            Form {
                rival: "crossbeam ArrayQueue, snoozing",
                measure: |contest, rival_first| contest.array_queue::<true>(rival_first),
            },
        ],
        wanted: 1.0,
        but: "",
    },
    // With two threads per CPU, pure polling would keep the CPU from the other thread and measure the scheduler.
    Claim {
        name: "stream 64 B 2:2, shm-mpmc, yield",
        forms: &[Form {
            rival: "crossbeam ArrayQueue, threads",
            measure: |contest, rival_first| {
                let case = contest.shared("shm-mpmc/spin-yield", 64)?;
                Some(contest.threads(&case, array_queue::stream_ns::<2, true>, rival_first))
            },
        }],
        wanted: 1.0,
        but: "",
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        forms: &[Form {
            rival: "iceoryx2/spin",
            measure: |contest, rival_first| {
                contest.rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::Stream, 64, rival_first)
            },
        }],
        wanted: 1.0 / 3.0,
        but: "",
    },
    Claim {
        name: "round trip 64 B, shm-spsc/spin",
        forms: &[Form {
            rival: "iceoryx2/spin",
            measure: |contest, rival_first| {
                contest.rows(["shm-spsc/spin", "iceoryx2/spin"], Measure::RoundTrip, 64, rival_first)
            },
        }],
        wanted: 0.5,
        but: "",
    },
    Claim {
        name: "stream 1 MiB, vmsplice/block",
        forms: &[
            Form {
                rival: "pipe/block",
                measure: |contest, rival_first| {
                    contest.rows(["vmsplice/block", "pipe/block"], Measure::Stream, 1 << 20, rival_first)
                },
            },
            Form {
                rival: "pipe-1m/block",
                measure: |contest, rival_first| {
                    contest.rows(["vmsplice/block", "pipe-1m/block"], Measure::Stream, 1 << 20, rival_first)
                },
            },
        ],
        wanted: 1.0,
        but: "it saves the copy in, not the copy out, and looks up and pins every page instead; a buffer may be filled \
              again only once it was drained, so the two sides overlap less",
    },
    Claim {
        name: "stream 1 MiB, memfd-pool-passing",
        forms: &[
            Form {
                rival: "pipe/block",
                measure: |contest, rival_first| {
                    contest.rows(["memfd-pool-passing/block", "pipe/block"], Measure::Stream, 1 << 20, rival_first)
                },
            },
            Form {
                rival: "pipe-1m/block",
                measure: |contest, rival_first| {
                    contest.rows(["memfd-pool-passing/block", "pipe-1m/block"], Measure::Stream, 1 << 20, rival_first)
                },
            },
        ],
        wanted: 1.0,
        but: "it copies nothing, but the payload still moves between the cores' caches, and a pool larger than those \
              meets main memory",
    },
    Claim {
        name: "acquire, futex-mutex/park",
        forms: &[Form {
            rival: "parking-lot/hybrid, threads",
            measure: |contest, rival_first| {
                locks::alone(contest, ["futex-mutex/park", "parking-lot/hybrid"], rival_first)
            },
        }],
        wanted: 1.1,
        but: "",
    },
    Claim {
        name: "acquire, futex-mutex/park",
        forms: &[Form {
            rival: "pthread-normal/block",
            measure: |contest, rival_first| {
                locks::alone(contest, ["futex-mutex/park", "pthread-normal/block"], rival_first)
            },
        }],
        wanted: 1.05,
        but: "",
    },
    Claim {
        name: "2 contenders 0 ns, adaptive",
        forms: &[
            Form {
                rival: "pthread-normal/block",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 2, 0, rival_first)
                },
            },
            Form {
                rival: "pthread-adaptive/hybrid",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-adaptive/hybrid"], 2, 0, rival_first)
                },
            },
        ],
        wanted: 1.0 / 0.95,
        but: "",
    },
    Claim {
        name: "2 contenders 100 ns, adaptive",
        forms: &[
            Form {
                rival: "pthread-normal/block",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 2, 100, rival_first)
                },
            },
            Form {
                rival: "pthread-adaptive/hybrid",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-adaptive/hybrid"], 2, 100, rival_first)
                },
            },
        ],
        wanted: 1.0 / 0.95,
        but: "",
    },
    Claim {
        name: "8 contenders 0 ns, adaptive",
        forms: &[
            Form {
                rival: "pthread-normal/block",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 8, 0, rival_first)
                },
            },
            Form {
                rival: "pthread-adaptive/hybrid",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-adaptive/hybrid"], 8, 0, rival_first)
                },
            },
        ],
        wanted: 1.0 / 0.95,
        but: "",
    },
    Claim {
        name: "8 contenders 100 ns, adaptive",
        forms: &[
            Form {
                rival: "pthread-normal/block",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-normal/block"], 8, 100, rival_first)
                },
            },
            Form {
                rival: "pthread-adaptive/hybrid",
                measure: |contest, rival_first| {
                    locks::wanted(contest, ["futex-adaptive/hybrid", "pthread-adaptive/hybrid"], 8, 100, rival_first)
                },
            },
        ],
        wanted: 1.0 / 0.95,
        but: "",
    },
    Claim {
        name: "apply 1 worker, shm-queue/spin",
        forms: &[Form {
            rival: "round trip, shm-mpmc/spin",
            measure: |contest, rival_first| work::beneath(contest, "shm-queue/spin", "shm-mpmc/spin", rival_first),
        }],
        wanted: 1.5,
        but: "",
    },
    Claim {
        name: "apply 1 worker, shm-queue/park",
        forms: &[Form {
            rival: "round trip, shm-mpmc/park",
            measure: |contest, rival_first| work::beneath(contest, "shm-queue/park", "shm-mpmc/park", rival_first),
        }],
        wanted: 1.5,
        but: "",
    },
    Claim {
        name: "apply-async, crossbeam-pool",
        forms: &[Form {
            rival: "rayon-spawn, threads",
            measure: |contest, rival_first| {
                work::pools(contest, ["crossbeam-pool/hybrid", "rayon-spawn/hybrid"], Call::ApplyAsync, 2, rival_first)
            },
        }],
        wanted: 1.1,
        but: "",
    },
    Claim {
        name: "apply, shm-queue/hybrid",
        forms: &[Form {
            rival: "Python Pool.apply",
            measure: |contest, rival_first| {
                work::pools(contest, ["shm-queue/hybrid", "python-pool/block"], Call::Apply, 2, rival_first)
            },
        }],
        wanted: 1.0 / 20.0,
        but: "",
    },
    Claim {
        name: "apply-async, shm-queue/hybrid",
        forms: &[Form {
            rival: "Python Pool.apply_async",
            measure: |contest, rival_first| {
                work::pools(contest, ["shm-queue/hybrid", "python-pool/block"], Call::ApplyAsync, 2, rival_first)
            },
        }],
        wanted: 1.0 / 50.0,
        but: "",
    },
    Claim {
        name: "start, posix-spawn",
        forms: &[Form {
            rival: "bare posix_spawn loop",
            measure: |contest, rival_first| work::starts(contest, ["posix-spawn", "posix-spawn-bare"], rival_first),
        }],
        wanted: 1.05,
        but: "",
    },
];
