//! sigqueue(3) and sigtimedwait(2): a real-time signal, of which the kernel queues every instance in order. The sender
//! yields and retries at `RLIMIT_SIGPENDING`. Cost: a call and a small kernel allocation at the sender, where the C
//! library also fetches its process and user id; a call at the receiver; a wake and a context switch. Source:
//! signal(7), sigqueue(3), sigtimedwait(2).

use std::io;

use nix::unistd::Pid;

use super::signals::{self, Blocked};
use super::{Listener, Listening, Notifier, Notifying, cost_model, supports};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Measure, Wait};
use crate::transport::peer::Peer;
use crate::transport::slice::{self, SLICE};
use crate::transport::{MEASURES_APART, Offer, Peers, Shape, Topology, Transport};

/// Transport over a real-time signal.
pub struct NotifyRtSignal;

/// Sender.
pub struct Queuer {
    pid: Pid,
    signal: i32,
}

/// Receiver.
pub struct RtSignalEnd(Blocked);

impl Transport for NotifyRtSignal {
    const SUMMARY: &'static str = "queued real-time signal, no payload";
    const GROUP: Group = Group::Notification;
    // A signal to this process may be delivered to any of its threads.
    const MEASURES: &'static [Measure] = MEASURES_APART;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<Queuer>;
    type Receiver = Listening<RtSignalEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// Blocks the signal before a peer can send it; unblocked, it would end the worker.
    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let signal = signals::real_time();
        Ok(Offer { keep: Some(Box::new(Blocked::new(signal)?)), ..Peer::offer(signal as usize) })
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        let to = Peer::of(&peers)?;
        let signal = signals::real_time();
        if to.number != signal as usize {
            let why = format!("the receiver waits for signal {}, but {signal} is sent", to.number);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Notifying(Queuer { pid: to.pid, signal }))
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(RtSignalEnd(*peers.kept()?)))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let mut counts = cost_model(shape);
        // getpid(2) and getuid(2), which sigqueue(3) calls for every signal.
        counts.sender.system_calls += 2.0;
        counts
    }
}

impl Notifier for Queuer {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        while !signals::queue(self.pid, self.signal)? {
            slice::yield_now()?;
        }
        Ok(())
    }
}

impl Listener for RtSignalEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        while !self.0.wait(SLICE)? {
            slice::check()?;
        }
        Ok(())
    }
}
