//! Facts that explain why two machines differ, from `/proc`, `/sys`, CPUID and `uname`.

use std::ffi::OsStr;

use nix::sys::utsname::{UtsName, uname};
use nix::unistd::{SysconfVar, sysconf};

use super::tree::{CPUS, Tree};
use super::{cgroup, container, identity, kernel, libc_version, memory};
use crate::record::{Cache, Facts};
use crate::{clock, pin};

/// Facts about this computer, and whether its topology is reliable, which it is not under a hypervisor. Facts that the
/// system does not provide are `None`, `unknown` or empty.
pub fn read() -> (Facts, bool) {
    let tree = Tree::system();
    let online = tree.list(&format!("{CPUS}/online"));
    let cpus_allowed = pin::allowed_cpus().ok().or_else(|| online.clone()).unwrap_or_default();
    let cpu = cpus_allowed.first().copied().unwrap_or(0);
    let hypervisor = hypervisor(&tree);
    let topology_trusted = hypervisor.is_none();
    let name = std::env::var(identity::MACHINE_NAME).ok();
    let (fingerprint, fingerprint_sources) =
        identity::fingerprint(&tree, name.as_deref()).map(|it| (it.text, it.sources)).unzip();
    let cpuinfo = tree.text("proc/cpuinfo");
    let of_cpu = |file: &str| tree.text(&format!("{CPUS}/cpu{cpu}/{file}"));
    let thp = |file: &str| chosen_word(&tree.text(&format!("sys/kernel/mm/transparent_hugepage/{file}"))?);
    let facts = Facts {
        hostname: uname_word(UtsName::nodename),
        fingerprint,
        fingerprint_sources,
        boot_id: identity::boot_id(&tree),
        booted_at_s: identity::booted_at_s(&tree),
        cpu_model: cpuinfo.as_deref().and_then(cpu_model).unwrap_or_else(|| "unknown".into()),
        architecture: uname_word(UtsName::machine),
        cpus_online: online.unwrap_or_else(|| cpus_allowed.clone()),
        cpus_allowed,
        caches: caches(&tree, cpu),
        numa_nodes: tree.list("sys/devices/system/node/online").map_or(1, |nodes| nodes.len() as u32),
        memory_bytes: tree.text("proc/meminfo").and_then(|text| memory_bytes(&text)).unwrap_or(0),
        page_bytes: sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
        kernel: kernel(),
        operating_system: operating_system(&tree).unwrap_or_else(|| "unknown".into()),
        hypervisor,
        clocksource: tree.text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        ticks_hz: clock::ticks_hz(),
        governor: of_cpu("cpufreq/scaling_governor"),
        cpufreq_driver: of_cpu("cpufreq/scaling_driver"),
        energy_preference: of_cpu("cpufreq/energy_performance_preference"),
        frequency_khz: frequency_khz(&tree, cpu),
        boost: boost(&tree),
        idle_driver: tree.text(&format!("{CPUS}/cpuidle/current_driver")),
        idle_governor: idle_governor(&tree),
        idle_states: idle_states(&tree, cpu),
        smt_active: tree.flag(&format!("{CPUS}/smt/active")),
        processor_design: identity::processor_design(&tree),
        microcode: cpuinfo.as_deref().and_then(|text| field(text, "microcode")).map(str::to_owned),
        memory_modules: memory::modules(&tree),
        numa_distances: memory::numa_distances(&tree),
        numa_balancing: memory::numa_balancing(&tree),
        transparent_huge_pages: thp("enabled"),
        transparent_huge_pages_defrag: thp("defrag"),
        transparent_huge_pages_shmem: thp("shmem_enabled"),
        huge_pages: memory::huge_pages(&tree),
        mitigations: mitigations(&tree),
        kernel_command_line: kernel::command_line(&tree),
        preemption: kernel::preemption(&tree, &uname_word(UtsName::version)),
        isolated_cpus: kernel::cpus(&tree, "isolated"),
        nohz_full_cpus: kernel::cpus(&tree, "nohz_full"),
        sched_ext: kernel::sched_ext(&tree),
        sched_autogroup: tree.flag("proc/sys/kernel/sched_autogroup_enabled"),
        sched_rt_runtime_us: tree.signed("proc/sys/kernel/sched_rt_runtime_us"),
        security_modules: tree.text("sys/kernel/security/lsm"),
        perf_event_paranoid: tree.signed("proc/sys/kernel/perf_event_paranoid"),
        container: container::container(&tree, |name| std::env::var(name).ok()),
        cgroup_version: cgroup::version(&tree),
        group_limits: cgroup::limits(&tree),
        timer_slack_ns: tree.number("proc/self/timerslack_ns"),
        seccomp: kernel::seccomp(&tree),
        libc: Some(libc_version::libc_version()),
    };
    (facts, topology_trusted)
}

