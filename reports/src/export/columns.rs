//! Columns of an export: one table. The parameters and metrics among them follow from their own tables.

use std::borrow::Cow;

use ipcmark_record::metric::{self, Metric};
use ipcmark_record::{GroupLimits, PARAMETERS, Parameter, Record, Role, RoleCost, Values};
use serde::{Serialize, Serializer};

use crate::analyse::trials::cost_ns;
use crate::identity::machine_id;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in UTF-8.
    Text,
    /// Whole number of 64 bits with a sign.
    Integer,
    /// Floating point number of 64 bits.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    /// Its name in documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// Value of one column in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'r> {
    /// No value: null in JSON and Parquet, nothing in CSV.
    Empty,
    /// Text.
    Text(Cow<'r, str>),
    /// Whole number.
    Integer(i64),
    /// Floating point number.
    Number(f64),
    /// True or false.
    Boolean(bool),
}

impl Cell<'_> {
    /// Its text in CSV.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(number) => number.to_string().into(),
            Self::Number(number) => number.to_string().into(),
            Self::Boolean(value) => value.to_string().into(),
        }
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Boolean(value) => serializer.serialize_bool(*value),
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name, which ends in the unit.
    pub name: &'static str,
    /// Type of its values.
    pub kind: Kind,
    /// Documentation.
    pub doc: &'static str,
    /// Where its values come from.
    source: Source,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Record(for<'r> fn(&'r Record) -> Cell<'r>),
    Parameter(&'static Parameter),
    Metric(&'static Metric),
}

impl Column {
    /// Unit of its numbers; empty for counts, ratios and texts.
    pub fn unit(&self) -> &'static str {
        match (self.kind, self.source) {
            (Kind::Integer | Kind::Number, _) => metric::unit(self.name),
            _ => "",
        }
    }

    /// Its value in the row of `record`.
    pub fn cell<'r>(&self, record: &'r Record) -> Cell<'r> {
        match self.source {
            Source::Record(read) => read(record),
            Source::Parameter(row) => {
                let fits = row.fits(record.case.measure);
                let value = row.get(&record.case.params).or_else(|| row.usual.filter(|_| fits).map(str::to_owned));
                match (value, self.kind) {
                    (None, _) => Cell::Empty,
                    (Some(value), Kind::Integer) => value.parse().map_or(Cell::Empty, Cell::Integer),
                    (Some(value), _) => Cell::Text(value.into()),
                }
            }
            Source::Metric(row) => number(record.outcome.metric(row.name)),
        }
    }
}

/// Every column, in order.
pub fn columns() -> Vec<Column> {
    let parameters = PARAMETERS.iter().map(|row| Column {
        name: row.name,
        kind: if row.values == Values::Number { Kind::Integer } else { Kind::Text },
        doc: row.doc.trim_ascii(),
        source: Source::Parameter(row),
    });
    let metrics = metric::ALL.iter().map(|row| Column {
        name: row.name,
        kind: Kind::Number,
        doc: row.doc.trim_ascii(),
        source: Source::Metric(row),
    });
    let fixed = |columns: &'static [Column]| columns.iter().copied();
    fixed(TRIAL).chain(parameters).chain(fixed(RESULT)).chain(metrics).chain(fixed(COSTS)).chain(fixed(RUN)).collect()
}

const fn column(name: &'static str, kind: Kind, read: for<'r> fn(&'r Record) -> Cell<'r>, doc: &'static str) -> Column {
    Column { name, kind, doc, source: Source::Record(read) }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn maybe(text: Option<&String>) -> Cell<'_> {
    text.map_or(Cell::Empty, |text| Cell::Text(text.into()))
}

fn word<'r>(word: &impl ToString) -> Cell<'r> {
    owned(word.to_string())
}

fn owned<'r>(text: String) -> Cell<'r> {
    Cell::Text(text.into())
}

fn number<'r>(number: Option<f64>) -> Cell<'r> {
    number.map_or(Cell::Empty, Cell::Number)
}

fn integer<'r>(number: impl TryInto<i64>) -> Cell<'r> {
    number.try_into().map_or(Cell::Empty, Cell::Integer)
}

fn boolean<'r>(value: Option<bool>) -> Cell<'r> {
    value.map_or(Cell::Empty, Cell::Boolean)
}

/// Sum over the roles of a trial, without CPU hogs.
fn sum(record: &Record, cost: fn(&RoleCost) -> u64) -> Cell<'_> {
    let Some(roles) = &record.outcome.roles else { return Cell::Empty };
    integer(roles.iter().filter(|role| role.role != Role::Hog.word()).map(cost).sum::<u64>())
}

use Kind::{Boolean, Integer, Number, Text};

