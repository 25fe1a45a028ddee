//! State of threads of one process: a map of a library that all of them refer to. The baseline for state between
//! processes. As there, a value is built before the map is accessed, copied in or out by it, and read afterwards.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Addresses, Handle, Shape, State, too_long};
use crate::address::Address;
use crate::record::{Group, Isolation, Wait};

/// A map that threads share.
pub(super) trait Shared: Send + Sync + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;

    /// An empty map of at most `entries` entries.
    /// Creates an empty map of at most `entries` entries.
    fn with_room_for(entries: u32) -> Self;
    /// Copies the value of `key` into `buffer`; returns false if it was never set.
    fn copy_out(&self, key: u64, buffer: &mut Vec<u8>) -> io::Result<bool>;
    /// Sets the value of `key`.
    ///
    /// Errors: `StorageFull` for a new key when all entries are taken.
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()>;
    /// Runs `change` on the value of `key`, exclusively; returns `None` if it was never set.
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>>;
}

/// The state in a map `M`.
pub struct InProcess<M>(PhantomData<M>);

/// A user's reference to the map.
pub struct Local<M> {
    map: Arc<M>,
    value: Vec<u8>,
    value_bytes: usize,
}

impl<M: Shared> State for InProcess<M> {
    const SUMMARY: &'static str = M::SUMMARY;
    const GROUP: Group = Group::Threads;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    // These locks poll for a while before they sleep.
    const WAIT: Wait = Wait::Hybrid;
    type Handle = Local<M>;

    fn create(shape: &Shape) -> io::Result<Addresses> {
        let map = Address::from_here(M::with_room_for(shape.entries));
        Ok(Addresses { manager: None, users: vec![map; shape.users as usize] })
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Local<M>> {
        let value_bytes = shape.value_bytes;
        Ok(Local { map: address.here()?, value: Vec::with_capacity(value_bytes), value_bytes })
    }
}

impl<M: Shared> Handle for Local<M> {
    #[inline]
    fn get<R>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let found = self.map.copy_out(key, &mut self.value)?;
        Ok(found.then(|| read(&self.value)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.value_bytes {
            return Err(too_long(len, self.value_bytes));
        }
        self.value.resize(len, 0);
        fill(&mut self.value);
        self.map.copy_in(key, &self.value)
    }

    #[inline]
    fn update<R>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> R) -> io::Result<Option<R>> {
        self.map.change(key, |value| change(value))
    }
}

/// Replaces the content of `held` and keeps its memory.
#[inline]
pub(super) fn replace(held: &mut Vec<u8>, value: &[u8]) {
    held.clear();
    held.extend_from_slice(value);
}
