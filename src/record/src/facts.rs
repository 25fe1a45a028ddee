//! Facts of machine and program as one table of names and values. `ipcmark machine`, reports and comparisons follow from it,
//! so a fact is one row here.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Cache, Facts, GroupLimits, HugePages, Suite, Unit};

words! {
    /// Group of facts.
    Part {
        /// Which machine it is. Differs between any two machines, so it explains no difference.
        Identity = "identity",
        /// Processor, caches and clocks.
        Processor = "processor",
        /// Memory and its pages.
        Memory = "memory",
        /// Kernel, its settings and its scheduler.
        Kernel = "kernel",
        /// Limits and surroundings of the process.
        Process = "process",
        /// The program that measured, and the libraries in it.
        Program = "program",
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its group.
    pub part: Part,
    /// Name, unique in the table.
    pub name: Cow<'static, str>,
    /// Value as text; `None` where the system does not tell.
    pub value: Option<String>,
}

impl Fact {
    /// The value, or that there is none.
    pub fn text(&self) -> &str {
        self.value.as_deref().unwrap_or("unknown")
    }
}

/// Rows of one group.
struct Rows(Part, Vec<Fact>);

impl Rows {
    fn add(&mut self, name: impl Into<Cow<'static, str>>, value: Option<String>) -> &mut Self {
        self.1.push(Fact { part: self.0, name: name.into(), value });
        self
    }

    fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.add(name, Some(value.to_owned()))
    }

    fn maybe(&mut self, name: &'static str, value: Option<&String>) -> &mut Self {
        self.add(name, value.cloned())
    }

    fn switch(&mut self, name: &'static str, value: Option<bool>) -> &mut Self {
        self.add(name, value.map(|on| if on { "on" } else { "off" }.to_owned()))
    }
}

impl Facts {
    /// Every fact, in groups.
    ///
    /// ```
    /// use ipcmark_record::Facts;
    /// let facts = Facts { microcode: Some("0x1f".into()), ..Facts::default() };
    /// let rows = facts.table();
    /// assert!(rows.iter().any(|row| row.name == "microcode" && row.text() == "0x1f"));
    /// ```
    pub fn table(&self) -> Vec<Fact> {
        [self.identity(), self.processor(), self.memory(), self.of_kernel(), self.process()].concat()
    }

    fn identity(&self) -> Vec<Fact> {
        let mut rows = Rows(Part::Identity, vec![]);
        rows.text("host", &self.hostname)
            .maybe("fingerprint", self.fingerprint.as_ref())
            .maybe("fingerprint made of", self.fingerprint_sources.as_ref())
            .maybe("boot", self.boot_id.as_ref());
        rows.1
    }

    fn processor(&self) -> Vec<Fact> {
        let mut rows = Rows(Part::Processor, vec![]);
        let ticks = self.ticks_hz.map(|hz| format!("{:.3} GHz", hz as f64 / 1e9));
        let frequency = self.frequency_khz.map(|[low, high]| {
            let mega = |khz: u64| khz as f64 / 1e3;
            format!("{:.0} to {:.0} MHz", mega(low), mega(high))
        });
        rows.text("processor", &self.cpu_model)
            .maybe("processor design", self.processor_design.as_ref())
            .maybe("microcode", self.microcode.as_ref())
            .text("architecture", &self.architecture)
            .text("CPUs online", &list(&self.cpus_online))
            .switch("simultaneous multithreading", self.smt_active)
            .maybe("frequency driver", self.cpufreq_driver.as_ref())
            .maybe("frequency governor", self.governor.as_ref())
            .maybe("energy preference", self.energy_preference.as_ref())
            .add("frequency limits", frequency)
            .switch("boost", self.boost)
            .maybe("idle driver", self.idle_driver.as_ref())
            .maybe("idle governor", self.idle_governor.as_ref())
            .add("idle states", (!self.idle_states.is_empty()).then(|| self.idle_states.join(", ")))
            .maybe("clock source", self.clocksource.as_ref())
            .add("tick counter", Some(ticks.unwrap_or_else(|| "not proven invariant".to_owned())))
            .text("hypervisor", self.hypervisor.as_deref().unwrap_or("none seen"));
        for cache in &self.caches {
            rows.add(cache.name(), Some(cache.text()));
        }
        rows.1
    }

