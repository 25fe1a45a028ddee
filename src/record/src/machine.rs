//! Where a trial ran: what the computer is, and what it can do at all.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, Placement, Sensors};

/// The computer: facts, floors and whether its topology can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// What it is.
    pub facts: Facts,
    /// What it can do at all; absent until measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floors: Option<Floors>,
    /// False under a hypervisor, which may present any topology it likes.
    pub topology_trusted: bool,
    /// Hardware counters and energy.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub sensors: Sensors,
}

impl Machine {
    /// Step of the clock that stamps single events, as far as facts and floors tell.
    pub fn clock_step_ns(&self) -> Option<f64> {
        let ticks = self.facts.ticks_hz.filter(|hz| *hz > 0).map(|hz| 1e9 / hz as f64);
        ticks.or_else(|| Some(self.floors.as_ref()?.clock_step_ns))
    }
}

/// Facts that explain why machines differ. `None` where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // each name says it all
pub struct Facts {
    pub hostname: String,
    /// Keyed hash of what stays after a reboot, an update of the kernel and a new host name: machine-id, permanent addresses
    /// of network adapters, processor; or of the name in `IPCMARK_MACHINE`. Equal on one machine only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Sources of the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_sources: Option<String>,
    /// Keyed hash of the running kernel's boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// When it booted, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted_at_s: Option<u64>,
    pub cpu_model: String,
    pub architecture: String,
    pub cpus_online: Vec<u32>,
    pub cpus_allowed: Vec<u32>,
    pub caches: Vec<Cache>,
    pub numa_nodes: u32,
    pub memory_bytes: u64,
    pub page_bytes: u64,
    pub kernel: String,
    pub operating_system: String,
    pub hypervisor: Option<String>,
    pub clocksource: Option<String>,
    /// The tick counter, when proven invariant: its frequency in Hz.
    pub ticks_hz: Option<u64>,
    pub governor: Option<String>,
    pub boost: Option<bool>,
    pub smt_active: Option<bool>,
    pub transparent_huge_pages: Option<String>,
    /// `name: state` of each processor vulnerability that is mitigated or open.
    pub mitigations: Vec<String>,
    /// Limits of the control groups that the run was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_limits: Option<GroupLimits>,
    /// Vendor, family, model and stepping, or implementer, part, variant and revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor_design: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microcode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpufreq_driver: Option<String>,
    /// Energy and performance preference of the first allowed CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_preference: Option<String>,
    /// Lowest and highest frequency that the governor may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_khz: Option<[u64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_driver: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_governor: Option<String>,
    /// Idle states of the first allowed CPU that are not disabled, the lightest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idle_states: Vec<String>,
    /// Number, size and speed of the memory modules, which only root may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_modules: Option<String>,
    /// Distances of each memory node to all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numa_distances: Vec<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numa_balancing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transparent_huge_pages_defrag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transparent_huge_pages_shmem: Option<String>,
    /// Huge pages of each size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub huge_pages: Vec<HugePages>,
    /// Without parameters that only serve the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_command_line: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preemption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolated_cpus: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nohz_full_cpus: Option<String>,
    /// Scheduler loaded as a program, or the state of that feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sched_ext: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sched_autogroup: Option<bool>,
    /// Time that real-time tasks may take of each period; -1 for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sched_rt_runtime_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_modules: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perf_event_paranoid: Option<i64>,
    /// Container of the run, and in brackets how that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Versions of control groups that are mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<String>,
    /// Time by which the kernel may delay a timer of this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_slack_ns: Option<u64>,
    /// Filters of system calls on this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<String>,
    /// C library and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
}

/// Huge pages of one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HugePages {
    /// Size of a page.
    pub bytes: u64,
    /// Pages set aside.
    pub reserved: u64,
    /// Those of them that nobody uses.
    pub free: u64,
}

/// Limits that control groups set to a run. `None` where a group sets none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupLimits {
    /// CPU quota as a number of CPUs: the lowest of the own group and its parents.
    pub quota_cpus: Option<f64>,
    /// Share of the CPU time where groups compete: `cpu.weight` or `cpu.shares`, with its value in the own group.
    pub weight: Option<String>,
    /// CPUs of the cpuset.
    pub cpuset: Option<Vec<u32>>,
}

