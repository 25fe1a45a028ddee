//! What every server must get right:
//!
//! 1. a thousand clients, each a process, are served without an error, and every answer is right;
//! 2. a request may come in pieces, and two may come at once;
//! 3. a client that leaves in the middle, in order or not, harms nobody;
//! 4. one that sends half a request keeps nobody else waiting, except where the server serves one connection to its end,
//!    and is served when the other half comes;
//! 5. told to end, with clients still connected, the server does, and leaves no process and no path, and refuses calls.
//!
//! That threads are gone follows from the process being gone, which joins them before.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::{self, Timeout};

use crate::control::Leader;
use crate::measure::meter::Meter;
use crate::measure::serve::service::Requests;
use crate::measure::serve::{Clients, Target, processes};
use crate::measure::{MeasureError, MeasureResult, Task, phase, together};
use crate::protocol::Report;
use crate::server::{self, Patience};

/// Requests of each client of the crowd.
const REQUESTS_EACH: u64 = 5;
/// Clients that leave in each of the ways there are.
const LEAVERS: u32 = 20;
/// Requests in pieces, and pairs of them.
const ODD_REQUESTS: u32 = 10;
/// The most pieces that a request is cut into.
const PIECES: usize = 16;
/// How long a client waits for an answer that must come: a busy machine may be slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// Plays all clients.
pub fn lead(leader: &mut Leader, task: &Task, target: &Target) -> MeasureResult {
    let meter = Meter::start();
    let mut trial = Trial { task, target, answers: 0, caller: 0 };
    let clients = trial.serve_a_crowd()?;
    trial.cut_and_join()?;
    trial.leave_early()?;
    let slow = trial.be_slow()?;
    let others = processes(target.pid).unwrap_or_default();

    leader.page().set_count(trial.answers);
    together(leader, phase::END, 0, || Ok(()))?;
    drop(slow);
    nothing_is_left(target, &others)?;
    let few = (clients < server::MAX_CLIENTS).then(|| {
        let most = server::MAX_CLIENTS;
        format!(
            "limits on files or processes allow {clients} clients of {most}: see ulimit -Hn, ulimit -Hu and pids.max"
        )
    });
    let roles = vec![meter.stop(task, trial.answers)];
    Ok(Report { messages: trial.answers, chosen_by: "fixed".into(), remark: few, roles, ..Report::default() })
}

/// What the steps share.
struct Trial<'a> {
    task: &'a Task,
    target: &'a Target,
    /// Right ones so far.
    answers: u64,
    /// Clients that this process played so far.
    caller: u32,
}

