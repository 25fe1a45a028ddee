//! Causes of a change: the floors of the machines, and what the cost model makes of them for a case.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::collect::{CaseData, InRun, RunData};
use crate::analyse::cost_model::{Moment, Price, Priced, price_case};
use crate::analyse::statistics::median;
use crate::format;

/// Floor of the machines by arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FloorRow {
    /// Name, such as `context switch` or `copy 64 B`.
    pub name: String,
    /// Nanoseconds in each arm: median over runs.
    pub ns: Vec<Option<f64>>,
    /// Whether it is a floor of one value, and not of an operation or of one size.
    pub single: bool,
}

impl FloorRow {
    /// Value in an arm over that in the base.
    pub fn ratio(&self, arm: usize) -> Option<f64> {
        Some(self.ns[arm]? / self.ns[0]?)
    }
}

/// Factor that floors of one machine differ by from run to run.
const DRIFT: f64 = 1.1;
/// Share of the measured time from which a part is named.
const NAMED: f64 = 0.1;

/// Floors of all arms, as they are serialised, in order of name.
pub fn floors<'a>(arms: usize, runs: impl Iterator<Item = &'a RunData>) -> Vec<FloorRow> {
    let mut all: BTreeMap<(bool, String), Vec<Vec<f64>>> = BTreeMap::new();
    for run in runs {
        let value = serde_json::to_value(&run.floors).unwrap_or_default();
        let mut add = |single: bool, name: String, ns: f64| {
            // Single floors come first.
            all.entry((!single, name)).or_insert_with(|| vec![Vec::new(); arms])[run.arm].push(ns);
        };
        for (field, value) in value.as_object().into_iter().flatten() {
            let name = field.trim_end_matches("_ns").replace('_', " ");
            match value {
                Value::Number(ns) if field.ends_with("_ns") => add(true, name, ns.as_f64().unwrap_or(f64::NAN)),
                Value::Array(sizes) => {
                    sized(sizes).for_each(|(bytes, ns)| add(false, format!("{name} {}", format::bytes(bytes)), ns));
                }
                Value::Object(operations) => {
                    let named = operations.iter().filter(|_| field == "operations");
                    named
                        .filter_map(|(one, ns)| Some((one, ns.as_f64()?)))
                        .for_each(|(one, ns)| add(false, one.clone(), ns));
                }
                _ => {}
            }
        }
    }
    let row = |((several, name), values): ((bool, String), Vec<Vec<f64>>)| FloorRow {
        name,
        ns: values.into_iter().map(median).collect(),
        single: !several,
    };
    all.into_iter().map(row).collect()
}

fn sized(sizes: &[Value]) -> impl Iterator<Item = (u64, f64)> {
    sizes.iter().filter_map(|one| Some((one.get("bytes")?.as_u64()?, one.get("ns")?.as_f64()?)))
}

/// Floors of an arm that differ from those of the base by more than a tenth, the largest change first.
pub fn differing(floors: &[FloorRow], arm: usize) -> Vec<(&FloorRow, f64)> {
    let far = |ratio: f64| ratio.ln().abs();
    let each = floors.iter().filter_map(|row| Some((row, row.ratio(arm).filter(|ratio| ratio.is_finite())?)));
    let mut found: Vec<(&FloorRow, f64)> = each.filter(|(_, ratio)| far(*ratio) > DRIFT.ln()).collect();
    found.sort_by(|a, b| far(b.1).total_cmp(&far(a.1)));
    found
}

/// Cost of a case in one arm by price: median over the runs that have floors. `None` without any, or if the counts do not
/// explain the time.
pub fn priced(case: &CaseData, runs: &[InRun<'_>], of_run: &[RunData]) -> Option<Vec<(Price, f64)>> {
    let model = case.cost_model.as_ref()?;
    let of = |(run, trials): &InRun<'_>| -> Option<Priced> {
        let floors = of_run[*run].floors.as_ref()?;
        let cost_ns = median(trials.iter().filter_map(|trial| trial.cost_ns))?;
        let moment = Moment::median(trials.iter().map(|trial| trial.moment));
        let one_cpu = trials.iter().all(|trial| trial.one_cpu);
        price_case(&case.case, model, one_cpu, cost_ns, floors, moment).filter(|priced| !priced.withheld())
    };
    let each: Vec<Priced> = runs.iter().filter_map(of).collect();
    let cost = |price: Price| {
        let of_run =
            |priced: &Priced| priced.slices.iter().find(|(known, _)| *known == price).map_or(0.0, |slice| slice.1);
        median(each.iter().map(of_run))
    };
    Price::ALL.iter().map(|&price| Some((price, cost(price)?))).collect()
}

/// `context switches 1.80x, system calls 1.10x, the rest +4 % of the time in base`, from the parts and the measured times.
pub fn explain(parts: [&[(Price, f64)]; 2], measured_ns: [f64; 2], base: &str) -> Option<String> {
    let [before, after] = parts;
    let mut named: Vec<(f64, String)> = Vec::new();
    let mut explained_ns = 0.0;
    for (&(price, first), &(_, second)) in before.iter().zip(after) {
        explained_ns += second - first;
        if first.max(second) < NAMED * measured_ns[0] {
            continue;
        }
        let times = if first > 0.0 { format!("{}x", format::ratio(second / first)) } else { "new".into() };
        named.push(((second - first).abs(), format!("{} {times}", price.word())));
    }
    if named.is_empty() {
        return None;
    }
    named.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rest = (measured_ns[1] - measured_ns[0] - explained_ns) / measured_ns[0];
    let words: Vec<String> = named.into_iter().map(|(_, words)| words).collect();
    let sign = if rest < 0.0 { "\u{2212}" } else { "+" };
    Some(format!("{}; the rest {sign}{} of the time in {base}", words.join(", "), format::percent(rest.abs())))
}
