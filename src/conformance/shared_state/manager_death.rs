//! Check that all accesses fail, and none blocks, after the manager of a state has died. It uses its own state, whose
//! manager is a child of this process.

use std::{fs, io, thread};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};

use crate::abort;
use crate::child::Child;
use crate::measure::{MeasureError, invalid};
use crate::shared_state::{Addresses, Handle, Shape, State};

const KEY: u64 = 5;

/// Runs the checks.
///
/// Errors: an access succeeded.
pub(super) fn examine<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    during_an_access::<S>(shape)?;
    between_accesses::<S>(shape)
}

/// Starts a manager and attaches all users to its state.
fn start<S: State>(shape: &Shape) -> io::Result<(Child, Vec<S::Handle>)> {
    let Addresses { manager, users } = S::create(shape)?;
    let manager = manager.ok_or_else(|| io::Error::other("the state has no manager"))?;
    let shape_of_manager = *shape;
    // The closure drops this process's copies of the manager's endpoints, which would hide its death.
    let child = Child::start(move || {
        if let Err(error) = S::run_manager(manager, &shape_of_manager) {
            panic!("the manager failed: {error}");
        }
    })?;
    let handles = (0..).zip(&users).map(|(user, address)| S::attach(address, shape, user));
    Ok((child, handles.collect::<io::Result<_>>()?))
}

fn between_accesses<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    let (mut manager, mut handles) = start::<S>(shape)?;
    for (user, handle) in handles.iter_mut().enumerate() {
        handle.set(KEY, shape.value_bytes, |room| room.fill(user as u8))?;
    }
    manager.kill()?;
    for (user, handle) in handles.iter_mut().enumerate() {
        for _ in 0..2 {
            if let Ok(found) = handle.get(KEY, |_| ()) {
                return invalid(format!("user {user} got {found:?} although the manager was dead"));
            }
        }
        if handle.set(KEY, 1, |room| room.fill(0)).is_ok() {
            return invalid(format!("user {user} set a key although the manager was dead"));
        }
    }
    Ok(())
}

/// Stops the manager while a user waits for its response, then kills it.
fn during_an_access<S: State>(shape: &Shape) -> Result<(), MeasureError> {
    let (mut manager, mut handles) = start::<S>(shape)?;
    // The response shows that the manager is running.
    handles[0].set(KEY, shape.value_bytes, |room| room.fill(1))?;
    kill(manager.pid(), Signal::SIGSTOP).map_err(io::Error::from)?;
    // The signal only starts the stop: until it has reached all threads, one of them may still respond.
    waitid(Id::Pid(manager.pid()), WaitPidFlag::WSTOPPED).map_err(io::Error::from)?;
    let mut user = Child::start(move || {
        let all_failed = handles.iter_mut().all(|handle| handle.get(KEY, |_| ()).is_err());
        assert!(all_failed, "an access succeeded although the manager was dead");
    })?;
    wait_until_asleep(&mut user)?;
    manager.kill()?;
    user.collect()?;
    if !user.exited_successfully() {
        return invalid(format!("a user that waited while the manager died: {}", user.describe_end()));
    }
    Ok(())
}

/// Waits until `child` has ended or sleeps, which it does while it waits for a response.
fn wait_until_asleep(child: &mut Child) -> io::Result<()> {
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
