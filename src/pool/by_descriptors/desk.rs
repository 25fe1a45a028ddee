//! The dispatcher's side of one worker that it reaches through descriptors, and the worker's own.

use std::collections::VecDeque;
use std::io;

use super::{Ends, HEAD};
use crate::pool::Work;
use crate::pool::descriptors::{self, Incoming};
use crate::pool::hand::Seat;

/// The dispatcher's side of one worker.
pub(super) struct Desk {
    pub(super) ends: Ends,
    /// Requests that are with it, oldest first, the last of which may not be written to its end.
    pub(super) line: VecDeque<Vec<u8>>,
    /// Requests of those that wait for room, and bytes of the first of them that were written.
    pub(super) unwritten: usize,
    pub(super) written: usize,
    pub(super) incoming: Incoming<HEAD>,
    /// Answers by the worker who sits there now.
    pub(super) answered: u64,
}

impl Desk {
    pub(super) fn new(ends: Ends, frame_bytes: usize) -> io::Result<Self> {
        let mut desk = Self {
            line: VecDeque::new(),
            unwritten: 0,
            written: 0,
            incoming: Incoming::new(frame_bytes),
            answered: 0,
            ends,
        };
        desk.settle()?;
        Ok(desk)
    }

    fn settle(&mut self) -> io::Result<()> {
        descriptors::never_block(&self.ends.requests)?;
        descriptors::never_block(&self.ends.answers)
    }

    pub(super) fn give(&mut self, request: Vec<u8>) -> io::Result<()> {
        self.line.push_back(request);
        self.unwritten += 1;
        self.write()
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while self.unwritten > 0 {
            let request = &self.line[self.line.len() - self.unwritten];
            let written = match descriptors::write_some(&self.ends.requests, &request[self.written..]) {
                // Its reader has died, which will be told.
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

    /// Passes the first answer to `read`, and gives back the request that it answers.
    #[inline]
    pub(super) fn answer<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<(R, Vec<u8>)>> {
        let Some(frame) = self.incoming.first()? else { return Ok(None) };
        let (len, result) = (frame.len(), read(&frame[HEAD..]));
        self.incoming.pass(len);
        self.answered += 1;
        let unasked = || io::Error::new(io::ErrorKind::InvalidData, "an answer to nothing");
        let request = self.line.pop_front().ok_or_else(unasked)?;
        Ok(Some((result, request)))
    }

    /// Goes on with a fresh channel to a fresh worker, who has nothing in hand.
    pub(super) fn start_over(&mut self, ends: Ends) -> io::Result<()> {
        self.ends = ends;
        (self.unwritten, self.written, self.answered) = (0, 0, 0);
        self.incoming.clear();
        self.settle()
    }
}

/// A worker's life.
pub(super) fn serve<W: Work>(seat: &Seat, ends: &Ends, frame_bytes: usize, mut work: W) -> io::Result<()> {
    let mut state = (Incoming::<HEAD>::new(frame_bytes), vec![], 0u64);
    seat.work_through(
        &mut work,
        &mut state,
        |(incoming, _, received), work| {
            let frame = loop {
                match incoming.first()? {
                    Some(frame) => break frame,
                    None => incoming.read(&ends.requests).map(drop)?,
                }
            };
            let len = frame.len();
            if len == HEAD {
                return Ok(None);
            }
            *received += 1;
            seat.roster.holds(seat.number, *received);
            let job = work.take(&frame[HEAD..]);
            incoming.pass(len);
            Ok(Some(job))
        },
        |(_, answer, _), bytes, fill| {
            descriptors::build::<HEAD>(answer, bytes, fill);
            descriptors::write_all(&ends.answers, answer)
        },
    )
}
