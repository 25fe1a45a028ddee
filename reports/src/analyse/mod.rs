//! Analysis of records: result, verdict and cost breakdown of each case.

pub mod answer;
pub mod beside;
pub mod best;
pub mod break_even;
pub mod cost_model;
pub mod cross_check;
pub mod crowd;
pub mod declared;
pub mod distance;
pub mod distribution;
pub mod families;
pub mod ground;
pub mod load;
pub mod lock_answer;
pub mod locks;
pub mod metg;
pub mod plausible;
pub mod recovery;
pub mod roles;
pub mod scalability;
pub mod series;
pub mod statistics;
pub mod study;
pub mod summary;
pub mod trials;
pub mod verdict;
