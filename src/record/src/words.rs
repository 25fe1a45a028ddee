//! The words of cases and outcomes: enums with one name each, the same in JSON, keys, plans and reports.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an enum in lower-case words, the same in JSON, keys, plans and reports.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[doc = $vdoc])* #[serde(rename = $word)] $variant),* }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The word of every value, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];
            /// The word used in records, plans and keys.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
            /// One line of documentation.
            pub const fn doc(self) -> &'static str {
                match self { $($name::$variant => concat!($($vdoc),*)),* }
            }
        }
        impl crate::params::Value for $name {
            const VALUES: crate::params::Values = crate::params::Values::Word(Self::WORDS);
            fn read(word: &str) -> Result<Self, String> { word.parse() }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.word()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.word() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|v| v.word()).collect();
                    format!("unknown {} `{word}`; one of {}", stringify!($name).to_lowercase(), known.join(", "))
                })
            }
        }
    };
}

pub(super) use words;

words! {
    /// What separates the endpoints.
    Isolation {
        /// Separate processes.
        Process = "process",
        /// Threads of one process.
        Thread = "thread",
    }
}
words! {
    /// What an idle endpoint does.
    Wait {
        /// Polls with the processor's pause hint; never sleeps.
        Spin = "spin",
        /// Polls, and calls sched_yield between polls.
        SpinYield = "spin-yield",
        /// Polls for a while, then sleeps on a futex.
        Hybrid = "hybrid",
        /// Sleeps on a futex after one poll.
        Park = "park",
        /// Sleeps in a read of an eventfd, which the other endpoint writes when it sees a sleeper.
        Eventfd = "eventfd",
        /// The kernel blocks the caller inside a read or write.
        Block = "block",
        /// Non-blocking calls; sleeps in epoll_wait.
        Epoll = "epoll",
        /// Non-blocking calls, repeated until one succeeds.
        Busy = "busy",
    }
}
words! {
    /// Kind of shared memory.
    Substrate {
        /// `memfd_create`, sealed, inherited.
        Memfd = "memfd",
        /// `shm_open` by name, through the `shared_memory` crate.
        PosixShm = "posix-shm",
        /// An unnamed file on tmpfs (`O_TMPFILE` in /dev/shm), inherited.
        TmpfsFile = "tmpfs-file",
        /// System V `shmget` and `shmat`.
        SysvShm = "sysv-shm",
        /// `memfd_create` on reserved huge pages (`MFD_HUGETLB`).
        MemfdHugetlb = "memfd-hugetlb",
        /// `memfd_create`, transparent huge pages asked for with `madvise`.
        MemfdThp = "memfd-thp",
    }
}
words! {
    /// Where two roles run, as the caches see it.
    Placement {
        /// Both on one CPU.
        SameCpu = "same_cpu",
        /// Two hardware threads of one core.
        SmtSibling = "smt_sibling",
        /// Two cores under one level-2 cache.
        SameL2 = "same_l2",
        /// Two cores under one level-3 cache, level 2 apart.
        SameL3 = "same_l3",
        /// One memory node, level 3 apart.
        SameNodeOtherL3 = "same_node_other_l3",
        /// Two memory nodes.
        CrossNode = "cross_node",
        /// A performance core and an efficiency core.
        PerformanceEfficiency = "performance_efficiency",
        /// Two efficiency cores.
        EfficiencyEfficiency = "efficiency_efficiency",
        /// Roles dealt out over all allowed CPUs in turn, for trials of more than two.
        Spread = "spread",
        /// Roles on all allowed CPUs in turn, each next to the one before: threads of a core, cores of a cache, nodes.
        Compact = "compact",
        /// Roles on all allowed CPUs in turn, each as far as possible from those before: nodes, caches, cores, threads.
        Scatter = "scatter",
        /// The scheduler decides.
        Unpinned = "unpinned",
    }
}

