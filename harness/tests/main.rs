//! The harness and the command `ipcmark`, tested with real processes. One binary: `cargo test --test harness locks::` runs
//! a part of it. Tests that start sessions or runs take turns by `common::alone`.

mod common;

mod ab;
mod advise;
mod bad_days;
mod c_participants;
mod cli;
mod conformance;
mod core_to_core;
mod cost_model;
mod examples;
mod export;
mod interference;
mod kernel_names;
mod kills;
mod launch;
mod locks;
mod many;
mod paced;
mod participants;
#[cfg(feature = "peers")]
mod peers;
mod plans;
mod pools;
mod queues;
mod read_mostly;
mod recover;
mod runs;
mod servers;
mod set_up;
mod shared_state;
mod spin_budgets;
mod substrates;
mod tickets;
