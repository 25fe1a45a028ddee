//! Counters of processes and threads, read from outside. Source: proc(5): `stat`, `status`, `smaps_rollup`; the kernel's
//! sched-stats for `schedstat`.

use std::fs;

/// Counters of a process or a thread, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    /// In ticks of the system's clock.
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
}

impl Stat {
    /// Parses the text of `stat`; zeros if it is empty.
    pub(crate) fn of(stat: &str) -> Self {
        // Fields are counted after the name in brackets, which may contain any character.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<u64> = after_name.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        Self { minor_faults: field(10), major_faults: field(12), user_ticks: field(14), system_ticks: field(15) }
    }
}

/// Nanoseconds that the task in this folder of /proc was ready and waited for a CPU; zero if the kernel does not provide
/// them.
pub(crate) fn ready_ns(folder: &str) -> u64 {
    ready_in(&fs::read_to_string(format!("{folder}/schedstat")).unwrap_or_default())
}

/// The same from the text of `schedstat`.
pub(crate) fn ready_in(schedstat: &str) -> u64 {
    schedstat.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// Voluntary and involuntary switches, from the text of `status`; zeros where it is not there.
pub(crate) fn switches(status: &str) -> (u64, u64) {
    let of = |name| field(status, name).unwrap_or(0);
    (of("voluntary_ctxt_switches:"), of("nonvoluntary_ctxt_switches:"))
}

/// Proportional set size of a process in bytes; `None` if the kernel does not provide it.
pub(crate) fn pss_bytes(pid: u32) -> Option<u64> {
    pss_in(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

/// The same from the text of `smaps_rollup`.
pub(crate) fn pss_in(rollup: &str) -> Option<u64> {
    field(rollup, "Pss:").map(|kib| kib << 10)
}

/// The number after `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (a) b) S 1 77 77 0 -1 4194304 900 0 3 0 12 34 0 0 20 0 1 0 100 1 1";

    #[test]
    fn fields_are_found_behind_a_name_that_looks_like_some() {
        assert_eq!(Stat::of(STAT), Stat { minor_faults: 900, major_faults: 3, user_ticks: 12, system_ticks: 34 });
        let other = Stat::of("7 (a ) b) S 1 2 3 4 5 6 70 8 90 10 200 300 13 14");
        assert_eq!((other.minor_faults, other.major_faults), (70, 90));
        assert_eq!((other.user_ticks, other.system_ticks), (200, 300));
        assert_eq!(Stat::of(""), Stat::default());
    }

    #[test]
    fn times_and_switches_are_found_or_are_zeros() {
        assert_eq!(ready_in("5000 300 9"), 300);
        assert_eq!(ready_in(""), 0);
        assert_eq!(switches("voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n"), (7, 2));
        assert_eq!(switches("Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"), (12, 3));
        assert_eq!(switches(""), (0, 0));
    }

    #[test]
    fn the_share_of_memory_is_found_among_other_lines() {
        let rollup = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:    900 kB\nPss:    123 kB\nPss_Anon:  7 kB\n";
        assert_eq!(pss_in(rollup), Some(123 * 1024));
        assert_eq!(pss_in("Rss: 1 kB\n"), None);
        assert!(pss_bytes(std::process::id()).is_none_or(|bytes| bytes > 0));
    }
}
