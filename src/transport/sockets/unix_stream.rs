//! Unix-domain stream socket pair, blocking. One connection carries both ways, as users have it.
//! Cost: two system calls and two copies a message, a buffer (sk_buff) allocated and freed for each write, a wake and a
//! switch when the reader sleeps. Source: socketpair(2), unix(7).

use std::io;
use std::os::unix::net::UnixStream;

use crate::address::{Address, Descriptor, End};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::Block;
use crate::transport::{Peers, Shape, Transport};

/// What one write may queue before it waits: net.core.wmem_default, kernel bookkeeping included.
const BUFFER_BYTES: f64 = 212_992.0;

/// The transport.
pub struct UnixStreamPair;

impl Transport for UnixStreamPair {
    const SUMMARY: &'static str = "unix stream socket pair, blocking, one connection both ways";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = StreamSender<UnixStream>;
    type Receiver = StreamReceiver<UnixStream>;

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (first, second) = UnixStream::pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(address.descriptor(End::Sender)?.duplicate()?.into(), shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(address.descriptor(End::Receiver)?.duplicate()?.into(), shape)
    }

    fn attach_both(address: &Address, end: End, _: Peers, shape: &Shape) -> io::Result<(Self::Sender, Self::Receiver)> {
        let stream = UnixStream::from(address.descriptor(end)?.duplicate()?);
        let other = stream.try_clone()?;
        Ok((StreamSender::new(stream, shape)?, StreamReceiver::new(other, shape)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy::<Block>(shape, BUFFER_BYTES)
    }
}
