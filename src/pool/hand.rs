//! A worker's life, whatever its frames travel through.

use std::io;

use super::Work;
use super::roster::Roster;
use crate::pin;

/// Where a worker sits.
pub(super) struct Seat {
    pub(super) number: u32,
    pub(super) cpu: Option<u32>,
    pub(super) roster: Roster,
    /// Frames after which it makes room for a fresh process; none where it stays.
    pub(super) share: Option<u64>,
}

impl Seat {
    /// Does frame after frame: `receive` gives one to the closure, or says `None` when no more will come; `send` has it
    /// fill an answer of that many bytes.
    ///
    /// Errors: those of either, the end of the trial among them.
    #[inline]
    pub(super) fn work_through<W: Work, C>(
        &self,
        work: &mut W,
        channel: &mut C,
        mut receive: impl FnMut(&mut C, &mut W) -> io::Result<Option<W::Job>>,
        mut send: impl FnMut(&mut C, usize, &mut dyn FnMut(&mut [u8])) -> io::Result<()>,
    ) -> io::Result<()> {
        self.cpu.map_or(Ok(()), pin::pin_this_thread)?;
        let mut left = self.share.unwrap_or(u64::MAX);
        while let Some(mut job) = receive(channel, work)? {
            self.roster.takes(self.number, work.number(&job));
            work.carry_out(&mut job);
            let bytes = work.answer_bytes(&job);
            send(channel, bytes, &mut |room| work.answer(&job, room))?;
            self.roster.is_done(self.number);
            left -= 1;
            if left == 0 {
                self.roster.retire(self.number);
                return Ok(());
            }
        }
        Ok(())
    }
}
