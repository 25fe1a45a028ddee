//! Queues and cells in memory that both sides map. [`ring`] holds what they share.

pub(super) mod mailbox;
mod ring;
pub(super) mod spsc;
