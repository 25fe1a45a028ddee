//! Ring with many producers and many consumers.

use loom::thread;

use super::{ModelSlots, Selfish, Unfenced, Yield, check, check_within, is_caught, receive_one, send_all};
use crate::ring::mpmc::{Consumer, Producer};
use crate::wait::{EventCount, Park, WaitStrategy};

/// Each producer sends its number of messages, and each consumer takes its number. The first consumer is the model's
/// own thread, so there are `senders.len() + takers.len()` threads.
fn model<const DEPTH: usize, const STRONG: bool, W>(wait: fn() -> W, senders: &[u8], takers: &[u8])
where
    W: WaitStrategy<EventCount>,
{
    let slots = ModelSlots::<DEPTH, STRONG, EventCount, EventCount>::fresh(1);
    let take = move |own, quota| {
        let mut consumer = Consumer::new(own, wait());
        (0..quota).map(|_| receive_one(&mut consumer)).collect::<Vec<u8>>()
    };
    let mut threads = vec![];
    for (index, &each) in senders.iter().enumerate() {
        let (own, first) = (slots.at(0), 10 * (index as u8 + 1));
        threads.push(thread::spawn(move || {
            send_all(&mut Producer::new(own, wait()), first..first + each);
            vec![]
        }));
    }
    for &quota in &takers[1..] {
        let own = slots.at(0);
        threads.push(thread::spawn(move || take(own, quota)));
    }
    let mut seen = take(slots.at(0), takers[0]);
    assert!(seen.is_sorted_by(|a, b| a / 10 != b / 10 || a < b), "one consumer sees a producer's messages in order");
    for thread in threads {
        seen.extend(thread.join().unwrap());
    }
    seen.sort_unstable();
    let sent = senders.iter().zip(1u8..).flat_map(|(each, index)| 10 * index..10 * index + each);
    assert!(seen.into_iter().eq(sent), "each message goes to one consumer");
}

#[test]
fn two_sides_hold_in_every_order() {
    check(|| model::<1, true, _>(|| Yield, &[2], &[2]));
    check(|| model::<2, true, _>(|| Yield, &[3], &[3]));
}

#[test]
fn two_producers_hold_and_lose_no_wake_up() {
    check_within(2, || model::<1, true, _>(|| Park, &[1, 1], &[2]));
    check_within(1, || model::<2, true, _>(|| Park, &[2, 1], &[3]));
}

#[test]
fn two_consumers_hold_and_lose_no_wake_up() {
    check_within(2, || model::<1, true, _>(|| Park, &[2], &[1, 1]));
    check_within(1, || model::<2, true, _>(|| Park, &[3], &[2, 1]));
}

/// The case that needs wake-ups to be passed on: the second message is published, and its wake-up consumed, before the
/// first.
#[test]
fn two_of_both_lose_no_wake_up() {
    check_within(1, || model::<2, true, _>(|| Park, &[1, 1], &[1, 1]));
}

#[test]
fn a_wake_up_that_is_not_passed_on_is_caught() {
    let test = "mpmc::a_wake_up_that_is_not_passed_on_is_caught";
    assert!(is_caught(test, || model::<2, true, _>(|| Selfish, &[1, 1], &[1, 1])));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("mpmc::publishing_without_order_is_caught", || model::<1, false, _>(|| Yield, &[2], &[2])));
}

#[test]
fn a_waker_that_may_miss_the_sleeper_is_caught() {
    let test = "mpmc::a_waker_that_may_miss_the_sleeper_is_caught";
    assert!(is_caught(test, || model::<1, true, _>(|| Unfenced, &[2], &[1, 1])));
}