/// What was measured.
const TRIAL: &[Column] = &[
    column("run_id", Text, |r| text(&r.run_id), "Run of the trial."),
    column("plan", Text, |r| text(&r.suite.plan), "Name of the plan."),
    column(
        "machine",
        Text,
        |r| owned(machine_id(&r.machine.facts)),
        "Fingerprint of the machine; host name and processor without one.",
    ),
    column("host", Text, |r| text(&r.machine.facts.hostname), "Host name."),
    column("case_key", Text, |r| text(&r.case_key), "The case as a path, equal on all machines."),
    column("repetition", Integer, |r| integer(r.repetition), "Repetition, each with fresh processes, from 0."),
    column(
        "attempt",
        Integer,
        |r| integer(r.attempt),
        "Attempt at this repetition, from 0. The last one that was not disturbed counts, else the last one.",
    ),
    column(
        "added",
        Boolean,
        |r| Cell::Boolean(r.added),
        "Added to the plan's repetitions, because the interval of the case was wide.",
    ),
    column("order_in_run", Integer, |r| integer(r.order_in_run), "Position in the shuffled schedule, from 0."),
    column("started_at", Text, |r| text(&r.started_at), "Start, RFC 3339 in UTC."),
    column("ended_at", Text, |r| text(&r.ended_at), "End, RFC 3339 in UTC."),
    column("family", Text, |r| text(&r.case.family), "Family of the mechanism."),
    column("mechanism", Text, |r| text(&r.case.mechanism), "Mechanism."),
    column("wait", Text, |r| r.case.wait.as_ref().map_or(Cell::Empty, word), "What an idle endpoint does."),
    column("kind", Text, |r| r.case.group.as_ref().map_or(Cell::Empty, word), "Kind of mechanism."),
    column(
        "program",
        Text,
        |r| maybe(r.case.program.as_ref()),
        "Participant that played the roles; empty for this program.",
    ),
    column("measure", Text, |r| word(&r.case.measure), "Measure."),
    column("isolation", Text, |r| word(&r.case.isolation), "Processes or threads."),
    column("placement", Text, |r| word(&r.case.placement), "Placement class of the roles."),
    column("cpus", Text, |r| owned(spaced(&r.cpus)), "CPUs of the roles, in order; empty when unpinned."),
];

/// What came of it.
const RESULT: &[Column] = &[
    column("status", Text, |r| word(&r.outcome.status), "Measured, failed or skipped."),
    column("verdict", Text, |r| r.outcome.verdict.as_ref().map_or(Cell::Empty, word), "How far to trust the trial."),
    column("why", Text, |r| maybe(r.outcome.why.as_ref()), "Reason for status or verdict."),
    column(
        "main_metric",
        Text,
        |r| r.case.main_metric().map_or(Cell::Empty, |main| text(main.name)),
        "Name of the metric that answers the measure's question.",
    ),
    column("main_value", Number, main_value, "Its value, in its own unit."),
    column(
        "cost_ns",
        Number,
        |r| number(cost_ns(r)),
        "The same as a time for one unit of work, so that less is better for every measure.",
    ),
    column(
        "floor_ns",
        Number,
        |r| number(r.outcome.floor.as_ref().map(|floor| floor.ns)),
        "Floor measured on the CPUs of the trial next to it, to compare with `cost_ns`.",
    ),
    column(
        "floor_name",
        Text,
        |r| r.outcome.floor.as_ref().map_or(Cell::Empty, |floor| text(&floor.name)),
        "Name of this floor.",
    ),
    column(
        "floor_is_reference",
        Boolean,
        |r| boolean(r.outcome.floor.as_ref().map(|floor| floor.reference)),
        "The case may be faster than this floor.",
    ),
    column("messages", Integer, |r| integer(r.count.messages), "Messages, or round trips, of the hot phase."),
    column("warm_up_time_ns", Integer, |r| integer(r.warm_up_ns), "Length of the warm-up."),
];

/// What it used, and what disturbed it.
const COSTS: &[Column] = &[
    column("roles", Integer, |r| sum(r, |_| 1), "Roles of the trial; this and the next columns without CPU hogs."),
    column("user_ns", Integer, |r| sum(r, |role| role.user_ns), "User time of all roles in the hot phase."),
    column("system_ns", Integer, |r| sum(r, |role| role.system_ns), "System time of all roles."),
    column("running_ns", Integer, |r| sum(r, |role| role.running_ns), "Time that roles were on a CPU."),
    column("ready_ns", Integer, |r| sum(r, |role| role.ready_ns), "Time that roles waited for a CPU."),
    column(
        "blocked_ns",
        Integer,
        |r| sum(r, |role| role.blocked_ns),
        "Time that roles neither ran nor waited for a CPU.",
    ),
    column(
        "voluntary_switches",
        Integer,
        |r| sum(r, |role| role.voluntary_switches),
        "Voluntary context switches of all roles.",
    ),
    column(
        "involuntary_switches",
        Integer,
        |r| sum(r, |role| role.involuntary_switches),
        "Involuntary context switches of all roles.",
    ),
    column("minor_faults", Integer, |r| sum(r, |role| role.minor_faults), "Page faults without input or output."),
    column("major_faults", Integer, |r| sum(r, |role| role.major_faults), "Page faults with input or output."),
    column("migrations", Integer, |r| integer(r.noise.migrations), "Times that a role was found on another CPU."),
    column(
        "steal_ms",
        Integer,
        |r| integer(r.noise.after.steal_ms.saturating_sub(r.noise.before.steal_ms)),
        "Time that the hypervisor took from the CPUs of the trial.",
    ),
    column("load_before", Number, |r| number(Some(r.noise.before.load)), "One-minute load average before the trial."),
    column("throttled_us", Integer, throttled, "Time that a CPU quota stopped the control group."),
    column("other_run", Boolean, |r| Cell::Boolean(r.noise.other_run), "Another run was on the machine."),
];

