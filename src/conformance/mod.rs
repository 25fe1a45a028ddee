//! What every mechanism of a family must get right, written once per family and run as orders, so that users can check
//! their own kernel: `ipcmark run --plan conformance`.

pub mod launch;
pub mod lock;
mod patience;
pub mod pool;
pub mod queue;
pub mod server;
pub mod shared_state;
pub mod transport;
