//! What can only be seen from outside: that somebody who asks for a lock has come to wait for it. A lock has no word for
//! that, and the moment between asking and waiting belongs to nobody's own code. So /proc is asked: one who sleeps is
//! waiting, and so is one who has run for a while and yet does not have it. Source: proc(5).

use std::io;
use std::time::Duration;

use nix::unistd::Pid;

/// Pause between two looks: it leaves the CPU to those who are looked at.
pub(super) const LOOK_AGAIN: Duration = Duration::from_micros(100);

/// CPU time after which one who asks without sleeping is taken to be polling: many times what any lock does first.
const POLLING_NS: u64 = 1_000_000;
/// Looks in a row that must find him asleep: one may fall into a short sleep on the way.
const ASLEEP_LOOKS: u32 = 2;

/// Length of a tick in /proc, on every Linux of today (`USER_HZ`).
const TICK_NS: u64 = 10_000_000;

/// What /proc says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    /// It sleeps.
    pub(super) asleep: bool,
    /// It has been on a CPU for so long since it began. The kernel adds it up at each tick of its clock and each switch.
    pub(super) ran_ns: u64,
}

impl Glance {
    /// Looks at `pid`, a child that was not collected yet.
    pub(super) fn at(pid: Pid) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name that comes before the state may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
        let asleep = matches!(fields.first(), Some(&("S" | "D")));
        // Ticks in user mode and in the kernel, where nothing finer is kept.
        let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
        let schedule = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let ran_ns = schedule.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
        Ok(Self { asleep, ran_ns: ran_ns.unwrap_or(ticks * TICK_NS) })
    }
}

/// Looks at one who asks until it is certain that he waits.
#[derive(Debug, Default)]
pub(super) struct Queueing {
    first: Option<Glance>,
    asleep: u32,
}

impl Queueing {
    /// Takes note of another glance; true once he sleeps, or polls.
    pub(super) fn sees(&mut self, glance: Glance, must_sleep: bool) -> bool {
        let first = *self.first.get_or_insert(glance);
        self.asleep = if glance.asleep { self.asleep + 1 } else { 0 };
        let polls = glance.ran_ns.saturating_sub(first.ran_ns) >= POLLING_NS;
        self.asleep >= ASLEEP_LOOKS || (polls && !must_sleep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(asleep: bool, ran_ns: u64) -> Glance {
        Glance { asleep, ran_ns }
    }

    #[test]
    fn a_sleeper_waits_once_he_was_found_asleep_twice_in_a_row() {
        let mut queueing = Queueing::default();
        let seen = [true, false, true, true].map(|asleep| queueing.sees(glance(asleep, 0), true));
        assert_eq!(seen, [false, false, false, true]);
    }

    #[test]
    fn a_poller_waits_once_he_has_run_for_long_and_never_where_sleep_is_wanted() {
        let times = [5_000_000, 5_500_000, 5_000_000 + POLLING_NS];
        let seen_with = |must_sleep| {
            let mut queueing = Queueing::default();
            times.map(|ran_ns| queueing.sees(glance(false, ran_ns), must_sleep))
        };
        assert_eq!(seen_with(false), [false, false, true]);
        assert_eq!(seen_with(true), [false, false, false]);
    }

    #[test]
    fn this_process_runs_while_it_looks_at_itself() {
        let glance = Glance::at(nix::unistd::getpid()).unwrap();
        assert!(glance.ran_ns > 0, "{glance:?}");
    }
}
