//! Seqlock.

use loom::sync::Arc;
use loom::thread;

use super::{Yield, check_within, is_caught};
use crate::ring::seqlock::{Cell, Reader, Writer};
use crate::ring::sync::{AtomicU64, Ordering};
use crate::ring::{Consume, Produce};
use crate::wait::{EventCount, Park, WaitStrategy};

/// Value of two words. In the mutants a value is published without ordering, or the odd version may become visible
/// after the words that it should precede.
#[derive(Clone)]
struct Words<const STRONG: bool, const MARKED: bool>(Arc<Shared>);

struct Shared {
    version: AtomicU64,
    length: AtomicU64,
    words: [AtomicU64; 2],
    readers: EventCount,
}

impl<const STRONG: bool, const MARKED: bool> Cell for Words<STRONG, MARKED> {
    const PUBLISH: Ordering = if STRONG { Ordering::Release } else { Ordering::Relaxed };
    // An acquire fence, the weakest one, does not order the writer's stores.
    const MARK: Ordering = if MARKED { Ordering::Release } else { Ordering::Acquire };

    fn message_bytes(&self) -> usize {
        16
    }

    fn version(&self) -> &AtomicU64 {
        &self.0.version
    }

    fn length(&self) -> &AtomicU64 {
        &self.0.length
    }

    fn words(&self) -> &[AtomicU64] {
        &self.0.words
    }

    fn readers(&self) -> &EventCount {
        &self.0.readers
    }
}

/// The writer writes 1, 2, ...; the reader reads until it has seen the last value.
fn model<const STRONG: bool, const MARKED: bool, W: WaitStrategy<EventCount>>(wait: fn() -> W, last: u8) {
    let cell = Words::<STRONG, MARKED>(Arc::new(Shared {
        version: AtomicU64::new(0),
        length: AtomicU64::new(0),
        words: [AtomicU64::new(0), AtomicU64::new(0)],
        readers: EventCount::default(),
    }));
    let own = cell.clone();
    let writer = thread::spawn(move || {
        let mut writer = Writer::new(own, wait());
        for value in 1..=last {
            writer.send(16, |room| room.fill(value)).unwrap();
        }
    });
    let mut reader = Reader::new(cell, wait());
    let mut newest = 0;
    while newest < last {
        let value = reader.receive(|seen| {
            assert!(seen.iter().all(|byte| *byte == seen[0]), "torn: {seen:?}");
            seen[0]
        });
        let value = value.unwrap();
        assert!(value > newest, "{value} after {newest}");
        newest = value;
    }
    writer.join().unwrap();
}

#[test]
fn it_holds_in_every_order() {
    check_within(2, || model::<true, true, _>(|| Yield, 2));
}

#[test]
fn a_parked_reader_loses_no_wake_up() {
    check_within(2, || model::<true, true, _>(|| Park, 2));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("seqlock::publishing_without_order_is_caught", || model::<false, true, _>(|| Yield, 1)));
}

#[test]
fn a_version_that_does_not_mark_its_words_is_caught() {
    let test = "seqlock::a_version_that_does_not_mark_its_words_is_caught";
    assert!(is_caught(test, || model::<true, false, _>(|| Yield, 2)));
}