/// Release and version of the kernel; the version names the preemption model, which affects wake-up times.
pub fn kernel() -> String {
    format!("{} {}", uname_word(UtsName::release), uname_word(UtsName::version))
}

fn uname_word(part: fn(&UtsName) -> &OsStr) -> String {
    uname().map_or_else(|_| "unknown".to_owned(), |system| part(&system).to_string_lossy().into_owned())
}

/// The processor's name in `/proc/cpuinfo`. Arm kernels give numbers instead, which are listed once per kind of core.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    if let Some(name) = field(cpuinfo, "model name") {
        return Some(name.to_owned());
    }
    let mut kinds: Vec<String> = Vec::new();
    for block in cpuinfo.split("\n\n") {
        if let (Some(maker), Some(part)) = (field(block, "CPU implementer"), field(block, "CPU part")) {
            let kind = format!("Arm implementer {maker} part {part}");
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    (!kinds.is_empty()).then(|| kinds.join(" + "))
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn memory_bytes(meminfo: &str) -> Option<u64> {
    let kibibytes = field(meminfo, "MemTotal")?.strip_suffix("kB")?;
    Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
}

fn operating_system(tree: &Tree) -> Option<String> {
    let text = tree.text("etc/os-release").or_else(|| tree.text("usr/lib/os-release"))?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches(['"', '\'']).to_owned())
}

/// The word in brackets: `always [madvise] never`.
fn chosen_word(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn boost(tree: &Tree) -> Option<bool> {
    tree.flag(&format!("{CPUS}/cpufreq/boost"))
        .or_else(|| tree.flag(&format!("{CPUS}/intel_pstate/no_turbo")).map(|off| !off))
}

fn frequency_khz(tree: &Tree, cpu: u32) -> Option<[u64; 2]> {
    let limit = |which: &str| tree.number(&format!("{CPUS}/cpu{cpu}/cpufreq/scaling_{which}_freq"));
    Some([limit("min")?, limit("max")?])
}

fn idle_governor(tree: &Tree) -> Option<String> {
    let file = |name: &str| tree.text(&format!("{CPUS}/cpuidle/{name}"));
    file("current_governor").or_else(|| file("current_governor_ro"))
}

/// Idle states that the governor may choose, the lightest first.
fn idle_states(tree: &Tree, cpu: u32) -> Vec<String> {
    let folder = format!("{CPUS}/cpu{cpu}/cpuidle");
    let file = |state: &str, name: &str| format!("{folder}/{state}/{name}");
    let mut states = tree.names(&folder);
    states.sort_by_key(|state| state.trim_start_matches("state").parse::<u32>().unwrap_or(u32::MAX));
    states.retain(|state| tree.flag(&file(state, "disable")) != Some(true));
    states.iter().filter_map(|state| tree.text(&file(state, "name"))).collect()
}

fn mitigations(tree: &Tree) -> Vec<String> {
    let folder = format!("{CPUS}/vulnerabilities");
    let state = |name: String| {
        let state = tree.text(&format!("{folder}/{name}"))?;
        (state != "Not affected").then(|| format!("{name}: {state}"))
    };
    tree.names(&folder).into_iter().filter_map(state).collect()
}

/// Caches of `cpu`, nearest first.
fn caches(tree: &Tree, cpu: u32) -> Vec<Cache> {
    let folder = format!("{CPUS}/cpu{cpu}/cache");
    let cache = |index: String| {
        let file = |name: &str| format!("{folder}/{index}/{name}");
        Some(Cache {
            level: tree.number(&file("level"))? as u32,
            kind: tree.text(&file("type"))?,
            bytes: size_bytes(&tree.text(&file("size"))?)?,
            line_bytes: tree.number(&file("coherency_line_size"))? as u32,
            shared_by_cpus: tree.list(&file("shared_cpu_list")).unwrap_or_default(),
        })
    };
    let mut caches: Vec<_> = tree.names(&folder).into_iter().filter_map(cache).collect();
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// Parses the kernel's short sizes: `48K`, `32M`.
fn size_bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    match &text[split..] {
        "" => Some(number),
        "K" => Some(number << 10),
        "M" => Some(number << 20),
        _ => None,
    }
}

/// Hypervisor of a virtual machine.
fn hypervisor(tree: &Tree) -> Option<String> {
    hypervisor_by_cpuid()
        .or_else(|| tree.text("sys/hypervisor/type"))
        .or_else(|| tree.text("proc/device-tree/hypervisor/compatible"))
        .or_else(|| {
            let firmware = |name| tree.text(&format!("sys/class/dmi/id/{name}")).unwrap_or_default();
            virtual_product(&firmware("sys_vendor"), &firmware("product_name"))
        })
}

#[cfg(target_arch = "x86_64")]
fn hypervisor_by_cpuid() -> Option<String> {
    let cpuid = raw_cpuid::CpuId::new();
    cpuid.get_feature_info().filter(raw_cpuid::FeatureInfo::has_hypervisor)?;
    Some(cpuid.get_hypervisor_info().map_or_else(|| "unknown".into(), |info| format!("{:?}", info.identify())))
}

#[cfg(target_arch = "aarch64")]
fn hypervisor_by_cpuid() -> Option<String> {
    None
}

/// Name that firmware gives a virtual machine; aarch64 has no CPU flag for that.
fn virtual_product(vendor: &str, product: &str) -> Option<String> {
    const NAMES: [&str; 8] = [
        "KVM",
        "QEMU",
        "Virtual Machine",
        "VMware",
        "VirtualBox",
        "BHYVE",
        "Google Compute Engine",
        "Apple Virtualization",
    ];
    let name = format!("{vendor} {product}").trim().to_owned();
    // This vendor uses the same name for bare machines and virtual ones.
    let rented = vendor == "Amazon EC2" && !product.contains("metal");
    (rented || NAMES.iter().any(|known| name.contains(known))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    #[test]
    fn the_model_is_a_name_or_the_parts_of_an_arm_machine() {
        let x86 = "processor\t: 0\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n";
        assert_eq!(cpu_model(x86).as_deref(), Some("AMD EPYC"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\n\
                   processor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\n\
                   processor\t: 2\nCPU implementer\t: 0x41\nCPU part\t: 0xd0a\n";
        let both = "Arm implementer 0x41 part 0xd05 + Arm implementer 0x41 part 0xd0a";
        assert_eq!(cpu_model(arm).as_deref(), Some(both));
        assert_eq!(cpu_model(""), None);
    }

    #[test]
    fn memory_is_given_in_kibibytes() {
        assert_eq!(memory_bytes("MemTotal:       24684096 kB\nMemFree: 1 kB\n"), Some(24_684_096 * 1024));
        assert_eq!(memory_bytes("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn sizes_have_a_suffix() {
        assert_eq!(size_bytes("48K"), Some(48 * 1024));
        assert_eq!(size_bytes("32M"), Some(32 << 20));
        assert_eq!(size_bytes("512"), Some(512));
        assert_eq!(size_bytes("K"), None);
        assert_eq!(size_bytes("1 furlong"), None);
    }

    #[test]
    fn the_chosen_word_is_in_brackets() {
        assert_eq!(chosen_word("always [madvise] never").as_deref(), Some("madvise"));
        assert_eq!(chosen_word("always"), None);
    }

    #[test]
    fn firmware_of_a_virtual_machine_is_recognised_by_name() {
        assert_eq!(virtual_product("QEMU", "KVM Virtual Machine").as_deref(), Some("QEMU KVM Virtual Machine"));
        assert!(virtual_product("Amazon EC2", "c7g.large").is_some());
        assert_eq!(virtual_product("Amazon EC2", "c7g.metal"), None);
        assert_eq!(virtual_product("Dell Inc.", "PowerEdge R750"), None);
        assert_eq!(virtual_product("", ""), None);
    }

    #[test]
    fn this_computer_is_described() {
        let (facts, trusted) = read();
        assert!(!facts.cpus_allowed.is_empty());
        assert!(facts.page_bytes.is_power_of_two());
        assert!(facts.memory_bytes > 0);
        assert_eq!(trusted, facts.hypervisor.is_none());
    }

    #[test]
    fn idle_states_are_those_that_are_allowed_in_order() {
        let mut fake = Fake::new().file("sys/devices/system/cpu/cpuidle/current_governor_ro", "menu");
        for (state, name, disable) in [(0, "POLL", "0"), (1, "C1", "0"), (2, "C6", "1"), (10, "C10", "0")] {
            let folder = format!("sys/devices/system/cpu/cpu3/cpuidle/state{state}");
            fake = fake.file(&format!("{folder}/name"), name).file(&format!("{folder}/disable"), disable);
        }
        assert_eq!(idle_states(&fake.tree(), 3), ["POLL", "C1", "C10"]);
        assert_eq!(idle_governor(&fake.tree()).as_deref(), Some("menu"));
        assert!(idle_states(&fake.tree(), 4).is_empty());
    }

    #[test]
    fn an_empty_tree_yields_no_facts_and_no_failure() {
        let nowhere = Tree::at("/nowhere/at/all");
        assert!(caches(&nowhere, 0).is_empty());
        assert!(mitigations(&nowhere).is_empty());
        assert_eq!(boost(&nowhere), None);
        assert_eq!(operating_system(&nowhere), None);
    }
}
