//! Pipes and FIFOs: the kernel copies bytes into its own pages and out again.

mod capacity;
pub(super) mod fifo;
pub(super) mod packet;
pub(super) mod pipe;
pub(super) mod vmsplice;

use crate::record::Operation;

/// Write and read in cost models.
const TRANSFER: [Operation; 2] = [Operation::PipeWrite, Operation::PipeRead];
