//! Tests of the reports on synthetic records. One binary: `cargo test --test reports page::` runs a part of it.

mod common;

mod advise;
mod browser;
mod compare;
mod core_to_core;
mod cost_model;
mod counters;
mod distance;
mod export;
mod history;
mod identity;
mod in_turns;
mod lines;
mod locks;
mod page;
mod pairs;
mod pools;
mod read;
mod recorded;
mod statistics;
mod summary;
mod sweeps;
mod topics;
mod trackers;
