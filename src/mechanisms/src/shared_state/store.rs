//! The map of a manager process, and its responses to requests. Shared by the manager rows. The map is that of the
//! standard library, with its hash (SipHash 1-3).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use super::Shape;
use super::wire::{Connection, Head, Kind};

/// A value, and how many times its key was set.
#[derive(Default)]
struct Versioned {
    version: u64,
    value: Vec<u8>,
}

/// The map.
pub(super) struct Store {
    map: HashMap<u64, Versioned>,
    entries: usize,
}

impl Store {
    /// An empty map with room for the shape's entries.
    pub(super) fn new(shape: &Shape) -> Self {
        Self { map: HashMap::with_capacity(shape.entries as usize), entries: shape.entries as usize }
    }

    /// Executes the request `head`, whose value is in the connection's buffer. Returns the head of the response and
    /// leaves its value, if any, in the buffer.
    ///
    /// Errors: `InvalidData` for an invalid request.
    pub(super) fn respond(&mut self, head: Head, connection: &mut Connection) -> io::Result<Head> {
        match head.kind {
            Kind::Get => {
                let Some(found) = self.map.get(&head.key) else { return Ok(Head::bare(Kind::Absent)) };
                let length = found.value.len();
                connection.value(length)?.copy_from_slice(&found.value);
                Ok(Head { kind: Kind::Value, length, key: 0, version: found.version })
            }
            Kind::Set => Ok(Head::bare(self.set(head.key, connection.value(head.length)?))),
            Kind::Replace => Ok(Head::bare(self.replace(head, connection.value(head.length)?))),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("not a request: {other:?}"))),
        }
    }

    fn set(&mut self, key: u64, value: &[u8]) -> Kind {
        let room = self.map.len() < self.entries;
        let entry = match self.map.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) if room => entry.insert(Versioned::default()),
            Entry::Vacant(_) => return Kind::Full,
        };
        entry.put(value);
        Kind::Done
    }

    fn replace(&mut self, head: Head, value: &[u8]) -> Kind {
        match self.map.get_mut(&head.key) {
            Some(entry) if entry.version == head.version => {
                entry.put(value);
                Kind::Done
            }
            _ => Kind::Stale,
        }
    }
}

impl Versioned {
    fn put(&mut self, value: &[u8]) {
        self.version += 1;
        self.value.clear();
        self.value.extend_from_slice(value);
    }
}
