//! Locks of libraries between threads.

use super::{InProcess, Library, ParkingLot, ParkingLotRwLock, StdMutex, StdRwLock};
use crate::lock::drill::{counts_exactly, die_inside, holder, refuses_a_second};
use crate::lock::{Handle, Lock};

#[test]
fn every_library_excludes_and_loses_no_wake_up() {
    counts_exactly::<InProcess<StdMutex>>();
    counts_exactly::<InProcess<StdRwLock>>();
    counts_exactly::<InProcess<ParkingLot>>();
    counts_exactly::<InProcess<ParkingLotRwLock>>();
}

#[test]
fn a_try_fails_while_another_contender_holds_the_lock() {
    refuses_a_second::<InProcess<StdMutex>>();
    refuses_a_second::<InProcess<StdRwLock>>();
    refuses_a_second::<InProcess<ParkingLot>>();
    refuses_a_second::<InProcess<ParkingLotRwLock>>();
}

#[test]
fn readers_share_and_a_writer_is_excluded() {
    fn writer_is_excluded<M: Library>() -> bool {
        let address = InProcess::<M>::create(3).expect("made");
        let [mut first, mut second, mut writer] = [0, 1, 2].map(|index| holder::<InProcess<M>>(&address, index));
        let both = first.read(|_| second.read(|_| writer.try_lock(|_| ()).expect("an answer").is_none()));
        both.expect("a reader").seen.expect("a second reader").seen
    }
    assert!(writer_is_excluded::<StdRwLock>());
    assert!(writer_is_excluded::<ParkingLotRwLock>());
}

#[test]
fn the_standard_library_poisons_a_lock_after_a_panic() {
    let address = InProcess::<StdMutex>::create(2).expect("made");
    die_inside::<InProcess<StdMutex>>(&address);
    holder::<InProcess<StdMutex>>(&address, 1).with_lock(|_| ()).expect_err("a holder panicked inside");
}