    fn memory(&self) -> Vec<Fact> {
        let mut rows = Rows(Part::Memory, vec![]);
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        let distances: Vec<String> = self.numa_distances.iter().map(|row| list_of(row, " ")).collect();
        rows.add("memory", Some(format!("{gib:.1} GiB")))
            .maybe("memory modules", self.memory_modules.as_ref())
            .add("memory nodes", Some(self.numa_nodes.to_string()))
            .add("distances of memory nodes", (!distances.is_empty()).then(|| distances.join("; ")))
            .maybe("NUMA balancing", self.numa_balancing.as_ref())
            .add("page", Some(Unit::Bytes.show(self.page_bytes)))
            .maybe("transparent huge pages", self.transparent_huge_pages.as_ref())
            .maybe("transparent huge pages, defragmentation", self.transparent_huge_pages_defrag.as_ref())
            .maybe("transparent huge pages, shared memory", self.transparent_huge_pages_shmem.as_ref());
        // Free pages change from minute to minute.
        for HugePages { bytes, reserved, .. } in &self.huge_pages {
            let size = Unit::Bytes.show(*bytes);
            rows.add(format!("huge pages of {size}"), Some(format!("{reserved} reserved")));
        }
        rows.1
    }

    fn of_kernel(&self) -> Vec<Fact> {
        let mut rows = Rows(Part::Kernel, vec![]);
        rows.text("kernel", &self.kernel)
            .maybe("kernel command line", self.kernel_command_line.as_ref())
            .text("operating system", &self.operating_system)
            .maybe("preemption", self.preemption.as_ref())
            .maybe("isolated CPUs", self.isolated_cpus.as_ref())
            .maybe("CPUs without ticks", self.nohz_full_cpus.as_ref())
            .maybe("extensible scheduler", self.sched_ext.as_ref())
            .switch("scheduler groups by session", self.sched_autogroup)
            .add("limit of real-time tasks", self.sched_rt_runtime_us.map(|us| format!("{us} us a period")))
            .maybe("security modules", self.security_modules.as_ref())
            .add("perf_event_paranoid", self.perf_event_paranoid.map(|level| level.to_string()));
        for mitigation in &self.mitigations {
            let (name, state) = mitigation.split_once(": ").unwrap_or(("unknown", mitigation));
            rows.add(format!("mitigation of {name}"), Some(state.to_owned()));
        }
        rows.1
    }

    fn process(&self) -> Vec<Fact> {
        let mut rows = Rows(Part::Process, vec![]);
        rows.text("CPUs allowed", &list(&self.cpus_allowed))
            .text("container", self.container.as_deref().unwrap_or("none seen"))
            .maybe("control groups", self.cgroup_version.as_ref());
        for (name, value) in self.group_limits.iter().flat_map(GroupLimits::named) {
            rows.add(name, Some(value));
        }
        rows.add("timer slack", self.timer_slack_ns.map(|ns| Unit::Nanoseconds.show(ns)))
            .maybe("filter of system calls", self.seccomp.as_ref())
            .maybe("C library", self.libc.as_ref());
        rows.1
    }
}

impl Suite {
    /// The program and its libraries as facts.
    pub fn table(&self) -> Vec<Fact> {
        let build = &self.build;
        let flags = Some(&build.rustflags).filter(|flags| !flags.is_empty());
        let mut rows = Rows(Part::Program, vec![]);
        rows.text("suite", &self.version)
            .text("revision", &self.revision)
            .text("compiler", &build.rustc)
            .text("target", &build.target)
            .add("build", Some(format!("{}, opt-level {}", build.profile, build.opt_level)))
            .text("compiler flags", flags.map_or("none", String::as_str));
        for (name, version) in &self.versions {
            rows.add(format!("version of {name}"), Some(version.clone()));
        }
        rows.1
    }
}

impl Cache {
    /// `level-1 data cache`.
    fn name(&self) -> String {
        let kind = match self.kind.as_str() {
            "Unified" => String::new(),
            kind => kind.to_lowercase() + " ",
        };
        format!("level-{} {kind}cache", self.level)
    }

    fn text(&self) -> String {
        let (size, shared) = (Unit::Bytes.show(self.bytes), list(&self.shared_by_cpus));
        format!("{size}, lines of {} B, shared by CPUs {shared}", self.line_bytes)
    }
}

