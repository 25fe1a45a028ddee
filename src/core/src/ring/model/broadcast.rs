//! Ring with one producer, whose consumers get every message.

use loom::thread;

use super::{ModelSlots, Unfenced, check_within, is_caught, receive_one, send_all};
use crate::ring::spsc::{Consumer, Producer};
use crate::wait::{EventCount, Park, Parker, WaitStrategy};

fn model<const DEPTH: usize, const STRONG: bool, W>(wait: fn() -> W, messages: u8)
where
    W: WaitStrategy<Parker> + WaitStrategy<EventCount>,
{
    let slots = ModelSlots::<DEPTH, STRONG, EventCount, Parker>::fresh(2);
    let take = move |own| {
        let mut consumer = Consumer::new(own, wait());
        for due in 1..=messages {
            assert_eq!(receive_one(&mut consumer), due);
        }
    };
    let threads = [0, 1].map(|cursor| {
        let own = slots.at(cursor);
        thread::spawn(move || take(own))
    });
    send_all(&mut Producer::new(slots, wait()), 1..=messages);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn it_holds_in_every_order_and_loses_no_wake_up() {
    check_within(2, || model::<1, true, _>(|| Park, 2));
    check_within(1, || model::<2, true, _>(|| Park, 3));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("broadcast::publishing_without_order_is_caught", || model::<1, false, _>(|| Park, 2)));
}

#[test]
fn a_waker_that_may_miss_a_sleeper_is_caught() {
    assert!(is_caught("broadcast::a_waker_that_may_miss_a_sleeper_is_caught", || model::<1, true, _>(|| Unfenced, 2)));
}
