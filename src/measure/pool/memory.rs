//! What memory a worker has to itself. Pages that several processes map count for each in proportion.
//! Source: proc(5), `smaps_rollup`.

use std::fs;

use crate::pool::Hand;

/// Proportional share of each worker that is a process, in bytes.
pub(super) fn shares(hands: &[Hand]) -> Vec<f64> {
    let share = |hand: &Hand| match hand {
        Hand::Process(pid) => share_in(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?),
        Hand::Thread(_) => None,
    };
    hands.iter().filter_map(share).collect()
}

fn share_in(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib << 10) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_found_among_other_lines() {
        let rollup = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:    900 kB\nPss:    123 kB\nPss_Anon:  7 kB\n";
        assert_eq!(share_in(rollup), Some(123.0 * 1024.0));
        assert_eq!(share_in("Rss: 1 kB\n"), None);
        assert!(shares(&[Hand::Thread(1)]).is_empty());
        assert!(shares(&[Hand::Process(std::process::id())]).iter().all(|bytes| *bytes > 0.0));
    }
}
