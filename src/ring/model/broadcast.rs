//! The ring of one producer whose consumers get every message.

use loom::thread;

use super::{ModelSlots, Yield, check_within, is_caught, receive_one, send_all};
use crate::ring::spsc::{Consumer, Producer};
use crate::wait::{Crowd, Gate, Park, WaitStrategy};

fn model<const DEPTH: usize, const STRONG: bool, W>(wait: fn() -> W, messages: u8)
where
    W: WaitStrategy<Gate> + WaitStrategy<Crowd>,
{
    let slots = ModelSlots::<DEPTH, STRONG, Crowd, Gate>::fresh(2);
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
    threads.map(|thread| thread.join().unwrap());
}

#[test]
fn it_holds_in_every_order() {
    check_within(2, || model::<1, true, _>(|| Yield, 2));
    check_within(2, || model::<2, true, _>(|| Yield, 3));
}

#[test]
fn parked_sides_lose_no_wake_up() {
    check_within(2, || model::<1, true, _>(|| Park, 2));
    check_within(2, || model::<2, true, _>(|| Park, 3));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("broadcast::publishing_without_order_is_caught", || model::<1, false, _>(|| Yield, 2)));
}
