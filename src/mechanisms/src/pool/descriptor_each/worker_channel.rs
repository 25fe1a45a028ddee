//! The two sides of a worker channel over descriptors.

use std::collections::VecDeque;
use std::io;

use super::{Endpoint, HEAD};
use crate::pool::Work;
use crate::pool::descriptors::{self, Incoming};
use crate::pool::supervisor::WorkerContext;

/// The dispatcher's side.
pub(super) struct WorkerChannel {
    pub(super) endpoint: Endpoint,
    /// Requests without a response, oldest first.
    pub(super) in_flight: VecDeque<Vec<u8>>,
    /// How many of the newest requests are not written completely, and how many bytes of the first of these are.
    pub(super) unwritten: usize,
    written: usize,
    pub(super) incoming: Incoming<HEAD>,
    /// Responses of the current worker.
    pub(super) answered: u64,
}

impl WorkerChannel {
    pub(super) fn new(endpoint: Endpoint, frame_bytes: usize) -> io::Result<Self> {
        let channel = Self {
            in_flight: VecDeque::new(),
            unwritten: 0,
            written: 0,
            incoming: Incoming::new(frame_bytes),
            answered: 0,
            endpoint,
        };
        channel.set_nonblocking()?;
        Ok(channel)
    }

    fn set_nonblocking(&self) -> io::Result<()> {
        descriptors::never_block(&self.endpoint.requests)?;
        descriptors::never_block(&self.endpoint.responses)
    }

    pub(super) fn send(&mut self, request: Vec<u8>) -> io::Result<()> {
        self.in_flight.push_back(request);
        self.unwritten += 1;
        self.write()
    }

    /// Writes until all is written or the channel is full.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while self.unwritten > 0 {
            let request = &self.in_flight[self.in_flight.len() - self.unwritten];
            let written = match descriptors::write_some(&self.endpoint.requests, &request[self.written..]) {
                // The worker has died; the report of its death follows.
                Err(gone) if matches!(gone.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                    return Ok(());
                }
                other => other?,
            };
            if written == 0 {
                return Ok(());
            }
            self.written += written;
            if self.written == request.len() {
                (self.unwritten, self.written) = (self.unwritten - 1, 0);
            }
        }
        Ok(())
    }

    /// Passes the next response to `read` and returns the result with the request, or `None` if no response has
    /// arrived.
    #[inline]
    pub(super) fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<(R, Vec<u8>)>> {
        let Some(frame) = self.incoming.first()? else { return Ok(None) };
        let (len, result) = (frame.len(), read(&frame[HEAD..]));
        self.incoming.consume(len);
        self.answered += 1;
        let unexpected = || io::Error::new(io::ErrorKind::InvalidData, "a response without a request");
        let request = self.in_flight.pop_front().ok_or_else(unexpected)?;
        Ok(Some((result, request)))
    }

    /// Continues with the channel of a new worker.
    pub(super) fn reset(&mut self, endpoint: Endpoint) -> io::Result<()> {
        self.endpoint = endpoint;
        (self.unwritten, self.written, self.answered) = (0, 0, 0);
        self.incoming.clear();
        self.set_nonblocking()
    }
}

/// Main loop of a worker.
pub(super) fn serve<W: Work>(
    context: &WorkerContext,
    endpoint: &Endpoint,
    frame_bytes: usize,
    mut work: W,
) -> io::Result<()> {
    let mut state = (Incoming::<HEAD>::new(frame_bytes), vec![], 0u64);
    context.run(
        &mut work,
        &mut state,
        |(incoming, _, received), work| {
            let frame = loop {
                match incoming.first()? {
                    Some(frame) => break frame,
                    None => incoming.read(&endpoint.requests).map(drop)?,
                }
            };
            let len = frame.len();
            if len == HEAD {
                return Ok(None);
            }
            *received += 1;
            context.table.set_received(context.index, *received);
            let job = work.read(&frame[HEAD..]);
            incoming.consume(len);
            Ok(Some(job))
        },
        |(_, response, _), bytes, fill| {
            descriptors::build::<HEAD>(response, bytes, fill);
            descriptors::write_all(&endpoint.responses, response)
        },
    )
}
