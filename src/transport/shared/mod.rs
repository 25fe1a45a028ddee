//! Queues and cells in memory that both sides map. [`ring`] holds what they share.

pub(super) mod mailbox;
mod ring;
pub(super) mod spsc;

use crate::record::Substrate;

/// What a segment of any queue here can be made of; the first is the default.
pub(super) const SUBSTRATES: &[Substrate] = &[
    Substrate::Memfd,
    Substrate::PosixShm,
    Substrate::TmpfsFile,
    Substrate::SysvShm,
    Substrate::MemfdHugetlb,
    Substrate::MemfdThp,
];
