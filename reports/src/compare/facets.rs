//! What is known of suite and machine, and differs between arms.
//!
//! The facts are taken as they are serialised, so that a new fact is compared without a line here. The table names those
//! whose field name is no plain word.

use std::collections::BTreeMap;

use serde_json::Value;

use super::collect::{Collector, RunData};
use crate::analyse::statistics::median;

/// Fact that differs between arms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactDifference {
    /// Name of the fact.
    pub name: String,
    /// Values of each arm, without repeats.
    pub values: Vec<Vec<String>>,
}

impl FactDifference {
    /// `the kernel differs: "6.1" in base, "6.18" in new`.
    pub fn sentence(&self, arms: &[super::Arm]) -> String {
        let of_arm = |(values, arm): (&Vec<String>, &super::Arm)| format!("{:?} in {}", values.join(" and "), arm.name);
        let each: Vec<String> = self.values.iter().zip(arms).map(of_arm).collect();
        format!("the {} differs: {}", self.name, each.join(", "))
    }
}

/// Names of facts by path.
const NAMES: [(&str, &str); 14] = [
    ("suite.plan", "plan"),
    ("suite.plan_hash", "plan (its hash)"),
    ("suite.version", "suite version"),
    ("suite.revision", "suite revision"),
    ("suite.build.profile", "build profile"),
    ("suite.build.rustc", "compiler"),
    ("suite.build.rustflags", "extra compiler flags"),
    ("machine.cpu_model", "processor"),
    ("machine.hostname", "host name"),
    ("machine.smt_active", "use of hardware threads"),
    ("machine.ticks_hz", "frequency of the tick counter"),
    ("machine.group_limits.quota_cpus", "CPU quota"),
    ("machine.group_limits.weight", "CPU weight of the control group"),
    ("machine.group_limits.cpuset", "cpuset of the control group"),
];

/// Facts that change nothing: the question is part of the plan, and the seed orders the trials.
const LEFT_OUT: [&str; 2] = ["suite.question", "suite.seed"];

/// Facts of a run by path, as text.
fn facts(run: &RunData) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (name, value) in [("suite", serde_json::to_value(&run.suite)), ("machine", serde_json::to_value(&run.facts))] {
        // Plain data can always be serialised.
        flatten(name.to_owned(), value.unwrap_or_default(), &mut flat);
    }
    flat.retain(|path, _| !LEFT_OUT.contains(&path.as_str()));
    flat
}

fn flatten(path: String, value: Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}.{name}"), value, into);
            }
        }
        Value::Null => {}
        other => {
            into.insert(path, text(&other));
        }
    }
}

/// A value in words: lists with commas, fields of a list's entry with spaces.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{} {}", plain(name), text(value));
            fields.iter().map(field).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn plain(name: &str) -> String {
    name.replace('_', " ")
}

fn name(path: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == path).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| plain(path.split_once('.').map_or(path, |(_, rest)| rest)).replace('.', ", "))
}

/// Facts with different values in different arms, suite first.
pub fn differing(from: &Collector) -> Vec<FactDifference> {
    let arms = from.arms.len();
    let mut all: BTreeMap<String, Vec<BTreeMap<String, usize>>> = BTreeMap::new();
    for run in &from.of_run {
        for (path, value) in facts(run) {
            let values = all.entry(path).or_insert_with(|| vec![BTreeMap::new(); arms]);
            *values[run.arm].entry(value).or_default() += 1;
        }
    }
    let used: Vec<bool> = (0..arms).map(|arm| from.runs(arm).next().is_some()).collect();
    let differing = all.into_iter().filter_map(|(path, values)| {
        let words = |values: &BTreeMap<String, usize>| -> Vec<String> {
            if values.is_empty() { vec!["not known".into()] } else { values.keys().cloned().collect() }
        };
        let values: Vec<Vec<String>> = values.iter().map(words).collect();
        let mut compared = values.iter().zip(&used).filter(|(_, used)| **used).map(|(values, _)| values);
        let first = compared.next()?;
        let same = compared.all(|other| other == first);
        (!same).then(|| (path.starts_with("machine"), FactDifference { name: name(&path), values }))
    });
    let mut found: Vec<(bool, FactDifference)> = differing.collect();
    found.sort_by_key(|(of_machine, _)| *of_machine);
    found.into_iter().map(|(_, difference)| difference).collect()
}

/// Whether no known fact of the machine differs between an arm and the base, so that their floors differ by drift only.
pub fn alike(from: &Collector, arm: usize) -> bool {
    let mut facts = from.runs(0).chain(from.runs(arm)).map(|run| &run.facts);
    facts.next().is_none_or(|first| facts.all(|other| other == first))
}

/// Prices measured beside the trials that differ by more than a tenth.
pub fn prices(from: &Collector) -> Vec<String> {
    let of_arm = |arm: usize| median(from.pauses[arm].iter().map(|&ns| f64::from(ns)));
    let Some(base) = from.pauses.first().and_then(|_| of_arm(0)) else { return Vec::new() };
    let sentence = |arm: usize| {
        let other = of_arm(arm).filter(|other| base.max(*other) > 1.1 * base.min(*other))?;
        let [first, second] = [&from.arms[0].name, &from.arms[arm].name];
        Some(format!("the price of a pause hint differs: {base:.1} ns in {first}, {other:.1} ns in {second}"))
    };
    (1..from.arms.len()).filter_map(sentence).collect()
}
