//! Named pipe (FIFO), blocking. After both endpoints have opened it, it acts as an anonymous pipe. Cost: as
//! [`pipe`](super::pipe). Source: fifo(7), mkfifo(3).
//!
//! The receiving worker creates it in its temporary directory, which is removed with the trial. The open of one
//! endpoint waits for the other, so both workers open their channels in the same order.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{TRANSFER, capacity};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::Block;
use crate::transport::{Offer, Peers, Shape, Transport};

/// Transport over a FIFO.
pub struct Fifo;

impl Transport for Fifo {
    const SUMMARY: &'static str = "named pipe of the default capacity, made by the receiver";
    const GROUP: Group = Group::Pipes;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = StreamSender<File>;
    type Receiver = StreamReceiver<File>;

    fn unavailable() -> Option<String> {
        capacity::unavailable(capacity::DEFAULT)
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let path = FifoPath::make()?;
        let text = path.0.to_str().ok_or_else(|| io::Error::other("the path of TMPDIR is not UTF-8"))?.to_owned();
        Ok(Offer { text: Some(text), keep: Some(Box::new(path)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        let path = peers.text.ok_or_else(|| io::Error::other("the receiver offered no FIFO"))?;
        StreamSender::new(OpenOptions::new().write(true).open(Path::new(&path))?, shape)
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        let path = peers.keep.and_then(|kept| kept.downcast::<FifoPath>().ok());
        let path = path.ok_or_else(|| io::Error::other("no FIFO was kept from the offer"))?;
        let fifo = File::open(&path.0)?;
        // Both endpoints are open now, so the name is no longer needed.
        drop(path);
        capacity::set(&fifo, capacity::DEFAULT)?;
        StreamReceiver::new(fifo, shape)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<Block>(shape, TRANSFER, capacity::bytes(capacity::DEFAULT) as f64)
    }
}

/// Path of a FIFO, removed on drop.
struct FifoPath(PathBuf);

impl FifoPath {
    /// Creates a FIFO for this user only, with a name that is unique in this process.
    fn make() -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ipcmark.{}.{number}.fifo", process::id()));
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Self(path))
    }
}

impl Drop for FifoPath {
    fn drop(&mut self) {
        // It may be removed already.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::record::{Case, Measure};
    use crate::transport::{Receiver, Sender};

    fn shape() -> Shape {
        Shape::of(&Case::new("transport", "fifo", Measure::Stream).with(|p| p.message_bytes = Some(8)))
    }

    #[test]
    fn a_fifo_is_removed_once_both_endpoints_are_open() {
        let shape = shape();
        let Offer { text, keep } = Fifo::offer(&Address::Offered, &shape, Endpoint::Receiver).expect("a FIFO");
        let path = text.clone().expect("a path");
        assert!(Path::new(&path).exists());
        thread::scope(|scope| {
            scope.spawn(|| {
                let peers = Peers { text, ..Peers::default() };
                let mut sender = Fifo::attach_sender(&Address::Offered, peers, &shape).expect("a receiver");
                sender.send(8, |room| room.fill(5)).expect("room");
            });
            let peers = Peers { keep, ..Peers::default() };
            let mut receiver = Fifo::attach_receiver(&Address::Offered, peers, &shape).expect("a sender");
            assert_eq!(receiver.receive(<[u8]>::to_vec).expect("a message"), [5; 8]);
        });
        assert!(!Path::new(&path).exists());
    }

    #[test]
    fn an_unused_offer_leaves_no_file() {
        let offer = Fifo::offer(&Address::Offered, &shape(), Endpoint::Receiver).expect("a FIFO");
        let path = offer.text.clone().expect("a path");
        drop(offer);
        assert!(!Path::new(&path).exists());
    }
}
