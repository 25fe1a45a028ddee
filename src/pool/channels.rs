//! Threads between two channels of owned frames, whatever the channels are. Not a mechanism.

use std::io;
use std::sync::mpsc::TryRecvError;

use super::crew::{self, Crew};
use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::record::{Group, Isolation, Measure, Wait};

/// A channel of requests for all workers, and one of their answers. Each `Option` is none when the other side has gone.
pub trait Channels: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How one who has nothing to do waits.
    const WAIT: Wait;
    /// The dispatcher's end of the requests.
    type Requests: 'static;
    /// A worker's.
    type Taken: Clone + Send + 'static;
    /// A worker's end of the answers.
    type Answered: Clone + Send + 'static;
    /// The dispatcher's.
    type Answers: 'static;

    /// Both channels, each with room for `depth` frames at least.
    fn open(depth: usize) -> Ends<Self>;
    /// Hands a request out.
    fn submit(requests: &Self::Requests, frame: Vec<u8>) -> Option<()>;
    /// Waits for a request.
    fn next(taken: &Self::Taken) -> Option<Vec<u8>>;
    /// Hands an answer back.
    fn answer(answered: &Self::Answered, frame: Vec<u8>) -> Option<()>;
    /// Waits for an answer.
    fn collect(answers: &Self::Answers) -> Option<Vec<u8>>;
    /// An answer, if there is one now.
    fn try_collect(answers: &Self::Answers) -> Result<Vec<u8>, TryRecvError>;
}

/// All ends of both channels.
pub struct Ends<C: Channels + ?Sized> {
    /// The dispatcher's, and one that every worker gets a clone of.
    pub requests: (C::Requests, C::Taken),
    /// One that every worker gets a clone of, and the dispatcher's.
    pub answers: (C::Answered, C::Answers),
}

/// The pool.
pub struct BetweenChannels<C: Channels> {
    requests: C::Requests,
    answers: C::Answers,
    spare: Vec<Vec<u8>>,
    crew: Crew,
}

impl<C: Channels> Pool for BetweenChannels<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(C::WAIT);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let Ends { requests: (requests, taken), answers: (answered, answers) } = C::open(staff.in_flight as usize);
        let crew = Crew::start(staff.workers, &staff.cpus, |_, stopping| {
            let (taken, answered, mut work) = (taken.clone(), answered.clone(), work.clone());
            Box::new(move || {
                while let Some(mut frame) = C::next(&taken) {
                    if stopping.is_set() {
                        break;
                    }
                    crew::answer_in_place(&mut work, &mut frame);
                    if C::answer(&answered, frame).is_none() {
                        break;
                    }
                }
            })
        })?;
        Ok(Self { requests, answers, spare: vec![], crew })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = crew::request(&mut self.spare, len, fill);
        C::submit(&self.requests, frame).ok_or_else(gone)
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = C::collect(&self.answers).ok_or_else(gone)?;
        let result = read(&frame);
        self.spare.push(frame);
        Ok(Collected::Answer(result))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match C::try_collect(&self.answers) {
            Ok(frame) => {
                let result = read(&frame);
                self.spare.push(frame);
                Ok(Some(Collected::Answer(result)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    fn hands(&self) -> Vec<Hand> {
        self.crew.hands()
    }

    fn close(self) -> io::Result<()> {
        // Each leaves once the channel is empty; the other one has room for whatever is still in it.
        drop(self.requests);
        self.crew.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.crew.stop();
        self.close()
    }
}

#[cold]
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "all workers of the pool have ended")
}
