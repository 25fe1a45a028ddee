//! Pthread locks between threads, and after the death of a holder.

use super::kinds;
use super::mutex::{Kind, Mutex};
use super::rwlock::{ReadersFirst, RwLock, WritersFirst};
use crate::lock::drill::{counts_exactly, die_inside, holder, refuses_a_second};
use crate::lock::{Handle, Lock};

#[test]
fn every_kind_excludes_and_loses_no_wake_up() {
    counts_exactly::<Mutex<kinds::Normal>>();
    counts_exactly::<Mutex<kinds::Adaptive>>();
    counts_exactly::<Mutex<kinds::Robust>>();
    counts_exactly::<Mutex<kinds::Pi>>();
    counts_exactly::<Mutex<kinds::RobustPi>>();
    counts_exactly::<Mutex<kinds::Errorcheck>>();
    counts_exactly::<Mutex<kinds::Recursive>>();
    counts_exactly::<RwLock<ReadersFirst>>();
    counts_exactly::<RwLock<WritersFirst>>();
}

#[test]
fn a_try_fails_while_another_contender_holds_the_lock() {
    refuses_a_second::<Mutex<kinds::Normal>>();
    refuses_a_second::<Mutex<kinds::RobustPi>>();
    refuses_a_second::<RwLock<ReadersFirst>>();
}

/// For each of the next two contenders after a dead owner: whether it acquires the lock, and whether the death is
/// reported to it.
fn after_a_death<K: Kind>() -> [Option<bool>; 2] {
    let address = Mutex::<K>::create(2).expect("made");
    die_inside::<Mutex<K>>(&address);
    [1, 2].map(|index| {
        let mut next = holder::<Mutex<K>>(&address, index);
        next.try_lock(|acquired| acquired.owner_died).expect("an answer")
    })
}

#[test]
fn robust_mutexes_report_a_death_once() {
    assert_eq!(after_a_death::<kinds::Robust>(), [Some(true), Some(false)]);
    assert_eq!(after_a_death::<kinds::RobustPi>(), [Some(true), Some(false)]);
}

#[test]
fn other_mutexes_stay_locked_after_a_death() {
    assert_eq!(after_a_death::<kinds::Normal>(), [None, None]);
    assert_eq!(after_a_death::<kinds::Adaptive>(), [None, None]);
    assert_eq!(after_a_death::<kinds::Pi>(), [None, None]);
}

#[test]
fn a_death_is_reported_to_a_waiting_acquisition_too() {
    let address = Mutex::<kinds::Robust>::create(2).expect("made");
    die_inside::<Mutex<kinds::Robust>>(&address);
    let mut next = holder::<Mutex<kinds::Robust>>(&address, 1);
    assert!(next.with_lock(|acquired| acquired.owner_died).expect("acquired"));
    assert!(!next.with_lock(|acquired| acquired.owner_died).expect("acquired again"));
}

#[test]
fn a_second_acquisition_is_refused_by_errorcheck_and_allowed_by_recursive() {
    fn twice<K: Kind>() -> std::io::Result<()> {
        let address = Mutex::<K>::create(2).expect("made");
        let (mut once, mut again) = (holder::<Mutex<K>>(&address, 0), holder::<Mutex<K>>(&address, 1));
        once.with_lock(|_| again.with_lock(|_| ()))?
    }
    let refused = twice::<kinds::Errorcheck>().expect_err("the thread holds it already");
    assert_eq!(refused.raw_os_error(), Some(libc::EDEADLK));
    twice::<kinds::Recursive>().expect("the depth is counted");
}

#[test]
fn readers_share_and_a_writer_is_excluded() {
    let address = RwLock::<WritersFirst>::create(3).expect("made");
    let [mut first, mut second, mut writer] = [0, 1, 2].map(|index| holder::<RwLock<WritersFirst>>(&address, index));
    let seen = first.read(|copy| {
        let also = second.read(|_| writer.try_lock(|_| ()).expect("an answer").is_none()).expect("a second reader");
        (copy, also.seen)
    });
    assert_eq!(seen.expect("a reader").seen, (0, true));
    assert!(writer.try_lock(|_| ()).expect("an answer").is_some());
}