impl GroupLimits {
    /// Name and value of each limit that is set.
    ///
    /// ```
    /// use ipcmark_record::GroupLimits;
    /// let limits = GroupLimits { quota_cpus: Some(0.5), ..GroupLimits::default() };
    /// assert_eq!(limits.named(), [("CPU quota of the control group", "0.5 CPUs".to_owned())]);
    /// ```
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let cpus = |list: &Vec<u32>| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let rows = [
            ("CPU quota of the control group", self.quota()),
            ("CPU weight of the control group", self.weight.clone()),
            ("cpuset of the control group", self.cpuset.as_ref().map(cpus)),
        ];
        rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The quota in words: `0.5 CPUs`.
    pub fn quota(&self) -> Option<String> {
        self.quota_cpus.map(|quota| format!("{} CPUs", (quota * 100.0).round() / 100.0))
    }
}

/// One level of cache as the first allowed CPU sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Cache {
    pub level: u32,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    pub bytes: u64,
    pub line_bytes: u32,
    pub shared_by_cpus: Vec<u32>,
}

/// What this machine can do at all. Every price the cost model uses is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floors {
    /// The pair of CPUs the transfers were measured between; one entry when there is only one.
    pub cpus: Vec<u32>,
    /// Placement class of that pair.
    pub placement: Placement,
    /// Round trip over one cache line written by both sides.
    pub line_round_trip_one_ns: Option<f64>,
    /// Round trip over two cache lines, one each way: the floor under every shared-memory round trip.
    pub line_round_trip_two_ns: Option<f64>,
    /// Copy on one core, by size.
    pub copy: Vec<SizedFloor>,
    /// Fill and fold on one core, by size: the work both ends do in every case.
    pub touch: Vec<SizedFloor>,
    /// One core writes, the other reads every byte, both at work at once: nanoseconds per message in a stream.
    pub transfer_stream: Vec<SizedFloor>,
    /// The same in turns: write, hand over, read; nanoseconds one way.
    pub transfer_serial: Vec<SizedFloor>,
    /// One atomic addition to a line that this core owns; absent from recordings made before locks were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atomic_ns: Option<f64>,
    /// One pause hint of the processor, which waiters execute between polls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ns: Option<f64>,
    /// One trivial system call.
    pub system_call_ns: f64,
    /// From ringing a futex on one CPU to the sleeper being awake on the other.
    pub futex_hop_two_cpus_ns: Option<f64>,
    /// One way of a futex ping-pong between two processes on one CPU.
    pub futex_hop_one_cpu_ns: f64,
    /// What the other process's CPU adds to a hop: two-CPU hop less system calls and switch, at least 0.
    pub wake_ns: Option<f64>,
    /// One-CPU hop less its two system calls.
    pub context_switch_ns: f64,
    /// Operations of the kernel and the allocator, in one thread and without a waiter; without those that this machine
    /// refuses, and empty in recordings made before they were measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<Operation, f64>,
    /// First touch of a page of fresh shared memory.
    pub page_fault_ns: f64,
    /// One read of the monotonic clock.
    pub clock_read_ns: f64,
    /// Smallest non-zero step of the monotonic clock.
    pub clock_step_ns: f64,
    /// One read of the tick counter.
    pub tick_read_ns: f64,
    /// What an idle CPU does to a chain of tick reads.
    pub idle_noise: IdleNoise,
}

/// A floor at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizedFloor {
    /// Bytes of one message.
    pub bytes: u64,
    /// Bytes the loop walked over before it came back to the first.
    pub footprint_bytes: u64,
    /// Nanoseconds for one message.
    pub ns: f64,
}

/// Gaps between chained tick reads on a CPU with nothing else to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdleNoise {
    /// How long was listened.
    pub elapsed_ns: u64,
    /// The longest gap.
    pub longest_gap_ns: u64,
    /// Share of the time in gaps over 1 us.
    pub stolen_share: f64,
    /// HDR V2 deflate, base64, nanoseconds.
    pub histogram: String,
}
