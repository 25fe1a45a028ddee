//! The words of cases and outcomes: enums with one name each, the same in JSON, keys, plans and reports.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an enum in lower-case words, the same in JSON, keys, plans and reports.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),* }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The word used in records, plans and keys.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
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

words! {
    /// The question asked of a mechanism.
    Measure {
        /// What does a message out and back cost? Closed loop, one outstanding.
        RoundTrip = "round_trip",
        /// How much gets through? The clock stops when the receiver has verified the last message.
        Stream = "stream",
        /// Does one message cost what was declared? Untimed, system calls traced.
        Anatomy = "anatomy",
        /// Does the mechanism keep its promises? Untimed.
        Conformance = "conformance",
        /// What can this machine do at all?
        Floors = "floors",
    }
}
words! {
    /// What stands between the two sides.
    Isolation {
        /// Separate processes.
        Process = "process",
        /// Threads of one process.
        Thread = "thread",
    }
}
words! {
    /// What a side does when it has nothing to do.
    Wait {
        /// Polls with the processor's pause hint; never sleeps.
        Spin = "spin",
        /// Polls for a while, then sleeps on a futex.
        Hybrid = "hybrid",
        /// Sleeps on a futex after one look.
        Park = "park",
        /// The kernel blocks the caller inside a read or write.
        Block = "block",
    }
}
words! {
    /// What shared memory is made of.
    Substrate {
        /// `memfd_create`, sealed, inherited.
        Memfd = "memfd",
        /// `shm_open` by name, through the `shared_memory` crate.
        PosixShm = "posix-shm",
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
        /// The scheduler decides.
        Unpinned = "unpinned",
    }
}
words! {
    /// What both ends do with a payload.
    Touch {
        /// The producer writes and the consumer reads every byte.
        All = "all",
        /// The consumer reads a sample.
        Sample = "sample",
        /// Neither looks: transport only.
        None = "none",
    }
}
words! {
    /// A fault put into a transport on purpose.
    Fault {
        /// One message vanishes.
        Loss = "loss",
        /// One message arrives twice.
        Duplication = "duplication",
        /// Two messages change places.
        Reordering = "reordering",
        /// One bit flips.
        Corruption = "corruption",
        /// The answering side reports one message more than it handled.
        Lie = "lie",
        /// The answering side stops without a word.
        Hang = "hang",
    }
}
words! {
    /// What came of a trial.
    Status {
        /// It ran to its end and was checked.
        Measured = "measured",
        /// It broke; `why` says how.
        Failed = "failed",
        /// It cannot run here; `why` says what is missing.
        Skipped = "skipped",
    }
}
words! {
    /// How far a number can be trusted.
    Verdict {
        /// Nothing disturbed it.
        Stable = "stable",
        /// Something disturbed it; `why` says what.
        Noisy = "noisy",
        /// The offered rate was not reached.
        Overloaded = "overloaded",
        /// A check failed: the number means nothing.
        Invalid = "invalid",
        /// It did not run.
        Skipped = "skipped",
    }
}
