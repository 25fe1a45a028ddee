//! Requests in flight, identified by tokens. Each gets exactly one matching response.

use std::io;

use super::frame::{Request, Response, STAMPED, Status};
use super::stamps::Stamps;
use super::tasks::Tasks;
use crate::clock;
use crate::measure::{MeasureError, invalid};
use crate::pool::WorkerDeath;

/// Current or former request in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Out {
    pub(super) first: u64,
    pub(super) count: u32,
    /// Ticks at submission; 0 without stamps.
    pub(super) submitted: u64,
    pub(super) back: bool,
}

/// Returned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// First task.
    pub first: u64,
    /// Number of tasks.
    pub count: u32,
    /// Whether all tasks were done; otherwise they failed as requested, or were lost.
    pub done: bool,
    /// Token of the request.
    pub token: u32,
}

/// Event of a pool.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A checked response.
    Back(Back),
    /// A worker died. Its request, if any, is no longer in flight.
    Lost(WorkerDeath, Option<Back>),
}

/// Table of requests in flight.
pub(super) struct InFlight {
    pub(super) tasks: Tasks,
    /// Number of the next task.
    pub(super) next: u64,
    requests: Vec<Out>,
    free: Vec<u32>,
    pub(super) stamps: Option<Stamps>,
}

impl InFlight {
    /// Creates an empty table for at most `requests` requests.
    pub(super) fn new(tasks: Tasks, requests: u32) -> Self {
        Self {
            tasks,
            next: 0,
            requests: vec![Out::default(); requests as usize],
            free: (0..requests).rev().collect(),
            stamps: None,
        }
    }

    /// Requests that can be submitted before a response must be collected.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.free.len()
    }

    /// Requests in flight.
    pub(super) fn out(&self) -> usize {
        self.requests.len() - self.free.len()
    }

    /// Token of the next request.
    ///
    /// Errors: the maximum number of requests is in flight.
    #[inline]
    pub(super) fn next_token(&self) -> io::Result<u32> {
        let full = || io::Error::other("more requests in flight than the pool was opened for");
        self.free.last().copied().ok_or_else(full)
    }

    /// Registers a request of `count` tasks from `first` on, before its submission.
    ///
    /// Errors: the maximum number of requests is in flight.
    #[inline]
    pub(super) fn enter(&mut self, first: u64, count: u32, flags: u64) -> io::Result<Request> {
        let token = self.next_token()?;
        self.free.pop();
        let submitted = self.stamps.as_ref().map_or(0, |stamps| clock::tick(stamps.trusted()));
        self.requests[token as usize] = Out { first, count, submitted, back: false };
        let flags = if submitted > 0 { flags | STAMPED } else { flags };
        Ok(Request { first, count, token, rounds: self.tasks.rounds, flags })
    }

    /// Request with `token`.
    #[inline]
    pub(super) fn request(&self, token: u32) -> &Out {
        &self.requests[token as usize]
    }

    /// Sets the time of submission of a request.
    #[inline]
    pub(super) fn handed_off_at(&mut self, token: u32, tick: u64) {
        self.requests[token as usize].submitted = tick;
    }

    /// Matches a response to a request in flight, without freeing its token.
    ///
    /// Errors: the response is a duplicate or matches no request.
    #[inline]
    pub(super) fn check(&mut self, response: &Response) -> Result<Back, MeasureError> {
        let Response { first, count, token, .. } = *response;
        let Some(out) = self.requests.get_mut(token as usize) else {
            return invalid(format!("a response has the token {token}, which does not exist"));
        };
        if out.back || (out.first, out.count) != (first, count) {
            return invalid(format!("task {first} came back a second time, or matches no request"));
        }
        out.back = true;
        if let Some(stamps) = self.stamps.as_mut().filter(|_| out.submitted > 0) {
            stamps.note(out.submitted, response, clock::tick(stamps.trusted()));
        }
        Ok(Back { first, count, done: response.status == Status::Done, token })
    }

    /// Frees a token.
    #[inline]
    pub(super) fn release(&mut self, token: u32) {
        self.free.push(token);
    }

    /// Removes the request of a dead worker, unless the worker responded before it died.
    pub(super) fn lost(&mut self, loss: &WorkerDeath) -> Option<Back> {
        let token = u32::try_from(loss.request?).ok()?;
        let known_free = self.free.contains(&token);
        let out = self.requests.get_mut(token as usize).filter(|out| !out.back && !known_free)?;
        out.back = true;
        let back = Back { first: out.first, count: out.count, done: false, token };
        self.release(token);
        Some(back)
    }
}

/// Error for an unexpected death of a worker.
#[cold]
pub(super) fn died(loss: &WorkerDeath) -> MeasureError {
    io::Error::other(format!("worker {} of the pool died", loss.worker)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Case, Measure};

    fn in_flight() -> InFlight {
        InFlight::new(Tasks::of(&Case::new("pool", "any", Measure::Dispatch), 0), 2)
    }

    fn response_to(request: &Request) -> Response {
        Response { first: request.first, count: request.count, token: request.token, ..Response::default() }
    }

    #[test]
    fn a_request_comes_back_once_and_no_other_does() {
        let mut in_flight = in_flight();
        let request = in_flight.enter(7, 3, 0).expect("room");
        let response = response_to(&request);
        assert!(in_flight.check(&Response { first: 8, ..response }).is_err(), "another task");
        assert!(in_flight.check(&Response { token: 9, ..response }).is_err(), "no such token");
        assert_eq!(in_flight.check(&response).expect("due").first, 7);
        assert!(in_flight.check(&response).is_err(), "twice");
        in_flight.release(request.token);
        assert!(in_flight.check(&response).is_err(), "twice, and late");
        assert_eq!(in_flight.out(), 0);
    }

    #[test]
    fn too_many_requests_are_refused() {
        let mut in_flight = in_flight();
        assert!(in_flight.enter(0, 1, 0).is_ok() && in_flight.enter(1, 1, 0).is_ok());
        assert!(in_flight.enter(2, 1, 0).is_err());
        assert_eq!((in_flight.room(), in_flight.out()), (0, 2));
    }

    #[test]
    fn only_requests_in_flight_are_lost() {
        let mut in_flight = in_flight();
        let request = in_flight.enter(4, 1, 0).expect("room");
        let loss = WorkerDeath { worker: 0, request: Some(u64::from(request.token)) };
        assert_eq!(in_flight.lost(&loss).map(|back| (back.first, back.done)), Some((4, false)));
        assert_eq!((in_flight.out(), in_flight.lost(&loss)), (0, None));
        let request = in_flight.enter(4, 1, 0).expect("room");
        in_flight.check(&response_to(&request)).expect("due");
        assert_eq!(in_flight.lost(&loss), None);
        assert_eq!(in_flight.lost(&WorkerDeath { worker: 0, request: Some(u64::MAX) }), None);
    }
}
