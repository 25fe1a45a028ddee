//! The libraries' locks between threads.

use super::parking_lot_mutex::ParkingLot;
use super::parking_lot_rwlock::ParkingLotRwLock;
use super::std_mutex::StdMutex;
use super::std_rwlock::StdRwLock;
use super::{InProcess, Library};
use crate::lock::drill::{counts_exactly, die_inside, holder, refuses_a_second};
use crate::lock::{Holder, Lock};

#[test]
fn every_library_excludes_and_forgets_no_sleeper() {
    counts_exactly::<InProcess<StdMutex>>();
    counts_exactly::<InProcess<StdRwLock>>();
    counts_exactly::<InProcess<ParkingLot>>();
    counts_exactly::<InProcess<ParkingLotRwLock>>();
}

#[test]
fn one_who_tries_is_refused_while_another_is_inside() {
    refuses_a_second::<InProcess<StdMutex>>();
    refuses_a_second::<InProcess<StdRwLock>>();
    refuses_a_second::<InProcess<ParkingLot>>();
    refuses_a_second::<InProcess<ParkingLotRwLock>>();
}

#[test]
fn readers_share_and_a_writer_stays_out() {
    fn writer_stays_out<M: Library>() -> bool {
        let address = InProcess::<M>::create(3).expect("made");
        let [mut first, mut second, mut writer] = [0, 1, 2].map(|index| holder::<InProcess<M>>(&address, index));
        let both = first.read(|_| second.read(|_| writer.try_lock(|_| ()).expect("an answer").is_none()));
        both.expect("a reader").seen.expect("a second reader").seen
    }
    assert!(writer_stays_out::<StdRwLock>());
    assert!(writer_stays_out::<ParkingLotRwLock>());
}

#[test]
fn the_standard_library_refuses_what_a_panic_left() {
    let address = InProcess::<StdMutex>::create(2).expect("made");
    die_inside::<InProcess<StdMutex>>(&address);
    holder::<InProcess<StdMutex>>(&address, 1).with_lock(|_| ()).expect_err("a holder panicked inside");
}
