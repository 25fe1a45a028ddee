//! Semaphores between threads and processes, and after the death of a holder.
#![allow(unsafe_code)]

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use super::posix::{PosixSem, PosixSemNamed};
use super::sysv::{SysvSem, SysvSemUndo};
use crate::address::{Address, Name};
use crate::lock::drill::{counts_exactly, die_inside, holder, refuses_a_second};
use crate::lock::{Handle, Lock};

#[test]
fn every_semaphore_excludes_and_loses_no_wake_up() {
    counts_exactly::<PosixSem>();
    counts_exactly::<PosixSemNamed>();
    counts_exactly::<SysvSem>();
    counts_exactly::<SysvSemUndo>();
}

#[test]
fn a_try_fails_while_another_contender_holds_the_permit() {
    refuses_a_second::<PosixSem>();
    refuses_a_second::<SysvSem>();
    refuses_a_second::<SysvSemUndo>();
}

#[test]
fn the_permit_of_a_dead_holder_is_lost() {
    let address = PosixSem::create(2).expect("made");
    die_inside::<PosixSem>(&address);
    assert!(holder::<PosixSem>(&address, 1).try_lock(|_| ()).expect("an answer").is_none());
}

/// Whether the next contender acquires the lock after a process ended while it held it.
fn is_granted_after_a_death<L: Lock>() -> bool {
    let address = L::create(2).expect("made");
    let (mut owner, mut next) = (holder::<L>(&address, 0), holder::<L>(&address, 1));
    // SAFETY: the child makes a system call, semop, and ends by another; neither allocates nor takes a lock.
    match unsafe { fork() }.expect("forked") {
        ForkResult::Child => {
            // SAFETY: ends this process at once, without running exit handlers of its parent.
            let _ = owner.with_lock(|_| unsafe { libc::_exit(7) });
            // SAFETY: as above; reached only if the lock could not be acquired.
            unsafe { libc::_exit(1) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 7)), "it should have ended as the holder");
        }
    }
    let got = next.try_lock(|_| ()).expect("an answer").is_some();
    address.release().expect("it ends with its name").remove();
    got
}

#[test]
fn the_kernel_returns_a_permit_only_with_undo() {
    assert!(is_granted_after_a_death::<SysvSemUndo>());
    assert!(!is_granted_after_a_death::<SysvSem>());
}

#[test]
fn a_name_from_a_lease_is_removed_and_its_users_stay() {
    let address = PosixSemNamed::create(2).expect("made");
    let mut user = holder::<PosixSemNamed>(&address, 0);
    let leased = Name::from_line(&address.name().expect("a name").to_line()).expect("one of ours");
    leased.remove();
    let gone =
        PosixSemNamed::attach(&Address::Named(leased), crate::lock::ContenderId { index: 1, contenders: 2 }).err();
    assert_eq!(gone.expect("its name finds nothing").kind(), std::io::ErrorKind::NotFound);
    user.with_lock(|_| ()).expect("it works on");
}
