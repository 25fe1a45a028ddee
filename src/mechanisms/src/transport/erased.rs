//! Type-erased transport for set-up and conformance, which are compiled once for all transports. Sends and receives
//! cost an indirect call, so streams and round trips use the type.

use std::io;

use super::{Delivery, Offer, Peers, Receiver, Sender, Shape, Transport};
use crate::address::{Address, Endpoint};

/// Functions of a transport.
#[derive(Clone, Copy)]
pub struct AnyTransport {
    /// [`Transport::DELIVERY`].
    pub delivery: Delivery,
    /// [`Transport::DUPLEX`].
    pub duplex: bool,
    /// [`Transport::depth`].
    pub depth: fn(&Shape) -> Option<u32>,
    /// [`Transport::create`].
    pub create: fn(&Shape) -> io::Result<Address>,
    /// [`Transport::offer`].
    pub offer: fn(&Address, &Shape, Endpoint) -> io::Result<Offer>,
    /// [`Transport::attach_sender`].
    pub attach_sender: fn(&Address, Peers, &Shape) -> io::Result<AnySender>,
    /// [`Transport::attach_receiver`].
    pub attach_receiver: fn(&Address, Peers, &Shape) -> io::Result<AnyReceiver>,
}

impl AnyTransport {
    /// Functions of `T`.
    pub fn of<T: Transport>() -> Self {
        Self {
            delivery: T::DELIVERY,
            duplex: T::DUPLEX,
            depth: T::depth,
            create: T::create,
            offer: T::offer,
            attach_sender: |address, peers, shape| T::attach_sender(address, peers, shape).map(AnySender::new),
            attach_receiver: |address, peers, shape| T::attach_receiver(address, peers, shape).map(AnyReceiver::new),
        }
    }
}

/// Sender of any transport.
pub struct AnySender(Box<dyn ErasedSender>);

/// Receiver of any transport.
pub struct AnyReceiver(Box<dyn ErasedReceiver>);

impl AnySender {
    /// Boxes `sender`.
    pub fn new(sender: impl Sender + 'static) -> Self {
        Self(Box::new(sender))
    }
}

impl AnyReceiver {
    /// Boxes `receiver`.
    pub fn new(receiver: impl Receiver + 'static) -> Self {
        Self(Box::new(receiver))
    }
}

trait ErasedSender {
    fn send_any(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) -> io::Result<()>;
}

trait ErasedReceiver {
    fn receive_any(&mut self, read: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

impl<S: Sender> ErasedSender for S {
    fn send_any(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) -> io::Result<()> {
        Sender::send(self, len, fill)
    }
}

impl<R: Receiver> ErasedReceiver for R {
    fn receive_any(&mut self, read: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        Receiver::receive(self, read)
    }
}

impl Sender for AnySender {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut fill = Some(fill);
        self.0.send_any(len, &mut |room| fill.take().expect("send calls `fill` once")(room))
    }
}

impl Receiver for AnyReceiver {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (mut read, mut result) = (Some(read), None);
        self.0.receive_any(&mut |seen| result = read.take().map(|read| read(seen)))?;
        Ok(result.expect("a successful receive has called `read`"))
    }
}