/// Numbers with ranges: `0-3, 8`.
fn list(numbers: &[u32]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn list_of(numbers: &[u32], between: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_in_a_row_are_a_range() {
        assert_eq!(list(&[8, 0, 1, 2, 3, 10, 11]), "0-3, 8, 10-11");
        assert_eq!(list(&[]), "");
    }

    #[test]
    fn names_are_unique_and_every_field_of_the_facts_has_a_row() {
        let cache = |kind: &str| Cache {
            level: 1,
            kind: kind.into(),
            bytes: 49152,
            line_bytes: 64,
            shared_by_cpus: vec![0, 1],
        };
        let full = Facts {
            caches: vec![cache("Data"), cache("Instruction")],
            huge_pages: vec![HugePages { bytes: 2 << 20, reserved: 8, free: 7 }],
            numa_distances: vec![vec![10, 21], vec![21, 10]],
            mitigations: vec!["meltdown: Mitigation: PTI".into(), "mds: Vulnerable".into()],
            ..Facts::default()
        };
        let rows = full.table();
        let names: BTreeSet<&str> = rows.iter().map(|row| &*row.name).collect();
        assert_eq!(names.len(), rows.len());
        let value = |name: &str| rows.iter().find(|row| row.name == name).map(Fact::text);
        assert_eq!(value("level-1 data cache"), Some("48 KiB, lines of 64 B, shared by CPUs 0-1"));
        assert_eq!(value("huge pages of 2 MiB"), Some("8 reserved"));
        assert_eq!(value("distances of memory nodes"), Some("10 21; 21 10"));
        assert_eq!(value("mitigation of meltdown"), Some("Mitigation: PTI"));
        assert_eq!(value("microcode"), Some("unknown"));
        // Each text, number or switch of the form, set to something that no other has, appears in some row.
        let mut form = serde_json::to_value(&full).expect("plain data");
        let object = form.as_object_mut().expect("an object");
        for name in TEXTS {
            object.insert((*name).into(), format!("value of {name}").into());
        }
        let facts: Facts = serde_json::from_value(form).expect("the same form");
        let shown: Vec<String> = facts.table().iter().filter_map(|row| row.value.clone()).collect();
        for name in TEXTS {
            assert!(shown.contains(&format!("value of {name}")), "{name} has no row");
        }
        let schema = serde_json::to_value(schemars::schema_for!(Facts)).expect("JSON");
        let fields = schema["properties"].as_object().expect("fields").keys();
        let unlisted: Vec<&String> =
            fields.filter(|name| !TEXTS.contains(&name.as_str()) && !OTHERS.contains(&name.as_str())).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}: give it a row in the table, and name it in this test");
    }

    /// Facts that are texts.
    const TEXTS: &[&str] = &[
        "hostname",
        "fingerprint",
        "fingerprint_sources",
        "boot_id",
        "cpu_model",
        "processor_design",
        "microcode",
        "architecture",
        "cpufreq_driver",
        "governor",
        "energy_preference",
        "idle_driver",
        "idle_governor",
        "clocksource",
        "hypervisor",
        "memory_modules",
        "numa_balancing",
        "transparent_huge_pages",
        "transparent_huge_pages_defrag",
        "transparent_huge_pages_shmem",
        "kernel",
        "kernel_command_line",
        "operating_system",
        "preemption",
        "isolated_cpus",
        "nohz_full_cpus",
        "sched_ext",
        "security_modules",
        "container",
        "cgroup_version",
        "seccomp",
        "libc",
    ];

    /// Facts of other types, with rows of their own. The time of the boot serves to tell clones apart only.
    const OTHERS: &[&str] = &[
        "booted_at_s",
        "cpus_online",
        "cpus_allowed",
        "caches",
        "numa_nodes",
        "memory_bytes",
        "page_bytes",
        "ticks_hz",
        "boost",
        "smt_active",
        "mitigations",
        "group_limits",
        "frequency_khz",
        "idle_states",
        "numa_distances",
        "huge_pages",
        "sched_autogroup",
        "sched_rt_runtime_us",
        "perf_event_paranoid",
        "timer_slack_ns",
    ];
}
