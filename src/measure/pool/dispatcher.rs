//! A pool whose type is forgotten, and the clerk of one that is open: what surrounds the timed loops is compiled once, not
//! once for each pool.

use std::io;

use super::Duty;
use super::books::{Back, Event, Tasks};
use super::clerk::Clerk;
use super::passage::Course;
use super::stamps::Stamps;
use crate::measure::MeasureError;
use crate::pool::{Hand, Pool, Staff};
use crate::record::Isolation;

/// An open pool and its books.
pub trait Dispatcher {
    /// Does `count` tasks by their call. The timed loop.
    ///
    /// Errors: a result that is wrong, missing or too many; a worker that died.
    fn run(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Hands out tasks when they are due, one a frame, and reads results in between. The timed loop of the open loop.
    ///
    /// While every frame that may be out is out, what is due has to wait; when it was due stands all the same.
    ///
    /// Errors: as for [`run`](Self::run), and `Interrupted` when the trial is called off.
    fn pace(&mut self, course: &mut Course) -> Result<(), MeasureError>;
    /// What tasks are like from now on; their payload stays.
    fn set_tasks(&mut self, tasks: Tasks);
    /// From now on, until they are taken, when each frame was where goes into `stamps`.
    fn stamp_into(&mut self, stamps: Stamps);
    /// The stamps so far.
    fn take_stamps(&mut self) -> Option<Stamps>;
    /// Hands out the next `count` tasks as one frame and gives its token.
    ///
    /// Errors: all frames are out, or those of the pool.
    fn hand_out(&mut self, count: u32, flags: u64) -> io::Result<u32>;
    /// Hands out what was lost, as a frame of its own.
    ///
    /// Errors: as for [`hand_out`](Self::hand_out).
    fn hand_out_again(&mut self, lost: &Back, flags: u64) -> io::Result<u32>;
    /// A task that fails, waited for; nothing else may be out.
    ///
    /// Errors: it came back as if it had been done.
    fn apply_failing(&mut self) -> Result<(), MeasureError>;
    /// Waits for whatever comes back, be it a failure or a death.
    ///
    /// Errors: a result that is wrong or too many.
    fn collect(&mut self) -> Result<Event, MeasureError>;
    /// What has come back by now, if anything.
    ///
    /// Errors: as for [`collect`](Self::collect).
    fn try_collect(&mut self) -> Result<Option<Event>, MeasureError>;
    /// Frames that may still be handed out before one has to come back.
    fn room(&self) -> usize;
    /// Frames that are out.
    fn out(&self) -> usize;
    /// [`Pool::hands`].
    fn hands(&self) -> Vec<Hand>;
    /// [`Pool::close`].
    fn close(self: Box<Self>) -> io::Result<()>;
    /// [`Pool::terminate`].
    fn terminate(self: Box<Self>) -> io::Result<()>;
}

/// What there is to know of a pool, and how to open one.
#[derive(Clone, Copy)]
pub struct AnyPool {
    /// [`Pool::ISOLATION`].
    pub isolation: Isolation,
    /// [`Pool::SERIAL`].
    pub serial: bool,
    open: fn(&Staff, Duty, Tasks) -> io::Result<Box<dyn Dispatcher>>,
}

impl AnyPool {
    /// The pool `P`.
    pub fn of<P: Pool>() -> Self {
        Self {
            isolation: P::ISOLATION,
            serial: P::SERIAL,
            open: |staff, duty, tasks| Ok(Box::new(Clerk::new(P::open(staff, duty)?, tasks, staff.in_flight))),
        }
    }

    /// Opens one, with books that are empty.
    ///
    /// Errors: those of [`Pool::open`].
    pub fn open(&self, staff: &Staff, duty: Duty, tasks: Tasks) -> io::Result<Box<dyn Dispatcher>> {
        (self.open)(staff, duty, tasks)
    }
}
