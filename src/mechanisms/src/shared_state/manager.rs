//! A manager process that owns a hash map and serves each access over a stream socket, with one thread per user:
//! Python's `multiprocessing.Manager`. An access costs a request and a response, so two wake-ups and four system calls
//! for any value. Users need no lock, and a user that dies leaves no partial change.
//!
//! Python's proxies have no update: `d[k] += 1` is a get and a set, and loses concurrent changes. Here a set may
//! require the version that was read, and is retried if another user has changed it.
//!
//! Source: Python, Lib/multiprocessing/managers.py (Server.serve_client); unix(7).

use std::io;
use std::sync::Mutex;
use std::thread;

use super::client::Client;
use super::locked_map::poisoned;
use super::store::Store;
use super::wire::{self, Connection};
use super::{Addresses, Shape, State};
use crate::address::Address;
use crate::record::{Isolation, Wait};

/// The state.
pub struct Manager;

impl State for Manager {
    const SUMMARY: &'static str = "a manager process with a thread for each user, as Python's Manager";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Wait = Wait::Block;
    const HAS_MANAGER: bool = true;
    type Handle = Client;

    fn create(shape: &Shape) -> io::Result<Addresses> {
        wire::connections(shape)
    }

    fn run_manager(address: Address, shape: &Shape) -> io::Result<()> {
        let (connections, store) = (wire::manager_connections(address, shape)?, Mutex::new(Store::new(shape)));
        thread::scope(|scope| {
            for connection in connections {
                // An error ends this connection only: the user died or sent an invalid request.
                scope.spawn(|| serve(connection, &store));
            }
        });
        Ok(())
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Client> {
        Client::attach(address, shape)
    }
}

/// Serves one user until it disconnects.
fn serve(mut connection: Connection, store: &Mutex<Store>) -> io::Result<()> {
    while let Some(request) = connection.receive()? {
        let response = store.lock().map_err(|_| poisoned())?.respond(request, &mut connection)?;
        connection.send(response)?;
    }
    Ok(())
}
