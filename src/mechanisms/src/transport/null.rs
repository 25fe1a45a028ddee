//! No transfer: one thread sends to itself, and `receive` returns the stored message after a known delay. The delay
//! uses the tick counter and round trips the monotonic clock, so this tests the measurement. Without delay it gives the
//! floor of every chart: the cost of the payload.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::{Peers, Receiver, Sender, Shape, Transport};
use crate::address::{Address, Endpoint};
use crate::clock;
use crate::record::{CostModel, Counts, Group, Isolation, Measure};

/// Transport within one thread.
pub struct Null;

/// Sender.
pub struct NullSender {
    slot: Rc<RefCell<Vec<u8>>>,
}

/// Receiver.
pub struct NullReceiver {
    slot: Rc<RefCell<Vec<u8>>>,
    delay: Delay,
}

/// Delay in ticks, or in nanoseconds if the tick counter is not reliable.
#[derive(Clone, Copy)]
struct Delay {
    trusted: bool,
    ticks: u64,
}

impl Delay {
    fn of_ns(ns: u64) -> Self {
        match clock::ticks_hz() {
            Some(hz) => Self { trusted: true, ticks: (u128::from(ns) * u128::from(hz) / 1_000_000_000) as u64 },
            None => Self { trusted: false, ticks: ns },
        }
    }

    #[inline]
    fn spin(self) {
        if self.ticks > 0 {
            let start = clock::tick(self.trusted);
            while clock::tick(self.trusted).wrapping_sub(start) < self.ticks {}
        }
    }
}

impl Transport for Null {
    const SUMMARY: &'static str = "one thread, no transfer: the cost of the payload, or a known delay";
    const GROUP: Group = Group::Instrument;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const MEASURES: &'static [Measure] =
        &[Measure::RoundTrip, Measure::Stream, Measure::CostModel, Measure::Conformance];
    const DUPLEX: bool = true;
    const SOLO: bool = true;
    type Sender = NullSender;
    type Receiver = NullReceiver;

    fn supports(_: &Shape) -> Result<(), String> {
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::from_here(()))
    }

    fn attach_sender(_: &Address, _: Peers, _: &Shape) -> io::Result<NullSender> {
        Err(both_only())
    }

    fn attach_receiver(_: &Address, _: Peers, _: &Shape) -> io::Result<NullReceiver> {
        Err(both_only())
    }

    fn attach_both(_: &Address, _: Endpoint, _: Peers, shape: &Shape) -> io::Result<(NullSender, NullReceiver)> {
        let slot = Rc::new(RefCell::new(vec![0; shape.message_bytes]));
        let sender = NullSender { slot: Rc::clone(&slot) };
        Ok((sender, NullReceiver { slot, delay: Delay::of_ns(shape.delay_ns) }))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        CostModel {
            sender: Counts::default(),
            receiver: Counts { delay_ns: shape.delay_ns as f64, ..Counts::default() },
            unexplained: Some("the instructions of the measure's own loop have no price".into()),
        }
    }
}

fn both_only() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "both endpoints of the null transport belong to one thread")
}

impl Sender for NullSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut slot = self.slot.borrow_mut();
        slot.resize(len, 0);
        fill(&mut slot);
        Ok(())
    }
}

impl Receiver for NullReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.delay.spin();
        Ok(read(&self.slot.borrow()))
    }
}
