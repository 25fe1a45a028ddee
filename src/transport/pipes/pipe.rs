//! Anonymous pipe, blocking, default capacity (64 KiB). The kernel copies in and out; a reader without data sleeps.
//! Cost: two system calls and two copies a message, a wake and a switch when the reader sleeps.
//! Source: pipe(2), pipe(7).

use std::fs::File;
use std::io;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::address::{Address, Descriptor, End};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::{Peers, Shape, Transport};

/// Capacity of a pipe unless it is changed: pipe(7).
const CAPACITY_BYTES: f64 = 65_536.0;

/// The transport.
pub struct Pipe;

impl Transport for Pipe {
    const SUMMARY: &'static str = "anonymous pipe, blocking";
    const GROUP: Group = Group::Pipes;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = StreamSender<File>;
    type Receiver = StreamReceiver<File>;

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(write)], receiver: vec![Descriptor::new(read)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        Ok(StreamSender::new(address.descriptor(End::Sender)?.duplicate()?.into(), shape))
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        Ok(StreamReceiver::new(address.descriptor(End::Receiver)?.duplicate()?.into(), shape))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy(shape, CAPACITY_BYTES)
    }
}
