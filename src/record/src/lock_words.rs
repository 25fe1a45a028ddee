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
    /// What a process was doing when it is killed.
    KillPoint {
        /// It held the lock.
        Holding = "holding",
        /// It waited for the lock.
        Waiting = "waiting",
        /// It had released the lock, but not yet woken the next waiter.
        Releasing = "releasing",
    }
}
