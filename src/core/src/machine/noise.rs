//! System load, read just before and just after a trial.

use std::fs;

use super::cgroup;
use super::tree::Tree;
use crate::record::NoiseReading;

/// Unit of the times in `/proc/stat`: `USER_HZ` is 100 on x86-64 and aarch64, whatever the kernel's own tick rate.
const TICK_MS: u64 = 10;

/// Time stolen from `cpus` since boot (from all CPUs if empty), the load, and throttling by a CPU quota; zero or absent if
/// the system does not provide them.
pub fn read(cpus: &[u32]) -> NoiseReading {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    NoiseReading {
        steal_ms: steal_ms(&stat, cpus),
        load: one_minute_load(&load),
        throttling: cgroup::throttling(&Tree::system()),
    }
}

/// Stolen time in `/proc/stat`: the eighth number after a CPU's name. The line `cpu` is the sum of all CPUs.
fn steal_ms(stat: &str, cpus: &[u32]) -> u64 {
    let wanted = |name: &str| match name.strip_prefix("cpu") {
        Some("") => cpus.is_empty(),
        Some(number) => number.parse().is_ok_and(|cpu| cpus.contains(&cpu)),
        None => false,
    };
    let steal = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().filter(|name| wanted(name))?;
        words.nth(7)?.parse::<u64>().ok()
    };
    stat.lines().filter_map(steal).sum::<u64>() * TICK_MS
}

fn one_minute_load(loadavg: &str) -> f64 {
    loadavg.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  4448 0 1038 187572 1638 0 21 7 0 0\n\
                        cpu0 2005 0 502 94797 73 0 4 2 0 0\n\
                        cpu1 2442 0 535 92775 1564 0 16 4 0 0\n\
                        cpu10 1 0 1 1 1 0 1 1 0 0\n\
                        intr 380695 0 0\nctxt 1\n";

    #[test]
    fn steal_is_summed_over_the_asked_cpus() {
        assert_eq!(steal_ms(STAT, &[]), 70);
        assert_eq!(steal_ms(STAT, &[0]), 20);
        assert_eq!(steal_ms(STAT, &[1, 0]), 60);
        assert_eq!(steal_ms(STAT, &[10]), 10);
        assert_eq!(steal_ms(STAT, &[3]), 0);
    }

    #[test]
    fn two_roles_on_one_cpu_count_its_steal_once() {
        assert_eq!(steal_ms(STAT, &[0, 0]), 20);
    }

    #[test]
    fn the_load_is_the_first_number() {
        assert!((one_minute_load("0.33 0.12 0.04 1/87 7254\n") - 0.33).abs() < f64::EPSILON);
        assert!(one_minute_load("").abs() < f64::EPSILON);
    }

    #[test]
    fn this_system_reports_its_load() {
        assert!(read(&[]).load >= 0.0);
    }
}
