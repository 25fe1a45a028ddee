//! Byte ring. Memory that holds a payload in one lap and a word in the next is kept twice here, as a cell and as an
//! atomic; writing one puts garbage into the other, as in real memory.
#![allow(unsafe_code)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Yield, check_within, is_caught};
use crate::ring::byte_room::ByteRoom;
use crate::ring::bytes::{Consumer, Producer};
use crate::ring::sync::{AtomicU64, Ordering};
use crate::ring::{Consume, Produce};
use crate::wait::{Park, Parker, WaitStrategy};

const WORDS: usize = 8;
/// Word that a consumer would take for a message.
const GARBAGE: u64 = 3;

/// Ring of 64 bytes. The mutants publish without ordering, or never clear the next word.
struct Room<const STRONG: bool, const CLEARS: bool>(Arc<Units>);

struct Units {
    words: Vec<AtomicU64>,
    payloads: Vec<UnsafeCell<[u8; 8]>>,
    consumed: AtomicU64,
    /// Word that a mutant clears instead of the next one.
    aside: AtomicU64,
    reader: Parker,
    writer: Parker,
}

impl<const STRONG: bool, const CLEARS: bool> Room<STRONG, CLEARS> {
    fn pair() -> (Self, Self) {
        let units = Arc::new(Units {
            words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            payloads: (0..WORDS).map(|_| UnsafeCell::new([0; 8])).collect(),
            consumed: AtomicU64::new(0),
            aside: AtomicU64::new(0),
            reader: Parker::default(),
            writer: Parker::default(),
        });
        (Self(Arc::clone(&units)), Self(units))
    }

    fn unit(position: u64) -> usize {
        (position / 8) as usize % WORDS
    }
}

// SAFETY: loom's cells panic on a conflicting access instead of allowing it.
unsafe impl<const STRONG: bool, const CLEARS: bool> ByteRoom for Room<STRONG, CLEARS> {
    const PUBLISH: Ordering = if STRONG { Ordering::Release } else { Ordering::Relaxed };
    const GIVE_BACK: Ordering = Self::PUBLISH;

    fn capacity(&self) -> u64 {
        8 * WORDS as u64
    }

    fn word(&self, position: u64) -> &AtomicU64 {
        &self.0.words[Self::unit(position)]
    }

    fn consumed(&self) -> &AtomicU64 {
        &self.0.consumed
    }

    unsafe fn write(&self, position: u64, len: usize, fill: impl FnOnce(&mut [u8])) {
        if len == 0 {
            return fill(&mut []);
        }
        let unit = Self::unit(position);
        self.0.words[unit].store(GARBAGE, Ordering::Relaxed);
        // SAFETY: loom's `with_mut` lends the cell while the closure runs, and panics on a conflict.
        self.0.payloads[unit].with_mut(|cell| fill(unsafe { &mut (&mut *cell)[..len] }));
    }

    unsafe fn read<R>(&self, position: u64, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        if len == 0 {
            return read(&[]);
        }
        // SAFETY: loom's `with` lends the cell while the closure runs, and panics on a conflict.
        self.0.payloads[Self::unit(position)].with(|cell| read(unsafe { &(&*cell)[..len] }))
    }

    fn clear(&self, position: u64) {
        let word = if CLEARS { self.word(position) } else { &self.0.aside };
        word.store(0, Ordering::Relaxed);
    }

    fn reader(&self) -> &Parker {
        &self.0.reader
    }

    fn writer(&self) -> &Parker {
        &self.0.writer
    }
}

/// The first message is empty and all others have one unit: the fifth wraps to the start, and the word of the sixth is
/// where the payload of the second was.
const MESSAGES: u8 = 6;

fn model<const STRONG: bool, const CLEARS: bool, W: WaitStrategy<Parker>>(wait: fn() -> W) {
    let (left, right) = Room::<STRONG, CLEARS>::pair();
    let len = |message: u8| usize::from(message > 1);
    let producer = thread::spawn(move || {
        let mut producer = Producer::new(left, wait());
        for message in 1..=MESSAGES {
            producer.send(len(message), |room| room.fill(message)).unwrap();
        }
    });
    let mut consumer = Consumer::new(right, wait());
    for message in 1..=MESSAGES {
        consumer.receive(|seen| assert_eq!(seen, vec![message; len(message)])).unwrap();
    }
    producer.join().unwrap();
}

#[test]
fn it_holds_in_every_order() {
    check_within(2, || model::<true, true, _>(|| Yield));
}

#[test]
fn parked_sides_lose_no_wake_up() {
    check_within(2, || model::<true, true, _>(|| Park));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("bytes::publishing_without_order_is_caught", || model::<false, true, _>(|| Yield)));
}

#[test]
fn a_word_that_is_not_cleared_is_caught() {
    assert!(is_caught("bytes::a_word_that_is_not_cleared_is_caught", || model::<true, false, _>(|| Yield)));
}
