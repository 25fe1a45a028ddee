//! A live process that the other end of a channel has to name: its number, and one more that tells what to find there. Not
//! a mechanism: signals, copies between address spaces and rings of another process build on it.

use std::fs;
use std::io;

use nix::unistd::Pid;
use rustix::process::{PTracer, set_ptracer};
use rustix::thread::{CapabilitySet, capabilities};

use super::{Offer, Peers};

/// The process at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Never a process group, never everybody.
    pub(super) pid: Pid,
    /// What it offered: a signal, an address, a descriptor.
    pub(super) number: usize,
}

impl Peer {
    /// What this process offers: itself and `number`.
    pub(super) fn offer(number: usize) -> Offer {
        Offer { text: Some(format!("{} {number}", std::process::id())), keep: None }
    }

    /// What the other end offered.
    ///
    /// Errors: `InvalidData` when that was nothing, or no single process.
    pub(super) fn of(peers: &Peers) -> io::Result<Self> {
        let text = peers.text.as_deref().unwrap_or_default();
        let read = || {
            let (pid, number) = text.split_once(' ')?;
            let pid = pid.parse().ok().filter(|pid| *pid > 1)?;
            Some(Self { pid: Pid::from_raw(pid), number: number.parse().ok()? })
        };
        read().ok_or_else(|| {
            let why = format!("the other end offered `{text}` where a process and a number were due");
            io::Error::new(io::ErrorKind::InvalidData, why)
        })
    }
}

/// Lets other processes of this user look into this one, where Yama would only let its parents do so. Elsewhere they may
/// anyway, so that it cannot be asked for is no error.
pub(super) fn let_others_look() {
    let _ = set_ptracer(PTracer::Any);
}

/// Why no process may look into another one that lets it: ptrace(2), "Ptrace access mode checking".
pub(super) fn looking_is_forbidden() -> Option<String> {
    const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";
    // Not there: Yama is not part of this kernel.
    let scope = fs::read_to_string(SCOPE).ok()?;
    let may_trace = || capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_PTRACE));
    match scope.trim() {
        "0" | "1" => None,
        "2" if may_trace() => None,
        level => Some(format!("kernel.yama.ptrace_scope is {level}: no process may look into another one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Peer> {
        Peer::of(&Peers { text: Some(text.to_owned()), ..Peers::default() })
    }

    #[test]
    fn a_peer_is_one_process() {
        let offered = Peer::offer(7).text.expect("a text");
        let peer = read(&offered).expect("our own offer");
        assert_eq!((peer.pid.as_raw(), peer.number), (std::process::id().cast_signed(), 7));
        for wrong in ["", "0 7", "-1 7", "1 7", "12", "12 x", "99999999999 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
