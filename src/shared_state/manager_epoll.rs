//! A process that keeps a hash map and answers one request for each access, over a stream socket, from a single thread that
//! sleeps in epoll. What an access costs beyond `manager` is the look at who is ready; what it saves is the lock around the
//! map and a switch between threads, where several ask at once.
//!
//! Source: epoll(7), level-triggered; unix(7).

use std::io;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::client::Client;
use super::store::Store;
use super::wire::{self, Arrival, Line};
use super::{Places, Shape, State};
use crate::address::Address;
use crate::child::retry_on_eintr;
use crate::record::{Isolation, Wait};

/// Users that are looked at in one turn.
const EVENTS: usize = 64;

/// The process.
pub struct ManagerEpoll;

impl State for ManagerEpoll {
    const SUMMARY: &'static str = "a process that keeps a map, one thread in epoll for all users";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Wait = Wait::Block;
    const KEPT: bool = true;
    type Handle = Client;

    fn create(shape: &Shape) -> io::Result<Places> {
        wire::connections(shape)
    }

    fn keep(address: Address, shape: &Shape) -> io::Result<()> {
        let mut lines: Vec<Option<Line>> = wire::keepers_ends(address, shape)?.into_iter().map(Some).collect();
        let (epoll, mut store) = (Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, Store::new(shape));
        for (at, line) in lines.iter().flatten().enumerate() {
            epoll.add(line.stream(), EpollEvent::new(EpollFlags::EPOLLIN, at as u64))?;
        }
        let mut events = [EpollEvent::empty(); EVENTS];
        while lines.iter().any(Option::is_some) {
            let ready = retry_on_eintr(|| epoll.wait(&mut events, EpollTimeout::NONE))?;
            for event in &events[..ready] {
                let at = event.data() as usize;
                let goes_on = lines[at].as_mut().map(|line| converse(line, &mut store));
                // One who left, died or talked nonsense loses his connection.
                if !matches!(goes_on, Some(Ok(true)))
                    && let Some(line) = lines[at].take()
                {
                    epoll.delete(line.stream())?;
                }
            }
        }
        Ok(())
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Client> {
        Client::attach(address, shape)
    }
}

/// Takes what has arrived from one user, and answers once it is a request. False when he has gone. An answer never waits for
/// room: a user has one outstanding, and the socket's buffer holds the largest.
fn converse(line: &mut Line, store: &mut Store) -> io::Result<bool> {
    match line.receive_some()? {
        Arrival::Partial => Ok(true),
        Arrival::Gone => Ok(false),
        Arrival::Whole(request) => {
            let answer = store.answer(request, line)?;
            line.send(answer)?;
            Ok(true)
        }
    }
}
