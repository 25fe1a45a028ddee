//! Runs a plan: from a question to records, with real processes.
//!
//! The pipeline is [`run::Run::execute`]: a [`plan`] becomes cases, a [`schedule`] orders their trials, a [`trial`] starts
//! fresh workers and ends with an outcome, the [`store`] keeps each as a line, and `ipcmark-reports` draws the
//! page. [`supervise`], [`lease`], [`beacon`], [`signals`] and [`janitor`] make sure that nothing is left behind, whichever process dies.
//! Mechanisms come from the registries of the `ipcmark` library; none is named here.

pub mod ab;
pub mod beacon;
pub mod bench;
pub mod cli;
pub mod janitor;
pub mod lease;
pub mod participants;
pub mod plan;
pub mod progress;
pub mod run;
pub mod schedule;
pub mod signals;
pub mod store;
mod suite;
pub mod supervise;
pub mod trace;
pub mod trial;

pub use suite::Suite;
