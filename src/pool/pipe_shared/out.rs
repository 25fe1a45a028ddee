//! The requests of a pool of shared pipes that are out.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use super::{HEAD, TICKET};
use crate::pool::descriptors;

/// Requests that are out, each kept until it is answered.
#[derive(Default)]
pub(super) struct Out {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of those that are not in the pipe yet, oldest first, and bytes of the first that are.
    pub(super) unwritten: VecDeque<usize>,
    written: usize,
}

/// A place for a request; with the number of its use it makes a ticket, which is never 0.
#[derive(Default)]
struct Slot {
    used: u32,
    is_out: bool,
    request: Vec<u8>,
}

impl Out {
    /// Builds a request and puts it behind those that wait to be written.
    pub(super) fn add(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        // Only the few that are out at the same time must differ; 0 is no use.
        slot.used = slot.used.wrapping_add(1).max(1);
        slot.is_out = true;
        descriptors::build::<HEAD>(&mut slot.request, len, fill);
        slot.request[TICKET..HEAD].copy_from_slice(&(u64::from(slot.used) << 32 | at as u64).to_le_bytes());
        self.unwritten.push_back(at);
    }

    /// The slot of a ticket whose request is out.
    pub(super) fn find(&self, ticket: u64) -> Option<usize> {
        let at = (ticket & 0xffff_ffff) as usize;
        self.slots.get(at).filter(|slot| slot.is_out && u64::from(slot.used) == ticket >> 32).map(|_| at)
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.slots[at].is_out = false;
        self.free.push(at);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self, requests: &OwnedFd) -> io::Result<()> {
        while let Some(&at) = self.unwritten.front() {
            let request = &self.slots[at].request;
            let written = descriptors::write_some(requests, &request[self.written..])?;
            if written == 0 {
                return Ok(());
            }
            self.written += written;
            if self.written == request.len() {
                self.unwritten.pop_front();
                self.written = 0;
            }
        }
        Ok(())
    }

    /// All that are out wait to be written again, but for those of which somebody has the ticket.
    pub(super) fn start_over(&mut self, held: &[u64]) {
        let in_hand: Vec<_> = held.iter().filter_map(|ticket| self.find(*ticket)).collect();
        self.written = 0;
        self.unwritten = (0..self.slots.len()).filter(|at| self.slots[*at].is_out && !in_hand.contains(at)).collect();
    }
}
