//! Queues and cells in memory that both sides map. [`queue`] makes a transport of each, [`ring`] holds what those with
//! slots have in common.

pub(super) mod broadcast;
pub(super) mod bytes;
pub(super) mod loan;
pub(super) mod mailbox;
pub(super) mod mpmc;
pub(super) mod mpsc;
pub(super) mod mutex_condvar;
mod queue;
mod ring;
pub(super) mod semaphores;
pub(super) mod seqlock;
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

/// The same where descriptors have to be handed over beside the memory: then it is inherited too.
const INHERITED_SUBSTRATES: &[Substrate] =
    &[Substrate::Memfd, Substrate::TmpfsFile, Substrate::MemfdHugetlb, Substrate::MemfdThp];
