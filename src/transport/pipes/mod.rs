//! Pipes and FIFOs: the kernel copies bytes into its own pages and out again.

mod capacity;
pub(super) mod pipe;
