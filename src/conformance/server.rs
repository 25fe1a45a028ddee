//! Conformance of servers:
//!
//! 1. a thousand client processes are served without an error, with correct responses;
//! 2. a request may arrive in pieces, and two may arrive at once;
//! 3. a client that disconnects during a request, orderly or not, affects no other;
//! 4. a client that has sent half a request does not delay others, unless the server handles one connection at a time,
//!    and is served when it sends the other half;
//! 5. a server told to stop while clients are connected stops, leaves no process and no path, and refuses connections.
//!
//! Threads are not checked: they end with the server's process.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::{self, Timeout};

use crate::control::Leader;
use crate::measure::meter::Meter;
use crate::measure::serve::service::Requests;
use crate::measure::serve::{Clients, Target, processes};
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase, together};
use crate::protocol::Report;
use crate::server::{self, Concurrency};

/// Requests of each of the many clients.
const REQUESTS_EACH: u64 = 5;
/// Number of clients that disconnect early, for each way to do so.
const EARLY_LEAVERS: u32 = 20;
/// Number of requests in pieces, and of pairs of requests.
const ODD_REQUESTS: u32 = 10;
/// Maximum pieces of a request.
const PIECES: usize = 16;
/// Time limit of a response, long enough for busy machines.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs all checks on the clients' side.
pub fn lead(leader: &mut Leader, task: &Task, target: &Target) -> MeasureResult {
    let meter = Meter::start();
    let mut trial = Trial { task, target, responses: 0, client: 0 };
    let clients = trial.serve_many_clients()?;
    trial.split_and_pair_requests()?;
    trial.disconnect_early()?;
    let slow = trial.send_slowly()?;
    let others = processes(target.pid).unwrap_or_default();

    leader.page().set_count(trial.responses);
    together(leader, phase::END, 0, || Ok(()))?;
    drop(slow);
    check_nothing_left(target, &others)?;
    let few = (clients < server::MAX_CLIENTS).then(|| {
        let most = server::MAX_CLIENTS;
        format!(
            "limits on files or processes allow {clients} of {most} clients: see ulimit -Hn, ulimit -Hu and pids.max"
        )
    });
    let roles = vec![meter.stop(task, trial.responses)];
    Ok(Report { messages: trial.responses, chosen_by: "fixed".into(), remark: few, roles, ..Report::default() })
}

/// State shared by the checks.
struct Trial<'a> {
    task: &'a Task,
    target: &'a Target,
    /// Correct responses so far.
    responses: u64,
    /// Number of the last client in this process.
    client: u32,
}

