//! Energy counters of the processor packages: Running Average Power Limit through the kernel's powercap files.

use std::time::{Duration, Instant};

use super::tree::Tree;

/// Directory of the kernel's power zones.
const ZONES: &str = "sys/class/powercap";

/// Counters of all packages at one moment, in microjoules. Memory and cores within a package are not counted twice.
pub struct Reading {
    /// Count and range of each package.
    each: Vec<(u64, u64)>,
}

impl Reading {
    /// Reads the counters; `None` where [`missing`] says why.
    pub fn now() -> Option<Self> {
        Self::of(&Tree::system())
    }

    fn of(tree: &Tree) -> Option<Self> {
        let read = |zone: String| {
            let file = |name: &str| tree.number(&format!("{ZONES}/{zone}/{name}"));
            Some((file("energy_uj")?, file("max_energy_range_uj")?))
        };
        let each: Vec<(u64, u64)> = packages(tree).into_iter().map(read).collect::<Option<_>>()?;
        (!each.is_empty()).then_some(Self { each })
    }

    /// Microjoules since an earlier reading. A counter starts again at zero after its range, which takes minutes at least.
    pub fn since(&self, earlier: &Self) -> u64 {
        let grown = |(&(now, range), &(before, _)): (&(u64, u64), &(u64, u64))| {
            if now >= before { now - before } else { range.saturating_sub(before) + now }
        };
        self.each.iter().zip(&earlier.each).map(grown).sum()
    }
}

/// Zones of whole packages: `intel-rapl:0`, on AMD too. `intel-rapl:0:0` is a part of one, `intel-rapl-mmio` another interface
/// to the same counters, and `psys` the whole platform.
fn packages(tree: &Tree) -> Vec<String> {
    let is_package = |zone: &String| {
        zone.strip_prefix("intel-rapl:").is_some_and(|rest| !rest.contains(':'))
            && tree.text(&format!("{ZONES}/{zone}/name")).is_some_and(|name| name.starts_with("package"))
    };
    tree.names(ZONES).into_iter().filter(is_package).collect()
}

/// Why energy cannot be read, and what would help; `None` if it can.
pub fn missing(is_virtual: bool) -> Option<String> {
    missing_in(&Tree::system(), is_virtual)
}

fn missing_in(tree: &Tree, is_virtual: bool) -> Option<String> {
    if Reading::of(tree).is_some() {
        return None;
    }
    Some(match packages(tree).first() {
        Some(zone) => format!(
            "/{ZONES}/{zone}/energy_uj can be read by root only; run as root, or `chmod a+r` the file, which also opens a side \
             channel to other users"
        ),
        None if is_virtual => "this virtual machine has no energy counters; measure on the host".to_owned(),
        None => format!("there is no energy counter of a package under /{ZONES}; `modprobe intel_rapl_msr` adds them"),
    })
}

/// Power of all packages while this process sleeps for `time`, in watts; other load on the machine counts. `None` without
/// counters.
pub fn idle_watts(time: Duration) -> Option<f64> {
    let (before, started) = (Reading::now()?, Instant::now());
    std::thread::sleep(time);
    let spent_uj = Reading::now()?.since(&before);
    Some(spent_uj as f64 / 1e6 / started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    /// Machine with two packages, one of them with a part, and the platform.
    fn packages_with(first_uj: &str, second_uj: &str) -> Fake {
        let mut fake = Fake::new();
        for (zone, name, energy) in [
            ("intel-rapl:0", "package-0", first_uj),
            ("intel-rapl:0:0", "core", "77"),
            ("intel-rapl:1", "package-1", second_uj),
            ("intel-rapl:2", "psys", "99"),
            ("intel-rapl-mmio:0", "package-0", first_uj),
        ] {
            let folder = format!("sys/class/powercap/{zone}");
            fake = fake.file(&format!("{folder}/name"), name).file(&format!("{folder}/max_energy_range_uj"), "1000");
            if !energy.is_empty() {
                fake = fake.file(&format!("{folder}/energy_uj"), energy);
            }
        }
        fake
    }

    #[test]
    fn packages_add_up_and_counters_start_again() {
        let of = |fake: &Fake| Reading::of(&fake.tree()).expect("two packages");
        let earlier = of(&packages_with("100", "900"));
        assert_eq!(of(&packages_with("150", "950")).since(&earlier), 100, "no part and no platform is added");
        assert_eq!(of(&packages_with("150", "50")).since(&earlier), 50 + 150, "the second package started again");
    }

    #[test]
    fn a_counter_that_cannot_be_read_has_its_reason() {
        assert_eq!(missing_in(&packages_with("1", "2").tree(), true), None);
        let why = missing_in(&packages_with("", "").tree(), true).expect("no energy");
        assert!(why.contains("intel-rapl:0/energy_uj can be read by root only"), "{why}");
        let without_zones = |is_virtual| missing_in(&Fake::new().tree(), is_virtual).expect("no zones");
        assert!(without_zones(true).contains("virtual machine") && without_zones(false).contains("modprobe"));
    }

    #[test]
    fn this_machine_has_energy_or_says_why_not() {
        match missing(false) {
            Some(why) => println!("skipped: {why}"),
            None => assert!(Reading::now().is_some_and(|now| now.since(&now) == 0)),
        }
    }
}