impl Placement {
    /// Whether any number of roles is dealt out over all allowed CPUs in turn.
    pub const fn deals(self) -> bool {
        matches!(self, Self::Spread | Self::Compact | Self::Scatter)
    }
}
words! {
    /// Bytes of a payload that the endpoints access.
    Touch {
        /// The producer writes and the consumer reads every byte.
        All = "all",
        /// The consumer reads a sample.
        Sample = "sample",
        /// Neither accesses it: transport only.
        None = "none",
    }
}
words! {
    /// Kind of mechanism.
    Group {
        /// Pipes and FIFOs.
        Pipes = "pipes",
        /// Unix, TCP and UDP sockets.
        Sockets = "sockets",
        /// Message queues kept by the kernel.
        KernelQueues = "kernel-queues",
        /// Queues and cells in memory that both sides map.
        SharedMemory = "shared-memory",
        /// Notifications without a payload.
        Notification = "notification",
        /// The kernel copies from one address space into another.
        KernelCopies = "kernel-copies",
        /// Libraries between processes.
        Libraries = "libraries",
        /// Channels that exist between threads of one process only.
        Threads = "threads",
        /// Atomic instructions instead of a lock, and no lock at all.
        Atomics = "atomics",
        /// Locks in shared memory whose waiters poll.
        SpinLocks = "spin-locks",
        /// Locks in shared memory whose waiters sleep on a futex.
        FutexLocks = "futex-locks",
        /// Process-shared locks of the C library.
        PthreadLocks = "pthread-locks",
        /// Reader-writer locks.
        ReadMostly = "read-mostly",
        /// POSIX and System V semaphores as locks.
        Semaphores = "semaphores",
        /// Locks on files.
        FileLocks = "file-locks",
        /// A token that the holder has read from a pipe or an eventfd.
        Tokens = "tokens",
        /// Ways to start, watch and end a process.
        Processes = "processes",
        /// Workers that are given tasks.
        Pools = "pools",
        /// Work queues with `task_done` and `join`.
        WorkQueues = "work-queues",
        /// State shared by readers and writers.
        SharedState = "shared-state",
        /// One server for many clients.
        Servers = "servers",
        /// Written in Python, with its standard library.
        Python = "python",
        /// The machine itself.
        Machine = "machine",
        /// Test mechanisms of the suite.
        Instrument = "instrument",
    }
}
words! {
    /// When messages of an open loop are due.
    Arrivals {
        /// One every interval.
        Constant = "constant",
        /// Independent of each other: exponential gaps.
        Poisson = "poisson",
        /// Several at once, then a pause that keeps the mean rate.
        Burst = "burst",
    }
}
words! {
    /// Status of a trial.
    Status {
        /// It ran to its end and was verified.
        Measured = "measured",
        /// It broke; `why` says how.
        Failed = "failed",
        /// It cannot run here; `why` says what is missing.
        Skipped = "skipped",
    }
}
words! {
    /// Reliability of a number.
    Verdict {
        /// Its repetitions agree, and nothing disturbed it.
        Stable = "stable",
        /// Its repetitions differ too much, or its measure doubts it; `why` says which.
        Noisy = "noisy",
        /// Other load or the system changed the conditions of the trial; `why` names the cause and the amount.
        Disturbed = "disturbed",
        /// The repetitions fall into modes of very different speed.
        Unstable = "unstable",
        /// The offered rate was not reached.
        Overloaded = "overloaded",
        /// A check failed as it had to: there was no lock, and lost updates were found.
        Caught = "caught",
        /// A check failed: the number means nothing.
        Invalid = "invalid",
        /// It did not run.
        Skipped = "skipped",
    }
}
words! {
    /// Distribution of the think time.
    Spacing {
        /// Always the same.
        Fixed = "fixed",
        /// Exponential around the mean, so that contenders do not synchronise.
        Exponential = "exponential",
    }
}
words! {
    /// Place of the stock of a ticket sale.
    Stock {
        /// A JSON file, read and rewritten for each sale.
        JsonFile = "json-file",
        /// A word in shared memory.
        Memory = "memory",
    }
}
words! {
    /// What the killed process was doing.
    KillPoint {
        /// It held the lock.
        Holding = "holding",
        /// It waited for the lock.
        Waiting = "waiting",
        /// It had released the lock, but not yet woken the next waiter.
        Releasing = "releasing",
    }
}
words! {
    /// Call by which tasks are dispatched and their results collected.
    Call {
        /// One task at a time: dispatch it and wait for its result.
        Apply = "apply",
        /// Tasks without waiting, a bounded number in flight.
        ApplyAsync = "apply-async",
        /// All tasks in chunks; the results in order, after the last one.
        Map = "map",
        /// A stream of tasks; results in order, each as soon as possible.
        Imap = "imap",
        /// A stream of tasks; results in order of completion.
        ImapUnordered = "imap-unordered",
    }
}
words! {
    /// Tasks in one request.
    Chunk {
        /// One.
        One = "1",
        /// Sixteen.
        Sixteen = "16",
        /// A quarter of each worker's even share, rounded up, as in Python's `Pool.map`.
        Python = "python",
        /// Half of a worker's even share of the remaining tasks, at least one: guided self-scheduling.
        Guided = "guided",
    }
}
words! {
    /// How a child process ends.
    Ending {
        /// It exits.
        Exit = "exit",
        /// Its parent sends SIGTERM.
        Terminate = "terminate",
        /// Its parent sends SIGKILL.
        Kill = "kill",
        /// Its parent dies, and it is set to die with the parent.
        Daemon = "daemon",
        /// Its parent dies, and it is reparented.
        Orphan = "orphan",
        /// It has exited long ago and is not reaped yet.
        Zombie = "zombie",
    }
}
words! {
    /// What a server does for each request.
    Service {
        /// Returns the request.
        Echo = "echo",
        /// Computes for a known time and returns a checksum of the request.
        Compute = "compute",
    }
}
