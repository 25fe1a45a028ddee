//! Beacons: how runs notice each other if their leases are in different directories.
//!
//! TMPDIR and XDG_RUNTIME_DIR decide where a lease is, and they differ between users, containers and services. A name in
//! the abstract namespace of Unix sockets is visible in the whole network namespace, needs no directory, and disappears
//! with its process. See unix(7) and proc(5).

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

/// What the names begin with; `@` is how `/proc/net/unix` shows an abstract one.
const SHOWN: &str = "@ipcmark.";

/// A live run's name, visible until this is dropped.
#[derive(Debug)]
pub struct Beacon {
    shown: String,
    /// Only its name matters; no client connects. `None` if the name is taken.
    _name: Option<UnixListener>,
}

impl Beacon {
    /// Shows that `run_id` is alive. If that fails, only the leases show it.
    pub fn light(run_id: &str) -> Self {
        let shown = format!("{SHOWN}{run_id}");
        let address = SocketAddr::from_abstract_name(&shown[1..]);
        Self { _name: address.and_then(|address| UnixListener::bind_addr(&address)).ok(), shown }
    }

    /// Whether another run than `ignored` has a beacon.
    pub fn sees_another(&self, ignored: Option<&str>) -> bool {
        let sockets = fs::read("/proc/net/unix").unwrap_or_default();
        String::from_utf8_lossy(&sockets)
            .lines()
            .filter_map(|line| line.split_ascii_whitespace().nth(7))
            .any(|name| name != self.shown && name.strip_prefix(SHOWN).is_some_and(|run| Some(run) != ignored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_beacons_see_each_other_and_a_dropped_one_is_gone() {
        let shows = |name: &str| fs::read_to_string("/proc/net/unix").expect("Linux has it").contains(name);
        let (one, two) = (Beacon::light("beacon-one"), Beacon::light("beacon-two"));
        assert!(one.sees_another(None) && two.sees_another(None));
        assert!(one.sees_another(Some("beacon-one")), "the other one is not ignored");
        drop(two);
        assert!(shows("@ipcmark.beacon-one") && !shows("@ipcmark.beacon-two"));
    }
}
