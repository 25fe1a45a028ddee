//! The pthread locks between threads, and after the death of a holder.

use super::mutex::{Kind, Mutex};
use super::rwlock::{ReadersFirst, RwLock, WritersFirst};
use super::*;
use crate::lock::drill::{counts_exactly, die_inside, holder, refuses_a_second};
use crate::lock::{Holder, Lock};

#[test]
fn every_kind_excludes_and_forgets_no_sleeper() {
    counts_exactly::<Mutex<normal::Normal>>();
    counts_exactly::<Mutex<adaptive::Adaptive>>();
    counts_exactly::<Mutex<robust::Robust>>();
    counts_exactly::<Mutex<pi::Pi>>();
    counts_exactly::<Mutex<robust_pi::RobustPi>>();
    counts_exactly::<Mutex<errorcheck::Errorcheck>>();
    counts_exactly::<Mutex<recursive::Recursive>>();
    counts_exactly::<RwLock<ReadersFirst>>();
    counts_exactly::<RwLock<WritersFirst>>();
}

#[test]
fn one_who_tries_is_refused_while_another_is_inside() {
    refuses_a_second::<Mutex<normal::Normal>>();
    refuses_a_second::<Mutex<robust_pi::RobustPi>>();
    refuses_a_second::<RwLock<ReadersFirst>>();
}

/// Whether each of the next two contenders after a dead owner acquires the lock, and whether the death is reported to
/// it.
fn after_a_death<K: Kind>() -> [Option<bool>; 2] {
    let address = Mutex::<K>::create(2).expect("made");
    die_inside::<Mutex<K>>(&address);
    [1, 2].map(|index| {
        let mut next = holder::<Mutex<K>>(&address, index);
        next.try_lock(|acquired| acquired.owner_died).expect("an answer")
    })
}

#[test]
fn robust_mutexes_tell_the_next_owner_once() {
    assert_eq!(after_a_death::<robust::Robust>(), [Some(true), Some(false)]);
    assert_eq!(after_a_death::<robust_pi::RobustPi>(), [Some(true), Some(false)]);
}

#[test]
fn others_stay_taken_for_good() {
    assert_eq!(after_a_death::<normal::Normal>(), [None, None]);
    assert_eq!(after_a_death::<adaptive::Adaptive>(), [None, None]);
    assert_eq!(after_a_death::<pi::Pi>(), [None, None]);
}

#[test]
fn one_who_waits_is_told_too() {
    let address = Mutex::<robust::Robust>::create(2).expect("made");
    die_inside::<Mutex<robust::Robust>>(&address);
    let mut next = holder::<Mutex<robust::Robust>>(&address, 1);
    assert!(next.with_lock(|acquired| acquired.owner_died).expect("taken"));
    assert!(!next.with_lock(|acquired| acquired.owner_died).expect("taken again"));
}

#[test]
fn taking_it_twice_is_refused_by_one_and_allowed_by_the_other() {
    fn twice<K: Kind>() -> std::io::Result<()> {
        let address = Mutex::<K>::create(2).expect("made");
        let (mut once, mut again) = (holder::<Mutex<K>>(&address, 0), holder::<Mutex<K>>(&address, 1));
        once.with_lock(|_| again.with_lock(|_| ()))?
    }
    let refused = twice::<errorcheck::Errorcheck>().expect_err("the thread has it already");
    assert_eq!(refused.raw_os_error(), Some(libc::EDEADLK));
    twice::<recursive::Recursive>().expect("the depth is counted");
}

#[test]
fn readers_share_and_a_writer_stays_out() {
    let address = RwLock::<WritersFirst>::create(3).expect("made");
    let [mut first, mut second, mut writer] = [0, 1, 2].map(|index| holder::<RwLock<WritersFirst>>(&address, index));
    let seen = first.read(|copy| {
        let also = second.read(|_| writer.try_lock(|_| ()).expect("an answer").is_none()).expect("a second reader");
        (copy, also.seen)
    });
    assert_eq!(seen.expect("a reader").seen, (0, true));
    assert!(writer.try_lock(|_| ()).expect("an answer").is_some());
}
