//! Unix-domain stream socket pair, by how its sides wait. One connection carries both ways, as users have it.
//! Cost: two system calls and two copies a message, a buffer (sk_buff) allocated and freed for each write, a wake and a
//! switch when the reader sleeps. Source: socketpair(2), unix(7).

use std::io;
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;

use super::UNIX_BUFFER_BYTES;
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Shape, Transport};

/// The transport, by how its sides wait.
pub struct UnixStreamPair<W = Block>(PhantomData<W>);

impl<W: Readiness> Transport for UnixStreamPair<W> {
    const SUMMARY: &'static str = "unix stream socket pair, one connection both ways";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = StreamSender<UnixStream, W>;
    type Receiver = StreamReceiver<UnixStream, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (first, second) = UnixStream::pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?.into(), shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), shape)
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let stream = UnixStream::from(address.descriptor(end)?.duplicate()?);
        let other = stream.try_clone()?;
        Ok((StreamSender::new(stream, shape)?, StreamReceiver::new(other, shape)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy::<W>(shape, UNIX_BUFFER_BYTES)
    }
}
