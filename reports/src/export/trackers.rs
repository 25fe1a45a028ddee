//! Summaries for programs that track results over time: one value a case, the median over repetitions with its interval.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::ensure;
use ipcmark_record::{MainMetric, Record, Verdict, Wait, metric};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::analyse::statistics::{Estimate, Interval};
use crate::analyse::study::summarise;
use crate::analyse::summary::{CaseSummary, shown};
use crate::read::Recording;

/// Form that a tracker reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracker {
    /// The tool `customSmallerIsBetter` of github-action-benchmark: an array, rates as time per message.
    GithubActionBenchmark,
    /// Bencher Metric Format: an object of cases, each with its measures.
    Bencher,
    /// Text exposition format of Prometheus, version 0.0.4: gauges of one run.
    Prometheus,
}

/// The text for a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summaries {
    /// All of it, with a line feed at the end.
    pub text: String,
    /// Number of cases in it.
    pub cases: usize,
    /// Number of cases without a valid number: failed, skipped, untimed, or a lock that lost updates.
    pub left_out: usize,
}

/// Summarises every case with a valid number.
///
/// Errors: records of several machines; for Prometheus, of several runs.
pub fn summaries(recording: &Recording, tracker: Tracker) -> anyhow::Result<Summaries> {
    recording.of_one_machine()?;
    let all = summarise(&recording.records);
    let cases: Vec<Tracked<'_>> = all.iter().filter_map(Tracked::of).collect();
    let text = match tracker {
        Tracker::GithubActionBenchmark => pretty(&cases.iter().map(Tracked::benchmark).collect::<Vec<_>>()),
        Tracker::Bencher => pretty(&cases.iter().map(Tracked::metrics).collect::<Map<_, _>>()),
        Tracker::Prometheus => exposition(&cases, sole_run(&recording.records)?),
    };
    Ok(Summaries { text, cases: cases.len(), left_out: all.len() - cases.len() })
}

fn pretty(value: &impl Serialize) -> String {
    format!("{:#}\n", json!(value))
}

/// A case with a valid number.
struct Tracked<'a> {
    summary: &'a CaseSummary,
    main: MainMetric,
    typical: Estimate,
}

impl<'a> Tracked<'a> {
    fn of(summary: &'a CaseSummary) -> Option<Self> {
        let (main, typical) = (summary.main?, summary.typical?);
        (summary.verdict != Some(Verdict::Caught)).then_some(Self { summary, main, typical })
    }

    /// The estimate in nanoseconds for one unit of work, so that less is better.
    fn cost(&self) -> Estimate {
        let ns = |value| self.main.cost_ns(value);
        let interval = self.typical.interval.map(|Interval { low, high }| {
            if self.main.is_rate() { Interval { low: ns(high), high: ns(low) } } else { Interval { low, high } }
        });
        Estimate { value: ns(self.typical.value), interval, ..self.typical }
    }

    /// Unit of [`Self::cost`].
    fn cost_unit(&self) -> &'static str {
        if self.main.is_rate() { "ns" } else { metric::unit(self.main.name) }
    }

    /// One entry of the array for github-action-benchmark.
    fn benchmark(&self) -> Value {
        let cost = self.cost();
        let mut entry = json!({
            "name": self.summary.case_key,
            "unit": self.cost_unit(),
            "value": cost.value,
            "extra": self.remarks(),
        });
        if let Some(Interval { low, high }) = cost.interval {
            entry["range"] = json!(format!("{low:.4} to {high:.4}"));
        }
        entry
    }

    /// What the number is made of, a line each.
    fn remarks(&self) -> String {
        let repetitions = self.typical.repetitions;
        let ends = self.typical.ends().map_or_else(String::new, |ends| format!(", {ends}"));
        let mut lines = vec![format!("median of {repetitions} repetitions{ends}")];
        lines.push(format!("{}: {}", self.summary.verdict_word(), self.summary.why));
        if self.main.is_rate() {
            lines.push(format!("{} {}", self.main.name, shown(self.main, self.typical.value)));
        }
        lines.join("\n").replace('\u{202f}', " ")
    }

    /// One entry of Bencher's object.
    fn metrics(&self) -> (String, Value) {
        let (latency, throughput, idle) = ("latency", "throughput", "idle-cpu");
        let main = match metric::unit(self.main.name) {
            "ns" => latency,
            "1/s" => throughput,
            _ => idle,
        };
        let mut measures = Map::new();
        let mut add = |name: &str, estimate: Option<Estimate>| {
            if let Some(Estimate { value, interval, .. }) = estimate {
                let mut metric = json!({ "value": value });
                if let Some(Interval { low, high }) = interval {
                    (metric["lower_value"], metric["upper_value"]) = (json!(low), json!(high));
                }
                measures.insert(name.to_owned(), metric);
            }
        };
        add(main, Some(self.typical));
        add("latency-p99", self.summary.p99_ns);
        let alone = |value| Estimate { value, interval: None, repetitions: self.typical.repetitions };
        add("cpu-time-per-message", self.summary.cpu_ns_per_message.map(alone));
        (self.summary.case_key.clone(), Value::Object(measures))
    }

    /// Labels of its samples.
    fn labels(&self) -> String {
        let case = &self.summary.case;
        let bytes = case.params.message_bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        labels(&[
            ("case", &self.summary.case_key),
            ("family", &case.family),
            ("mechanism", &case.mechanism),
            ("wait", case.wait.map_or("", Wait::word)),
            ("measure", case.measure.word()),
            ("isolation", case.isolation.word()),
            ("placement", case.placement.word()),
            ("message_bytes", &bytes),
        ])
    }

    /// The main metric, if its unit is `unit`.
    fn main_in(&self, unit: &str) -> Option<Estimate> {
        (metric::unit(self.main.name) == unit).then_some(self.typical)
    }
}

