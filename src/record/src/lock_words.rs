//! The words of locks and of those who want them; in the same form as all others.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;

words! {
    /// How long a holder stays away from the lock between two acquisitions.
    Spacing {
        /// Always the same.
        Fixed = "fixed",
        /// Exponential around the mean, so that holders do not fall into step.
        Exponential = "exponential",
    }
}
words! {
    /// Where the stock of a ticket sale is kept.
    Stock {
        /// A JSON file, read and written anew for each sale.
        JsonFile = "json-file",
        /// A word in shared memory.
        Memory = "memory",
    }
}
words! {
    /// When a process that has to do with a lock is killed.
    Death {
        /// While it holds the lock.
        Inside = "inside",
        /// While it waits for the lock.
        Queued = "queued",
        /// After it let the lock go, before it woke the next.
        Releasing = "releasing",
    }
}
