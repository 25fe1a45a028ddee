//! What is known of program and machine, side by side. The tables of facts are in `ipcmark_record`.

use std::collections::BTreeMap;

use ipcmark_record::Part;
use serde::Serialize;

use super::collect::{Collector, RunData};
use crate::analyse::statistics::median;

/// Fact of program or machine, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactRow {
    /// Name of the fact.
    pub name: String,
    /// Values of each arm, without repeats.
    pub values: Vec<Vec<String>>,
    /// Whether an arm has other values than the base. Which machine it is explains no difference.
    pub differs: bool,
}

impl FactRow {
    /// `the kernel differs: "6.1" in base, "6.18" in new`.
    pub fn sentence(&self, arms: &[super::Arm]) -> String {
        let of_arm = |(values, arm): (&Vec<String>, &super::Arm)| format!("{:?} in {}", values.join(" and "), arm.name);
        let each: Vec<String> = self.values.iter().zip(arms).map(of_arm).collect();
        format!("the {} differs: {}", self.name, each.join(", "))
    }
}

/// Facts of a run: part, name and value, the program first.
fn of_run(run: &RunData) -> Vec<(Part, String, String)> {
    let plan = [("plan", run.suite.plan.clone()), ("plan (its hash)", run.suite.plan_hash.clone())];
    let plan = plan.into_iter().map(|(name, value)| (Part::Program, name.to_owned(), value));
    let tables = run.suite.table().into_iter().chain(run.facts.table());
    plan.chain(tables.map(|fact| (fact.part, fact.name.to_string(), fact.text().to_owned()))).collect()
}

/// A fact with the number of runs of each value, by arm.
type Counted = (Part, String, Vec<BTreeMap<String, usize>>);

/// Facts of all runs, in the order of their tables.
pub fn facts(from: &Collector) -> Vec<FactRow> {
    let arms = from.arms.len();
    let mut rows: Vec<Counted> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for run in &from.of_run {
        for (part, name, value) in of_run(run) {
            let at = *numbers.entry(name.clone()).or_insert_with(|| {
                rows.push((part, name, vec![BTreeMap::new(); arms]));
                rows.len() - 1
            });
            *rows[at].2[run.arm].entry(value).or_default() += 1;
        }
    }
    let used: Vec<bool> = (0..arms).map(|arm| from.runs(arm).next().is_some()).collect();
    let words = |values: &BTreeMap<String, usize>| -> Vec<String> {
        if values.is_empty() { vec!["unknown".into()] } else { values.keys().cloned().collect() }
    };
    let row = |(part, name, values): Counted| {
        let values: Vec<Vec<String>> = values.iter().map(words).collect();
        let mut compared = values.iter().zip(&used).filter(|(_, used)| **used).map(|(values, _)| values);
        let first = compared.next();
        let differs = part != Part::Identity && !compared.all(|other| Some(other) == first);
        FactRow { name, values, differs }
    };
    rows.into_iter().map(row).collect()
}

/// Whether no known fact of the machine differs between an arm and the base, so that their floors differ by drift only.
pub fn alike(from: &Collector, arm: usize) -> bool {
    let known = |run: &RunData| -> Vec<_> {
        run.facts.table().into_iter().filter(|fact| fact.part != Part::Identity).collect()
    };
    let mut facts = from.runs(0).chain(from.runs(arm)).map(known);
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
