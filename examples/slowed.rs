//! A transport that burns a share of its time: a known slowdown, which `ipcmark ab` has to find. `SLOWED_BY=3` in the
//! environment of a side adds 3 % to its round trips, half of it at each end.
//! Run it: `cargo run --release -p ipcmark-harness --example slowed -- ab --plan examples/slowed.toml --b-env SLOWED_BY=3`

use ipcmark::address::{Address, Descriptor, Endpoint};
use ipcmark::record::{Group, Isolation, Wait};
use ipcmark::transport::{Peers, Receiver, Sender, Shape, Transport};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Instant;

struct Slowed;
struct Slow {
    socket: UnixStream,
    message: Vec<u8>,
    /// Share of the time since the last message that is burnt before the next one.
    share: f64,
    sent: Instant,
}

impl Slow {
    fn new(address: &Address, end: Endpoint, shape: &Shape) -> io::Result<Self> {
        let percent = std::env::var("SLOWED_BY").map_or(Ok(0.0), |text| text.parse::<f64>());
        let percent = percent.map_err(|_| io::Error::other("SLOWED_BY is a percentage, such as 3"))?;
        let message = vec![0; shape.message_bytes];
        Ok(Self {
            socket: address.descriptor(end)?.duplicate()?.into(),
            message,
            share: percent / 200.0,
            sent: Instant::now(),
        })
    }
}

impl Sender for Slow {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.message.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{len} bytes, not {}", self.message.len()),
            ));
        }
        let until = self.sent.elapsed().mul_f64(1.0 + self.share);
        while self.sent.elapsed() < until {
            std::hint::spin_loop();
        }
        self.sent = Instant::now();
        fill(&mut self.message);
        self.socket.write_all(&self.message)
    }
}

impl Receiver for Slow {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.socket.read_exact(&mut self.message)?;
        Ok(read(&self.message))
    }
}

impl Transport for Slowed {
    const SUMMARY: &'static str = "example: a Unix socket pair that burns SLOWED_BY percent of its time";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Slow;
    type Receiver = Slow;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes > 0 { Ok(()) } else { Err("a byte stream carries no empty message".to_owned()) }
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (sender, receiver) = UnixStream::pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(sender)], receiver: vec![Descriptor::new(receiver)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Slow> {
        Slow::new(address, Endpoint::Sender, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Slow> {
        Slow::new(address, Endpoint::Receiver, shape)
    }
}

fn main() -> ExitCode {
    ipcmark_harness::Suite::new().transport::<Slowed>("slowed-socket/block").main()
}