const NS: f64 = 1e-9;

/// A gauge with the value of each case, in seconds, bytes or a number.
struct Gauge {
    /// Name before and after `_lower` or `_upper`.
    name: (&'static str, &'static str),
    help: &'static str,
    scale: f64,
    value: fn(&Tracked<'_>) -> Option<Estimate>,
}

const GAUGES: [Gauge; 6] = [
    Gauge {
        name: ("time", "_seconds"),
        help: "Time of one unit of work, median over repetitions",
        scale: NS,
        value: |case| case.main_in("ns"),
    },
    Gauge {
        name: ("rate", "_per_second"),
        help: "Units of work a second, median over repetitions",
        scale: 1.0,
        value: |case| case.main_in("1/s"),
    },
    Gauge {
        name: ("idle_cpu", "_ratio"),
        help: "CPU time in a second without work, median over repetitions",
        scale: NS,
        value: |case| case.main_in("ns/s"),
    },
    Gauge {
        name: ("latency_p50", "_seconds"),
        help: "Median of the latency distribution, median over repetitions",
        scale: NS,
        value: |case| case.summary.p50_ns,
    },
    Gauge {
        name: ("latency_p99", "_seconds"),
        help: "99th percentile of the latency distribution, median over repetitions",
        scale: NS,
        value: |case| case.summary.p99_ns,
    },
    Gauge {
        name: ("latency_p999", "_seconds"),
        help: "99.9th percentile of the latency distribution, median over repetitions",
        scale: NS,
        value: |case| case.summary.p999_ns,
    },
];

/// The run of all records.
fn sole_run(records: &[Record]) -> anyhow::Result<Option<&Record>> {
    let runs: BTreeSet<&str> = records.iter().map(|record| record.run_id.as_str()).collect();
    ensure!(
        runs.len() <= 1,
        "the text for Prometheus has one run, and these are {}: {}; name the recording of one run",
        runs.len(),
        runs.into_iter().collect::<Vec<_>>().join(", ")
    );
    Ok(records.iter().max_by(|a, b| a.ended_at.cmp(&b.ended_at)))
}

fn exposition(cases: &[Tracked<'_>], last: Option<&Record>) -> String {
    let mut out = Exposition(String::new());
    if let Some(record) = last {
        let (suite, facts) = (&record.suite, &record.machine.facts);
        let info = labels(&[
            ("run_id", &record.run_id),
            ("plan", &suite.plan),
            ("suite_version", &suite.version),
            ("hostname", &facts.hostname),
            ("cpu_model", &facts.cpu_model),
            ("kernel", &facts.kernel),
        ]);
        out.gauge("ipcmark_run_info", "The run, its plan and its machine", [(info, 1.0)]);
        let end = humantime::parse_rfc3339_weak(&record.ended_at).ok();
        let since = end.and_then(|end| end.duration_since(std::time::UNIX_EPOCH).ok());
        let when = since.map(|since| (String::new(), since.as_secs_f64()));
        out.gauge("ipcmark_run_end_timestamp_seconds", "End of the last trial, seconds since 1970", when);
    }
    for Gauge { name: (name, unit), help, scale, value } in GAUGES {
        let mut add = |ending: &str, what: &str, read: fn(Estimate) -> Option<f64>| {
            let read = |case: &Tracked<'_>| Some((case.labels(), value(case).and_then(read)? * scale));
            let name = format!("ipcmark_{name}{ending}{unit}");
            out.gauge(&name, &format!("{help}{what}"), cases.iter().filter_map(read));
        };
        add("", "", |estimate| Some(estimate.value));
        add("_lower", ": lower end of its interval", |estimate| Some(estimate.interval?.low));
        add("_upper", ": upper end of its interval", |estimate| Some(estimate.interval?.high));
    }
    let cpu = |case: &Tracked<'_>| Some((case.labels(), case.summary.cpu_ns_per_message? * NS));
    out.gauge(
        "ipcmark_cpu_per_message_seconds",
        "CPU time of all roles for one message, median over repetitions",
        cases.iter().filter_map(cpu),
    );
    let bytes = |case: &Tracked<'_>| Some((case.labels(), case.summary.bytes_per_s?));
    out.gauge(
        "ipcmark_payload_bytes_per_second",
        "Verified payload, median over repetitions",
        cases.iter().filter_map(bytes),
    );
    let repetitions = |case: &Tracked<'_>| (case.labels(), case.typical.repetitions as f64);
    out.gauge("ipcmark_repetitions", "Repetitions behind the median", cases.iter().map(repetitions));
    let verdict = |case: &Tracked<'_>| {
        (labels(&[("case", &case.summary.case_key), ("verdict", case.summary.verdict_word())]), 1.0)
    };
    out.gauge("ipcmark_verdict_info", "Verdict on the case", cases.iter().map(verdict));
    out.0
}

/// Text in the exposition format.
struct Exposition(String);

impl Exposition {
    /// Adds a gauge with its samples; nothing without any.
    fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, f64)>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_some() {
            self.line(format_args!("# HELP {name} {help}."));
            self.line(format_args!("# TYPE {name} gauge"));
        }
        for (labels, value) in samples {
            self.line(format_args!("{name}{labels} {value:e}"));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes any text");
    }
}

/// `{name="value",...}` with escaped values; an empty label is the same as none.
fn labels(all: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let set = all.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = set.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}
