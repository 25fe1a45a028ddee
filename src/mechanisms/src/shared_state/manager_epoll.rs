//! A manager process that owns a hash map and serves each access over a stream socket, from a single thread that sleeps
//! in epoll. Compared to `manager`, an access also costs epoll_wait, and saves the lock around the map and the switches
//! between threads when several users send requests at once.
//!
//! Source: epoll(7), level-triggered; unix(7).

use std::io;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::client::Client;
use super::store::Store;
use super::wire::{self, Connection, Received};
use super::{Addresses, Shape, State};
use crate::address::Address;
use crate::child::retry_on_eintr;
use crate::record::{Isolation, Wait};

/// Most users served per call of epoll_wait.
const EVENTS: usize = 64;

/// The state.
pub struct ManagerEpoll;

impl State for ManagerEpoll {
    const SUMMARY: &'static str = "a manager process with one thread in epoll for all users";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Wait = Wait::Block;
    const HAS_MANAGER: bool = true;
    type Handle = Client;

    fn create(shape: &Shape) -> io::Result<Addresses> {
        wire::connections(shape)
    }

    fn run_manager(address: Address, shape: &Shape) -> io::Result<()> {
        let mut connections: Vec<_> = wire::manager_connections(address, shape)?.into_iter().map(Some).collect();
        let (epoll, mut store) = (Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, Store::new(shape));
        for (user, connection) in connections.iter().flatten().enumerate() {
            epoll.add(connection.stream(), EpollEvent::new(EpollFlags::EPOLLIN, user as u64))?;
        }
        let mut events = [EpollEvent::empty(); EVENTS];
        while connections.iter().any(Option::is_some) {
            let ready = retry_on_eintr(|| epoll.wait(&mut events, EpollTimeout::NONE))?;
            for event in &events[..ready] {
                let user = event.data() as usize;
                let served = connections[user].as_mut().map(|connection| serve(connection, &mut store));
                // The user disconnected, died or sent an invalid request.
                if !matches!(served, Some(Ok(true)))
                    && let Some(connection) = connections[user].take()
                {
                    epoll.delete(connection.stream())?;
                }
            }
        }
        Ok(())
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Client> {
        Client::attach(address, shape)
    }
}

/// Reads from one user and responds if the request is complete. Returns false when the user has disconnected. `send`
/// never blocks: a user has one outstanding request, and the socket's buffer holds the largest response.
fn serve(connection: &mut Connection, store: &mut Store) -> io::Result<bool> {
    match connection.receive_some()? {
        Received::Partial => Ok(true),
        Received::Closed => Ok(false),
        Received::Complete(request) => {
            let response = store.respond(request, connection)?;
            connection.send(response)?;
            Ok(true)
        }
    }
}
