//! A transport of another crate beside the built-in ones: a Unix socket pair, one write and one read per message.
//! Run it: `cargo run -p ipcmark-harness --example transport -- run --plan conformance --only my-socket`

use ipcmark::address::{Address, Descriptor, Endpoint};
use ipcmark::record::{Group, Isolation, Wait};
use ipcmark::transport::{Peers, Receiver, Sender, Shape, Transport};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

struct MySocket;
/// One endpoint, and the buffer for a message of the agreed size.
struct Socket(UnixStream, Vec<u8>);

impl Sender for Socket {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.1.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{len} bytes, not {}", self.1.len())));
        }
        fill(&mut self.1);
        self.0.write_all(&self.1)
    }
}

impl Receiver for Socket {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.0.read_exact(&mut self.1)?;
        Ok(read(&self.1))
    }
}

impl Transport for MySocket {
    const SUMMARY: &'static str = "example: a Unix socket pair";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Socket;
    type Receiver = Socket;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes > 0 { Ok(()) } else { Err("a byte stream carries no empty message".to_owned()) }
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (sender, receiver) = UnixStream::pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(sender)], receiver: vec![Descriptor::new(receiver)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Socket> {
        Ok(Socket(address.descriptor(Endpoint::Sender)?.duplicate()?.into(), vec![0; shape.message_bytes]))
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Socket> {
        Ok(Socket(address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), vec![0; shape.message_bytes]))
    }
}

fn main() -> ExitCode {
    ipcmark_harness::Suite::new().transport::<MySocket>("my-socket/block").main()
}
