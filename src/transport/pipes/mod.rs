//! Pipes and FIFOs: the kernel copies bytes into its own pages and out again.

pub(super) mod pipe;
