//! Mailbox.

use loom::thread;

use super::{ModelSlots, Yield, check, is_caught, receive_one, send_all};
use crate::ring::mailbox::{Consumer, Producer};
use crate::wait::{Park, Parker, WaitStrategy};

fn model<const STRONG: bool, W: WaitStrategy<Parker>>(wait: fn() -> W, messages: u8) {
    let slots = ModelSlots::<1, STRONG, Parker, Parker>::fresh(1);
    let own = slots.at(0);
    let producer = thread::spawn(move || send_all(&mut Producer::new(own, wait()), 1..=messages));
    let mut consumer = Consumer::new(slots, wait());
    for due in 1..=messages {
        assert_eq!(receive_one(&mut consumer), due);
    }
    producer.join().unwrap();
}

#[test]
fn it_holds_in_every_order() {
    check(|| model::<true, _>(|| Yield, 2));
    check(|| model::<true, _>(|| Park, 2));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("mailbox::publishing_without_order_is_caught", || model::<false, _>(|| Yield, 2)));
}