impl Trial<'_> {
    /// Says how many the crowd were.
    fn serve_a_crowd(&mut self) -> Result<u32, MeasureError> {
        let clients = self.target.clients;
        let wanted = u64::from(clients) * REQUESTS_EACH;
        let mut crowd = Clients::gather(self.task, self.target, clients, 0)?;
        crowd.connect(0..clients)?;
        let answered = crowd.ask(wanted)?;
        crowd.leave()?;
        if answered != wanted {
            return Err(format!("{clients} clients had {answered} answers to {wanted} requests").into());
        }
        self.answers += wanted + u64::from(clients);
        Ok(clients)
    }

    fn cut_and_join(&mut self) -> Result<(), MeasureError> {
        let mut caller = self.call()?;
        for _ in 0..ODD_REQUESTS {
            let request = caller.requests.make().to_vec();
            for piece in request.chunks(request.len().div_ceil(PIECES)) {
                server::send(&caller.connection, piece)?;
            }
            caller.hear("a request in pieces")?;
        }
        for _ in 0..ODD_REQUESTS {
            let mut both = caller.requests.make().to_vec();
            let first = caller.requests.clone();
            both.extend_from_slice(caller.requests.make());
            server::send(&caller.connection, &both)?;
            let second = std::mem::replace(&mut caller.requests, first);
            caller.hear("the first of two requests at once")?;
            caller.requests = second;
            caller.hear("the second of two requests at once")?;
        }
        self.answers += 3 * u64::from(ODD_REQUESTS);
        Ok(())
    }

    fn leave_early(&mut self) -> Result<(), MeasureError> {
        for _ in 0..LEAVERS {
            // With half a request sent; the same without a goodbye; with all of it sent, and the answer on its way.
            let mut leaver = self.call()?;
            leaver.send_half()?;
            drop(leaver);
            let mut breaker = self.call()?;
            breaker.send_half()?;
            sockopt::set_socket_linger(&breaker.connection, Some(Duration::ZERO)).map_err(io::Error::from)?;
            drop(breaker);
            let mut deaf = self.call()?;
            let request = deaf.requests.make().to_vec();
            server::send(&deaf.connection, &request)?;
        }
        let mut caller = self.call()?;
        caller.ask("a request after others left in the middle of theirs")?;
        self.answers += 1;
        Ok(())
    }

    /// Gives clients that are still connected: one that has said half of what it wants, and one that wants nothing.
    fn be_slow(&mut self) -> Result<Vec<Caller>, MeasureError> {
        let mut slow = self.call()?;
        let rest = slow.send_half()?;
        let mut other = self.call()?;
        let alone = self.target.patience == Patience::OneConnection;
        if !alone {
            other.ask("a request while another client has sent half of its own")?;
            self.answers += 1;
        }
        server::send(&slow.connection, &rest)?;
        slow.hear("a request whose second half came late")?;
        self.answers += 1;
        if alone {
            drop(slow);
            other.ask("a request that waited for a slow client to leave")?;
            self.answers += 1;
            return Ok(vec![]);
        }
        slow.send_half()?;
        Ok(vec![slow, other])
    }

    fn call(&mut self) -> Result<Caller, MeasureError> {
        let connection = (self.target.connect)(&self.target.place)?;
        sockopt::set_socket_timeout(&connection, Timeout::Recv, Some(PATIENCE)).map_err(io::Error::from)?;
        self.caller += 1;
        Ok(Caller { connection, requests: Requests::new(&self.task.case, self.caller) })
    }
}

/// A client that this process plays.
struct Caller {
    connection: OwnedFd,
    requests: Requests,
}

impl Caller {
    fn ask(&mut self, what: &str) -> Result<(), MeasureError> {
        let request = self.requests.make().to_vec();
        server::send(&self.connection, &request)?;
        self.hear(what)
    }

    /// Sends the first half of a request, and gives the other.
    fn send_half(&mut self) -> Result<Vec<u8>, MeasureError> {
        let request = self.requests.make();
        let (half, rest) = request.split_at(request.len() / 2);
        let rest = rest.to_vec();
        server::send(&self.connection, half)?;
        Ok(rest)
    }

    /// Takes the answer to the last request, and checks it.
    ///
    /// Errors: there is none, or another one.
    fn hear(&mut self, what: &str) -> Result<(), MeasureError> {
        match server::receive(&self.connection, self.requests.room()) {
            Ok(true) => self.requests.check().map_err(|why| format!("{what} was answered wrongly: {why}").into()),
            Ok(false) => Err(format!("{what} was not answered: the server closed the connection").into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(format!("{what} was not answered within {} s", PATIENCE.as_secs()).into())
            }
            Err(error) => Err(format!("{what} was not answered: {error}").into()),
        }
    }
}

/// Looks for what a server that has ended must not leave.
fn nothing_is_left(target: &Target, processes: &[u32]) -> Result<(), MeasureError> {
    if let Some(pid) = processes.iter().find(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
        return Err(format!("the server has ended, and its process {pid} is still there").into());
    }
    if target.place.starts_with('/') && Path::new(&target.place).exists() {
        return Err(format!("the server has ended, and its path {} is still there", target.place).into());
    }
    match (target.connect)(&target.place) {
        Ok(_) => Err("the server has ended, and still takes calls".to_owned().into()),
        Err(_) => Ok(()),
    }
}