/// Where and with what it was measured.
const RUN: &[Column] = &[
    column("boot_id", Text, |r| maybe(r.machine.facts.boot_id.as_ref()), "Boot of the kernel."),
    column("cpu_model", Text, |r| text(&r.machine.facts.cpu_model), "Processor."),
    column(
        "processor_design",
        Text,
        |r| maybe(r.machine.facts.processor_design.as_ref()),
        "Vendor, family, model and stepping.",
    ),
    column("microcode", Text, |r| maybe(r.machine.facts.microcode.as_ref()), "Microcode."),
    column("architecture", Text, |r| text(&r.machine.facts.architecture), "Architecture."),
    column(
        "cpus_allowed",
        Integer,
        |r| integer(r.machine.facts.cpus_allowed.len()),
        "Number of CPUs that the run could use.",
    ),
    column("smt", Boolean, |r| boolean(r.machine.facts.smt_active), "Simultaneous multithreading is on."),
    column("cpufreq_driver", Text, |r| maybe(r.machine.facts.cpufreq_driver.as_ref()), "Frequency driver."),
    column("governor", Text, |r| maybe(r.machine.facts.governor.as_ref()), "Frequency governor."),
    column("boost", Boolean, |r| boolean(r.machine.facts.boost), "Boost is on."),
    column("idle_governor", Text, |r| maybe(r.machine.facts.idle_governor.as_ref()), "Idle governor."),
    column("clock_source", Text, |r| maybe(r.machine.facts.clocksource.as_ref()), "Clock source."),
    column("hypervisor", Text, |r| maybe(r.machine.facts.hypervisor.as_ref()), "Hypervisor; empty if none was seen."),
    column("container", Text, |r| maybe(r.machine.facts.container.as_ref()), "Container; empty if none was seen."),
    column("quota_cpus", Number, quota, "CPU quota of the control groups."),
    column("memory_bytes", Integer, |r| integer(r.machine.facts.memory_bytes), "Memory."),
    column("numa_nodes", Integer, |r| integer(r.machine.facts.numa_nodes), "Memory nodes."),
    column(
        "transparent_huge_pages",
        Text,
        |r| maybe(r.machine.facts.transparent_huge_pages.as_ref()),
        "Transparent huge pages.",
    ),
    column("kernel", Text, |r| text(&r.machine.facts.kernel), "Kernel."),
    column(
        "kernel_command_line",
        Text,
        |r| maybe(r.machine.facts.kernel_command_line.as_ref()),
        "Its command line, without parameters that only serve the boot.",
    ),
    column("preemption", Text, |r| maybe(r.machine.facts.preemption.as_ref()), "Preemption model."),
    column(
        "mitigations",
        Text,
        |r| owned(r.machine.facts.mitigations.join("; ")),
        "Mitigations and open vulnerabilities of the processor.",
    ),
    column("operating_system", Text, |r| text(&r.machine.facts.operating_system), "Operating system."),
    column("libc", Text, |r| maybe(r.machine.facts.libc.as_ref()), "C library."),
    column("suite_version", Text, |r| text(&r.suite.version), "Version of the suite."),
    column("revision", Text, |r| text(&r.suite.revision), "Revision of its source."),
    column("compiler", Text, |r| text(&r.suite.build.rustc), "Compiler."),
    column("build_profile", Text, |r| text(&r.suite.build.profile), "Build profile."),
    column("versions", Text, versions, "Libraries and participants with their versions."),
    column("plan_hash", Text, |r| text(&r.suite.plan_hash), "Equal hashes mean equal cases and times."),
    column("seed", Text, |r| word(&r.suite.seed), "Seed of the shuffle."),
    column("schema", Integer, |r| integer(r.schema), "Version of the record's form."),
];

fn main_value(record: &Record) -> Cell<'_> {
    let value = |name: &str| record.outcome.metric(name);
    number(record.case.main_metric().and_then(|main| value(main.name)))
}

fn spaced(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn throttled(record: &Record) -> Cell<'_> {
    let times = record.noise.before.throttling.zip(record.noise.after.throttling);
    times.map_or(Cell::Empty, |(before, after)| integer(after.throttled_us.saturating_sub(before.throttled_us)))
}

fn quota(record: &Record) -> Cell<'_> {
    number(record.machine.facts.group_limits.as_ref().and_then(|limits: &GroupLimits| limits.quota_cpus))
}

fn versions(record: &Record) -> Cell<'_> {
    let versions = &record.suite.versions;
    if versions.is_empty() {
        return Cell::Empty;
    }
    owned(versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join("; "))
}
