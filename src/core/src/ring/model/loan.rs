//! Loaned buffers.

use loom::thread;

use super::{ModelSlots, Yield, check, is_caught, receive_one, send_all};
use crate::ring::loan::{Borrower, Lender, ring_depth};
use crate::ring::spsc;
use crate::wait::{Park, Parker, WaitStrategy};

fn model<const BUFFERS: usize, const SLOTS: usize, const STRONG: bool, W>(wait: fn() -> W, messages: u8)
where
    W: WaitStrategy<Parker>,
{
    assert_eq!(SLOTS, ring_depth(BUFFERS as u32) as usize);
    let pool = ModelSlots::<BUFFERS, STRONG, Parker, Parker>::fresh(1);
    let [loans, returns] = [(); 2].map(|()| ModelSlots::<SLOTS, STRONG, Parker, Parker>::fresh(1));
    let (own_pool, own_loans, own_returns) = (pool.at(0), loans.at(0), returns.at(0));
    let lender = thread::spawn(move || {
        let (loans, returns) = (spsc::Producer::new(own_loans, wait()), spsc::Consumer::new(own_returns, wait()));
        send_all(&mut Lender::new(own_pool, loans, returns), 1..=messages);
    });
    let (loans, returns) = (spsc::Consumer::new(loans, wait()), spsc::Producer::new(returns, wait()));
    let mut borrower = Borrower::new(pool, loans, returns);
    for due in 1..=messages {
        assert_eq!(receive_one(&mut borrower), due);
    }
    lender.join().unwrap();
}

#[test]
fn it_holds_in_every_order() {
    check(|| model::<1, 2, true, _>(|| Yield, 2));
    check(|| model::<2, 4, true, _>(|| Yield, 3));
}

#[test]
fn parked_sides_lose_no_wake_up() {
    check(|| model::<1, 2, true, _>(|| Park, 2));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("loan::publishing_without_order_is_caught", || model::<1, 2, false, _>(|| Yield, 2)));
}
