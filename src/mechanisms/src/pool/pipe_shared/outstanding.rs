//! Requests without a response, in a pool over shared pipes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use super::{HEAD, TAG};
use crate::pool::descriptors;

/// All requests without a response.
#[derive(Default)]
pub(super) struct Outstanding {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of requests that are not completely in the pipe, oldest first, and how many bytes of the first one are.
    pub(super) unwritten: VecDeque<usize>,
    written: usize,
}

/// Memory of a request. Slot and generation together are the request's tag, which is never 0.
#[derive(Default)]
struct Slot {
    generation: u32,
    in_use: bool,
    request: Vec<u8>,
}

impl Outstanding {
    /// Adds a request. [`write`](Self::write) sends it.
    pub(super) fn add(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        // May wrap: only requests outstanding at the same time must differ. 0 stands for no request.
        slot.generation = slot.generation.wrapping_add(1).max(1);
        slot.in_use = true;
        descriptors::build::<HEAD>(&mut slot.request, len, fill);
        slot.request[TAG..HEAD].copy_from_slice(&(u64::from(slot.generation) << 32 | at as u64).to_le_bytes());
        self.unwritten.push_back(at);
    }

    /// The slot of an outstanding request.
    pub(super) fn find(&self, tag: u64) -> Option<usize> {
        let at = (tag & 0xffff_ffff) as usize;
        self.slots.get(at).filter(|slot| slot.in_use && u64::from(slot.generation) == tag >> 32).map(|_| at)
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.slots[at].in_use = false;
        self.free.push(at);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Writes until all is written or the pipe is full.
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

    /// Marks all requests as unwritten, except those with the tags in `received`.
    pub(super) fn requeue_except(&mut self, received: &[u64]) {
        let kept: Vec<_> = received.iter().filter_map(|tag| self.find(*tag)).collect();
        self.written = 0;
        self.unwritten = (0..self.slots.len()).filter(|at| self.slots[*at].in_use && !kept.contains(at)).collect();
    }
}
