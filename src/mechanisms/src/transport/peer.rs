//! Peer process that an endpoint addresses directly, by process id and one more number; used by signals, copies between
//! address spaces and rings of other processes.

use std::fs;
use std::io;

use nix::unistd::Pid;
use rustix::process::{PTracer, set_ptracer};
use rustix::thread::{CapabilitySet, capabilities};

use super::{Offer, Peers};

/// Peer process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Process id, at least 2, so never a process group or all processes.
    pub(super) pid: Pid,
    /// Offered number: a signal, an address or a descriptor.
    pub(super) number: usize,
}

impl Peer {
    /// Offer of this process: its process id and `number`.
    pub(super) fn offer(number: usize) -> Offer {
        Offer { text: Some(format!("{} {number}", std::process::id())), keep: None }
    }

    /// Parses the peer's offer.
    ///
    /// Errors: `InvalidData` unless the offer is a process id and a number.
    pub(super) fn of(peers: &Peers) -> io::Result<Self> {
        let text = peers.text.as_deref().unwrap_or_default();
        let read = || {
            let (pid, number) = text.split_once(' ')?;
            let pid = pid.parse().ok().filter(|pid| *pid > 1)?;
            Some(Self { pid: Pid::from_raw(pid), number: number.parse().ok()? })
        };
        read().ok_or_else(|| {
            let why = format!("the peer offered `{text}` instead of a process id and a number");
            io::Error::new(io::ErrorKind::InvalidData, why)
        })
    }
}

/// Allows all processes of this user to access this process's memory, which Yama otherwise restricts to ancestors. An
/// error is ignored, since without Yama access is allowed anyway.
pub(super) fn allow_access() {
    let _ = set_ptracer(PTracer::Any);
}

/// Reason why no process may access another one that allows it: ptrace(2), "Ptrace access mode checking".
pub(super) fn access_forbidden() -> Option<String> {
    const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";
    // Without this file, Yama is not part of the kernel.
    let scope = fs::read_to_string(SCOPE).ok()?;
    let may_trace = || capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_PTRACE));
    match scope.trim() {
        "0" | "1" => None,
        "2" if may_trace() => None,
        level => Some(format!("kernel.yama.ptrace_scope is {level}: no process may access another one's memory")),
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
