//! Cost of a worker, from the call that starts it to its end.

mod bare;
pub mod parent;
mod resident;
mod start_up;
pub mod started;
mod summary;
mod watch;

pub use bare::start_up as start_up_bare;
pub use start_up::start_up;
pub use watch::watch_ends;