impl Trial<'_> {
    /// Returns the number of clients.
    fn serve_many_clients(&mut self) -> Result<u32, MeasureError> {
        let clients = self.target.clients;
        let wanted = u64::from(clients) * REQUESTS_EACH;
        let mut many = Clients::gather(self.task, self.target, clients, 0)?;
        many.connect(0..clients)?;
        let received = many.ask(wanted)?;
        many.leave()?;
        if received != wanted {
            return invalid(format!("{clients} clients received {received} responses to {wanted} requests"));
        }
        self.responses += wanted + u64::from(clients);
        Ok(clients)
    }

    fn split_and_pair_requests(&mut self) -> Result<(), MeasureError> {
        let mut client = self.connect()?;
        for _ in 0..ODD_REQUESTS {
            let request = client.requests.make().to_vec();
            for piece in request.chunks(request.len().div_ceil(PIECES)) {
                server::send(&client.connection, piece)?;
            }
            client.receive("a request in pieces")?;
        }
        for _ in 0..ODD_REQUESTS {
            let mut both = client.requests.make().to_vec();
            let first = client.requests.clone();
            both.extend_from_slice(client.requests.make());
            server::send(&client.connection, &both)?;
            let second = std::mem::replace(&mut client.requests, first);
            client.receive("the first of two requests at once")?;
            client.requests = second;
            client.receive("the second of two requests at once")?;
        }
        self.responses += 3 * u64::from(ODD_REQUESTS);
        Ok(())
    }

    fn disconnect_early(&mut self) -> Result<(), MeasureError> {
        for _ in 0..EARLY_LEAVERS {
            // In turn: close after half a request, reset after half a request, close before the response.
            let mut closing = self.connect()?;
            closing.send_half()?;
            drop(closing);
            let mut resetting = self.connect()?;
            resetting.send_half()?;
            sockopt::set_socket_linger(&resetting.connection, Some(Duration::ZERO)).map_err(io::Error::from)?;
            drop(resetting);
            let mut unread = self.connect()?;
            let request = unread.requests.make().to_vec();
            server::send(&unread.connection, &request)?;
        }
        let mut client = self.connect()?;
        client.ask("a request after other clients disconnected early")?;
        self.responses += 1;
        Ok(())
    }

    /// Returns two connected clients: one that has sent half a request, and an idle one.
    fn send_slowly(&mut self) -> Result<Vec<Client>, MeasureError> {
        let mut slow = self.connect()?;
        let rest = slow.send_half()?;
        let mut other = self.connect()?;
        let one_at_a_time = self.target.patience == Concurrency::OneConnection;
        if !one_at_a_time {
            other.ask("a request while another client has sent half of one")?;
            self.responses += 1;
        }
        server::send(&slow.connection, &rest)?;
        slow.receive("a request whose second half came late")?;
        self.responses += 1;
        if one_at_a_time {
            drop(slow);
            other.ask("a request that waited for a slow client to disconnect")?;
            self.responses += 1;
            return Ok(vec![]);
        }
        slow.send_half()?;
        Ok(vec![slow, other])
    }

    fn connect(&mut self) -> Result<Client, MeasureError> {
        let connection = (self.target.connect)(&self.target.place)?;
        sockopt::set_socket_timeout(&connection, Timeout::Recv, Some(PATIENCE)).map_err(io::Error::from)?;
        self.client += 1;
        Ok(Client { connection, requests: Requests::new(&self.task.case, self.client) })
    }
}

/// Client in this process.
struct Client {
    connection: OwnedFd,
    requests: Requests,
}

impl Client {
    fn ask(&mut self, what: &str) -> Result<(), MeasureError> {
        let request = self.requests.make().to_vec();
        server::send(&self.connection, &request)?;
        self.receive(what)
    }

    /// Sends the first half of a request and returns the other half.
    fn send_half(&mut self) -> Result<Vec<u8>, MeasureError> {
        let request = self.requests.make();
        let (half, rest) = request.split_at(request.len() / 2);
        let rest = rest.to_vec();
        server::send(&self.connection, half)?;
        Ok(rest)
    }

    /// Receives the response to the last request and checks it.
    ///
    /// Errors: the response is missing or wrong. `what` names the request.
    fn receive(&mut self, what: &str) -> Result<(), MeasureError> {
        match server::receive(&self.connection, self.requests.room()) {
            Ok(true) => self
                .requests
                .check()
                .map_err(|why| MeasureError::Invalid(format!("{what} got a wrong response: {why}"))),
            Ok(false) => invalid(format!("{what} got no response: the server closed the connection")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                invalid(format!("{what} got no response within {} s", PATIENCE.as_secs()))
            }
            Err(error) => invalid(format!("{what} got no response: {error}")),
        }
    }
}

/// Checks that a stopped server has left nothing.
fn check_nothing_left(target: &Target, processes: &[u32]) -> Result<(), MeasureError> {
    if let Some(pid) = processes.iter().find(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
        return invalid(format!("the server has stopped, but its process {pid} still exists"));
    }
    if target.place.starts_with('/') && Path::new(&target.place).exists() {
        return invalid(format!("the server has stopped, but its path {} still exists", target.place));
    }
    match (target.connect)(&target.place) {
        Ok(_) => invalid("the server has stopped, but accepts connections"),
        Err(_) => Ok(()),
    }
}
