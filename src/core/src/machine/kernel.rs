//! Settings of the kernel that move results: command line, preemption, scheduler, security.

use super::tree::{CPUS, Tree};

/// Parameters of the command line that only say what to boot, or what to show meanwhile. They differ between equal machines,
/// and some name disks or addresses.
const OF_THE_BOOT: [&str; 20] = [
    "BOOT_IMAGE",
    "initrd",
    "root",
    "rootfstype",
    "rootflags",
    "rootwait",
    "ro",
    "rw",
    "init",
    "rdinit",
    "resume",
    "ip",
    "ds",
    "hostname",
    "console",
    "quiet",
    "splash",
    "rhgb",
    "loglevel",
    "crashkernel",
];
/// The same for all parameters of one owner.
const OWNERS: [&str; 5] = ["rd.", "systemd.", "luks.", "cloud", "vconsole."];

/// The command line without parameters that only serve the boot, and without the arguments of the first process.
pub(super) fn command_line(tree: &Tree) -> Option<String> {
    let text = tree.text("proc/cmdline")?;
    let own = text.split_whitespace().take_while(|word| *word != "--");
    let moving = own.filter(|word| {
        let name = word.split('=').next().unwrap_or_default();
        !OF_THE_BOOT.contains(&name) && !OWNERS.iter().any(|owner| name.starts_with(owner))
    });
    Some(moving.collect::<Vec<_>>().join(" "))
}

/// Preemption model: as chosen now, where that is readable, else as asked for or built.
pub(super) fn preemption(tree: &Tree, version: &str) -> Option<String> {
    if tree.flag("sys/kernel/realtime") == Some(true) {
        return Some("rt".to_owned());
    }
    let chosen = tree.text("sys/kernel/debug/sched/preempt").and_then(|text| {
        let (_, rest) = text.split_once('(')?;
        Some(rest.split_once(')')?.0.to_owned())
    });
    let asked = || {
        let line = tree.text("proc/cmdline")?;
        let word = line.split_whitespace().find_map(|word| word.strip_prefix("preempt="))?;
        Some(format!("{word} (command line)"))
    };
    // `#1 SMP PREEMPT_DYNAMIC ...`, or `PREEMPT(lazy)` since Linux 6.14. Without such a word nothing is preempted.
    let built = || {
        let word = version.split_whitespace().find(|word| word.starts_with("PREEMPT"));
        Some(format!("{} (build)", word.unwrap_or("none or voluntary")))
    };
    chosen.or_else(asked).or_else(built)
}

/// CPUs that a file lists; `none` for an empty one.
pub(super) fn cpus(tree: &Tree, file: &str) -> Option<String> {
    let path = format!("{CPUS}/{file}");
    let list = tree.text(&path).filter(|list| list != "(null)");
    list.or_else(|| tree.target(&path).map(|_| "none".to_owned()))
}

/// Scheduler that a program has loaded.
pub(super) fn sched_ext(tree: &Tree) -> Option<String> {
    let state = tree.text("sys/kernel/sched_ext/state")?;
    Some(tree.text("sys/kernel/sched_ext/root/ops").unwrap_or(state))
}

/// Filters of system calls on this process, each of which every system call passes.
pub(super) fn seccomp(tree: &Tree) -> Option<String> {
    let status = tree.text("proc/self/status")?;
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (value("Seccomp:")?, value("Seccomp_filters:")) {
        ("0", _) => Some("none".to_owned()),
        ("1", _) => Some("strict".to_owned()),
        (_, Some(count)) => Some(format!("{count} filters")),
        (_, None) => Some("filters".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    #[test]
    fn the_command_line_keeps_what_moves_results() {
        let line = "BOOT_IMAGE=/vmlinuz-6.1 root=UUID=7f-3 ro quiet rd.luks.uuid=9 systemd.unit=x mitigations=off \
                    isolcpus=2-3 nohz_full=2-3 -- --secret word";
        let fake = Fake::new().file("proc/cmdline", line);
        assert_eq!(command_line(&fake.tree()).as_deref(), Some("mitigations=off isolcpus=2-3 nohz_full=2-3"));
        assert_eq!(command_line(&Fake::new().tree()), None);
    }

    #[test]
    fn preemption_is_the_chosen_the_asked_or_the_built_one() {
        let version = "#1 SMP PREEMPT_DYNAMIC Thu Jan 1";
        let none = Fake::new();
        assert_eq!(preemption(&none.tree(), version).as_deref(), Some("PREEMPT_DYNAMIC (build)"));
        assert_eq!(preemption(&none.tree(), "#1 SMP").as_deref(), Some("none or voluntary (build)"));
        let asked = none.file("proc/cmdline", "quiet preempt=full");
        assert_eq!(preemption(&asked.tree(), version).as_deref(), Some("full (command line)"));
        let chosen = asked.file("sys/kernel/debug/sched/preempt", "none voluntary (lazy) full\n");
        assert_eq!(preemption(&chosen.tree(), version).as_deref(), Some("lazy"));
        let real_time = chosen.file("sys/kernel/realtime", "1");
        assert_eq!(preemption(&real_time.tree(), version).as_deref(), Some("rt"));
    }

    #[test]
    fn an_empty_list_of_cpus_is_none_and_a_missing_one_unknown() {
        let fake =
            Fake::new().file("sys/devices/system/cpu/isolated", "\n").file("sys/devices/system/cpu/nohz_full", "2-3\n");
        assert_eq!(cpus(&fake.tree(), "isolated").as_deref(), Some("none"));
        assert_eq!(cpus(&fake.tree(), "nohz_full").as_deref(), Some("2-3"));
        assert_eq!(cpus(&Fake::new().tree(), "isolated"), None);
    }

    #[test]
    fn filters_and_loaded_schedulers_are_told() {
        let status = |seccomp: &str| Fake::new().file("proc/self/status", &format!("Name:\tx\n{seccomp}\n"));
        assert_eq!(seccomp(&status("Seccomp:\t0\nSeccomp_filters:\t0").tree()).as_deref(), Some("none"));
        assert_eq!(seccomp(&status("Seccomp:\t2\nSeccomp_filters:\t1").tree()).as_deref(), Some("1 filters"));
        assert_eq!(seccomp(&status("").tree()), None);
        let fake =
            Fake::new().file("sys/kernel/sched_ext/state", "enabled\n").file("sys/kernel/sched_ext/root/ops", "lavd");
        assert_eq!(sched_ext(&fake.tree()).as_deref(), Some("lavd"));
        assert_eq!(
            sched_ext(&Fake::new().file("sys/kernel/sched_ext/state", "disabled").tree()).as_deref(),
            Some("disabled")
        );
    }
}
