//! The words of handing out work, starting processes and serving clients; in the same form as all others.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;

words! {
    /// How tasks are handed to a pool and their results taken back.
    Call {
        /// One task: hand it over and wait for its result.
        Apply = "apply",
        /// Tasks without waiting, a bounded number of them out at a time.
        ApplyAsync = "apply-async",
        /// All tasks in chunks; the results in order, once the last one is there.
        Map = "map",
        /// A stream of tasks; each result in order, as soon as it can be had.
        Imap = "imap",
        /// A stream of tasks; results as they come.
        ImapUnordered = "imap-unordered",
    }
}
words! {
    /// How many tasks go over at once.
    Chunk {
        /// Each by itself.
        One = "1",
        /// Sixteen.
        Sixteen = "16",
        /// A quarter of each worker's even share, rounded up, as Python's `Pool.map` does it.
        Python = "python",
        /// Half of a worker's even share of what is left, down to one: guided self-scheduling.
        Guided = "guided",
    }
}
words! {
    /// How a child process comes to its end.
    Ending {
        /// It leaves by itself.
        Exit = "exit",
        /// Its parent sends SIGTERM.
        Terminate = "terminate",
        /// Its parent sends SIGKILL.
        Kill = "kill",
        /// Its parent dies, and it was told to die with it.
        Daemon = "daemon",
        /// Its parent dies, and it lives on with another one.
        Orphan = "orphan",
        /// It has ended long ago, and nobody has collected it yet.
        Zombie = "zombie",
    }
}
words! {
    /// What a server does for each request.
    Service {
        /// Sends it back.
        Echo = "echo",
        /// Works for a known time and answers with a sum over the request.
        Compute = "compute",
    }
}
