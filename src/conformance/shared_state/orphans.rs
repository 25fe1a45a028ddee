//! The process that keeps the state dies: whoever uses it is told, and waits for nothing. A state of its own, whose keeper
//! is a child of this process, so that the trial's stays as it is.

use std::{fs, io, thread};

use nix::sys::signal::{Signal, kill};

use crate::abort;
use crate::child::Child;
use crate::measure::MeasureError;
use crate::shared_state::{Handle, Places, Shape, State};

const KEY: u64 = 5;

/// Errors: somebody was not told.
pub(super) fn examine<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    in_the_middle_of_an_access::<S>(shape)?;
    at_the_next_access::<S>(shape)
}

/// A keeper, and the handles of those who use what he keeps.
fn kept<S: State>(shape: &Shape) -> io::Result<(Child, Vec<S::Handle>)> {
    let Places { keeper, seats } = S::create(shape)?;
    let keeper = keeper.ok_or_else(|| io::Error::other("there is nothing to keep"))?;
    let for_keeper = *shape;
    // This process's copies of the keeper's ends go with the closure: else nobody would notice that he is gone.
    let child = Child::start(move || {
        if let Err(error) = S::keep(keeper, &for_keeper) {
            panic!("the keeper could not work: {error}");
        }
    })?;
    let handles = (0..).zip(&seats).map(|(seat, address)| S::attach(address, shape, seat));
    Ok((child, handles.collect::<io::Result<_>>()?))
}

/// He dies between accesses.
fn at_the_next_access<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    let (mut keeper, mut handles) = kept::<S>(shape)?;
    for (user, handle) in handles.iter_mut().enumerate() {
        handle.set(KEY, shape.value_bytes, |room| room.fill(user as u8))?;
    }
    keeper.kill()?;
    for (user, handle) in handles.iter_mut().enumerate() {
        for _ in 0..2 {
            if let Ok(found) = handle.get(KEY, |_| ()) {
                return Err(format!("user {user} got {found:?} of a keeper who was dead").into());
            }
        }
        if handle.set(KEY, 1, |room| room.fill(0)).is_ok() {
            return Err(format!("user {user} set a key of a keeper who was dead").into());
        }
    }
    Ok(())
}

/// He is stopped, so that a user waits for an answer, and dies then.
fn in_the_middle_of_an_access<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    let (mut keeper, mut handles) = kept::<S>(shape)?;
    // An answer shows that he is at work, and not about to be.
    handles[0].set(KEY, shape.value_bytes, |room| room.fill(1))?;
    kill(keeper.pid(), Signal::SIGSTOP).map_err(io::Error::from)?;
    let mut asker = Child::start(move || {
        let told = handles.iter_mut().all(|handle| handle.get(KEY, |_| ()).is_err());
        assert!(told, "an access succeeded though its keeper was dead");
    })?;
    until_asleep(&mut asker)?;
    keeper.kill()?;
    asker.collect()?;
    if !asker.exited_successfully() {
        return Err(format!("a user who waited for the keeper's answer as he died: {}", asker.describe_end()).into());
    }
    Ok(())
}

/// Returns once `child` sleeps, which it does when it has asked and waits; or has ended, which nobody told it to.
fn until_asleep(child: &mut Child) -> io::Result<()> {
    // Source: proc_pid_stat(5): the state follows the name, which is in parentheses.
    let path = format!("/proc/{}/stat", child.pid());
    while !child.has_ended()? {
        let stat = fs::read_to_string(&path).unwrap_or_default();
        if stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S')) {
            break;
        }
        if abort::requested() {
            return Err(abort::error());
        }
        thread::yield_now();
    }
    Ok(())
}
