//! Locks in shared memory whose waiters poll. Quick while every holder has a CPU of its own; with more holders than CPUs
//! they wait for one who cannot run.

pub(super) mod ttas;
