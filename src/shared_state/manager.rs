//! A process that keeps a hash map and answers one request for each access, over a stream socket, with a thread for each
//! user: Python's Manager. An access costs a message there and one back, so two wake-ups and four system calls, whatever
//! the value; nobody needs a lock of his own, and a user who dies leaves nothing half done.
//!
//! Python's own proxies have no update: `d[k] += 1` is a get and a set, and loses what others do between. Here a set may be
//! tied to the version that was read, and is tried again when that is gone.
//!
//! Source: Python, Lib/multiprocessing/managers.py (Server.serve_client); unix(7).

use std::io;
use std::sync::Mutex;
use std::thread;

use super::client::Client;
use super::store::Store;
use super::wire::{self, Line};
use super::{Places, Shape, State, poisoned};
use crate::address::Address;
use crate::record::{Isolation, Wait};

/// The process.
pub struct Manager;

impl State for Manager {
    const SUMMARY: &'static str = "a process that keeps a map, a thread for each user: Python's Manager";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Wait = Wait::Block;
    const KEPT: bool = true;
    type Handle = Client;

    fn create(shape: &Shape) -> io::Result<Places> {
        wire::connections(shape)
    }

    fn keep(address: Address, shape: &Shape) -> io::Result<()> {
        let (lines, store) = (wire::keepers_ends(address, shape)?, Mutex::new(Store::new(shape)));
        thread::scope(|scope| {
            for line in lines {
                // One who died, or talked nonsense, loses his connection; the others go on.
                scope.spawn(|| converse(line, &store));
            }
        });
        Ok(())
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Client> {
        Client::attach(address, shape)
    }
}

/// Answers one user until he has gone.
fn converse(mut line: Line, store: &Mutex<Store>) -> io::Result<()> {
    while let Some(request) = line.receive()? {
        let answer = store.lock().map_err(|_| poisoned())?.answer(request, &mut line)?;
        line.send(answer)?;
    }
    Ok(())
}
