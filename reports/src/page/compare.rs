//! Page of a comparison, and the same as JSON, CSV and Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::{Css, SCRIPT, STYLE, dense, environment, replace_file, sections, without_escaped_slashes};
use crate::analyse::statistics::Estimate;
use crate::chart::{Figure, Table, arms_css, arms_figures, arms_table, core_to_core, in_script};
use crate::compare::{Change, ComparedCase, Comparison, FactRow, FloorRow, floors_differing, size};
use crate::format;

const PAGE: &str = include_str!("compare.html");

/// Values for the template.
#[derive(Serialize)]
struct Page {
    title: String,
    /// Markup.
    answer: String,
    /// Markup.
    findings: Vec<String>,
    arms: Vec<sections::Fact>,
    overview: Overview,
    figures: Vec<Figure>,
    cases: Table,
    facts_of: Vec<Side>,
    prices: Vec<String>,
    floors: Vec<Side>,
    basis: String,
    css: Css,
    /// JSON list of the names of the arms.
    series: String,
    script: String,
}

/// Ratio to the base by mechanism and arm.
#[derive(Serialize)]
struct Overview {
    base: String,
    arms: Vec<String>,
    rows: Vec<OverviewRow>,
}

#[derive(Serialize)]
struct OverviewRow {
    name: String,
    fields: Vec<Field>,
}

/// Field of the overview.
#[derive(Serialize, Default)]
struct Field {
    word: String,
    note: String,
    /// Strength of the colour in percent, and whether it means slower.
    strength: u32,
    slower: bool,
}

/// Fact or floor, side by side.
#[derive(Serialize)]
struct Side {
    name: String,
    values: Vec<String>,
    differs: bool,
}

impl Comparison {
    /// Writes `index.html`, `comparison.json`, `comparison.csv` and `comparison.md` to a directory, which is created if
    /// missing, and returns the path of the page.
    ///
    /// Errors: a directory that cannot be created or written, by name.
    pub fn write(&self, out_dir: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(out_dir).with_context(|| format!("cannot make the directory {}", out_dir.display()))?;
        replace_file(&out_dir.join("comparison.json"), &self.json()?)?;
        replace_file(&out_dir.join("comparison.csv"), &arms_table(self, self.ordered().into_iter()).csv()?)?;
        replace_file(&out_dir.join("comparison.md"), &self.markdown())?;
        let page = out_dir.join("index.html");
        replace_file(&page, &self.html()?)?;
        Ok(page)
    }

    /// Cases by conclusion and size of the largest change.
    fn ordered(&self) -> Vec<&ComparedCase> {
        let change = |case: &ComparedCase| case.against.iter().map(|against| against.change).min();
        let largest = |case: &ComparedCase| case.against.iter().map(size).fold(0.0, f64::max);
        let mut cases: Vec<&ComparedCase> = self.cases.iter().collect();
        cases.sort_by(|a, b| change(a).cmp(&change(b)).then(largest(b).total_cmp(&largest(a))));
        cases
    }

    /// The verdict on an arm in a sentence.
    pub fn verdict(&self, arm: usize) -> String {
        let [base, other] = [&self.arms[0].name, &self.arms[arm].name];
        let of = |change: Change| self.against(arm).filter(|(_, against)| against.change == change).count();
        let mut logs: Vec<f64> = self.against(arm).filter_map(|(_, against)| Some(against.ratio?.value.ln())).collect();
        logs.sort_by(f64::total_cmp);
        if logs.is_empty() {
            return format!("{other} and {base} have no case in common that can be compared.");
        }
        let typical = crate::analyse::statistics::quantile(&logs, 0.5).exp();
        let usual = [
            (of(Change::Slower), "slower".to_owned()),
            (of(Change::Faster), "faster".into()),
            (of(Change::Equal), "equal within 10\u{202f}%".into()),
            (of(Change::CantTell), "inconclusive".into()),
        ];
        let rare = [
            (of(Change::Broken), "broken".to_owned()),
            (of(Change::OnlyBase), format!("only in {base}")),
            (of(Change::OnlyArm), format!("only in {other}")),
        ];
        let told = usual.into_iter().chain(rare.into_iter().filter(|(count, _)| *count > 0));
        let told: Vec<String> = told.map(|(count, what)| format!("{count} {what}")).collect();
        let common = self.against(arm).count() - of(Change::OnlyBase) - of(Change::OnlyArm);
        let ratio = format::ratio(typical);
        format!("{other} takes {ratio} times as long as {base} in the median of {common} cases: {}.", told.join(", "))
    }

    /// Floors that differ, in a sentence; `None` if none does.
    pub fn floors_in_words(&self, arm: usize) -> Option<String> {
        let differing = floors_differing(&self.floors, arm);
        let named: Vec<String> = differing
            .iter()
            // Operations and sizes are in the table of the page.
            .filter(|(row, _)| row.single)
            .take(5)
            .map(|(row, ratio)| format!("{} {}x", row.name, format::ratio(*ratio)))
            .collect();
        let other = &self.arms[arm].name;
        (!named.is_empty())
            .then(|| format!("Floors of {other} over those of {}: {}.", self.arms[0].name, named.join(", ")))
    }

    fn html(&self) -> anyhow::Result<String> {
        let arms = || 1..self.arms.len();
        let verdicts: Vec<String> = arms().map(|arm| self.verdict(arm)).collect();
        let mut findings: Vec<String> = verdicts.iter().skip(1).cloned().collect();
        findings.extend(arms().filter_map(|arm| self.floors_in_words(arm)));
        findings.extend(arms().filter_map(|arm| self.most_changed(arm)));
        let (light, dark) = arms_css(self.arms.len());
        let others: Vec<&str> = self.arms.iter().skip(1).map(|arm| arm.name.as_str()).collect();
        let page = Page {
            title: format!("{} against {}", others.join(", "), self.arms[0].name),
            answer: sections::with_names(&verdicts.first().cloned().unwrap_or_default()),
            findings: findings.iter().map(|finding| sections::with_names(finding)).collect(),
            arms: self.arms.iter().map(|arm| sections::Fact::new(arm.name.clone(), arm.describe())).collect(),
            overview: self.overview(),
            figures: arms_figures(self).into_iter().chain(core_to_core::beside(&self.maps)).collect(),
            cases: arms_table(self, self.ordered().into_iter()),
            facts_of: self.facts.iter().map(fact).collect(),
            prices: self.prices.clone(),
            floors: self.floors.iter().map(|row| self.floor(row)).collect(),
            basis: self.basis(),
            css: Css { style: dense(STYLE), light, dark, filters: String::new() },
            series: in_script(&self.arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>()),
            script: dense(SCRIPT),
        };
        let mut environment = environment()?;
        environment.add_template("compare.html", PAGE)?;
        let page = Value::from(Serde(page));
        environment
            .get_template("compare.html")?
            .render(context! { ..page })
            .map(|html| without_escaped_slashes(&html))
            .context("the page could not be rendered")
    }

    /// The case with the largest shown change, with its cause.
    fn most_changed(&self, arm: usize) -> Option<String> {
        let shown = self.against(arm).filter(|(_, against)| matches!(against.change, Change::Slower | Change::Faster));
        let (case, against) = shown.max_by(|a, b| size(a.1).total_cmp(&size(b.1)))?;
        let ratio = against.ratio?.value;
        let because = against.because.as_ref().map_or_else(String::new, |because| format!(": {because}"));
        Some(format!(
            "Largest change in {}: {} takes {} times as long{because}.",
            self.arms[arm].name,
            case.name,
            format::ratio(ratio)
        ))
    }

    fn overview(&self) -> Overview {
        let mut rows: BTreeMap<(String, String), Vec<Vec<f64>>> = BTreeMap::new();
        for case in &self.cases {
            let key = (case.case.row(), case.case.measure.row().title.to_lowercase());
            let fields = rows.entry(key).or_insert_with(|| vec![Vec::new(); self.arms.len() - 1]);
            for against in &case.against {
                fields[against.arm - 1].extend(against.ratio.map(|ratio| ratio.value.ln()));
            }
        }
        let row = |((mechanism, measure), fields): ((String, String), Vec<Vec<f64>>)| OverviewRow {
            name: format!("{mechanism}, {measure}"),
            fields: fields.iter().map(|logs| field(logs)).collect(),
        };
        Overview {
            base: self.arms[0].name.clone(),
            arms: self.arms.iter().skip(1).map(|arm| arm.name.clone()).collect(),
            // What ran in one arm only is in the table of cases.
            rows: rows.into_iter().filter(|(_, fields)| fields.iter().any(|logs| !logs.is_empty())).map(row).collect(),
        }
    }

    fn floor(&self, row: &FloorRow) -> Side {
        let ratio =
            |arm: usize| row.ratio(arm).filter(|_| arm > 0).map(|ratio| format!(" ({}x)", format::ratio(ratio)));
        let value = |(arm, ns): (usize, &Option<f64>)| {
            ns.map_or_else(|| "–".into(), |ns| format!("{}{}", format::ns(ns), ratio(arm).unwrap_or_default()))
        };
        let differs = (1..self.arms.len()).any(|arm| !floors_differing(std::slice::from_ref(row), arm).is_empty());
        Side { name: row.name.clone(), values: row.ns.iter().enumerate().map(value).collect(), differs }
    }

    /// The comparison for programs.
    fn json(&self) -> anyhow::Result<String> {
        #[derive(Serialize)]
        struct OfArm<'a> {
            name: &'a str,
            machines: &'a [String],
            runs: usize,
            records: usize,
        }
        #[derive(Serialize)]
        struct OfCase<'a> {
            case_key: &'a str,
            arm: &'a str,
            base_cost_ns: Option<f64>,
            arm_cost_ns: Option<f64>,
            base_runs: usize,
            arm_runs: usize,
            cost_ratio: Option<f64>,
            low: Option<f64>,
            high: Option<f64>,
            relative_to_floors: bool,
            conclusion: &'static str,
            because: String,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            summary: Vec<String>,
            arms: Vec<OfArm<'a>>,
            cases: Vec<OfCase<'a>>,
            facts: &'a [FactRow],
            floors: &'a [FloorRow],
        }
        let of_case = |(case, against): (&'_ ComparedCase, &'_ crate::compare::Against)| {
            let side = |arm: usize| case.sides[arm].as_ref();
            let ends = against.ratio.map(Estimate::with_ends).and_then(|(_, ends)| ends);
            (
                case.case_key.clone(),
                against.arm,
                side(0).map(|s| (s.cost_ns, s.runs)),
                side(against.arm).map(|s| (s.cost_ns, s.runs)),
                against.ratio.map(|ratio| ratio.value),
                ends,
                against.by_floor,
                against.change,
                against.reason(),
            )
        };
        let rows: Vec<_> = self
            .ordered()
            .into_iter()
            .flat_map(|case| case.against.iter().map(move |against| of_case((case, against))))
            .collect();
        let cases = rows.iter().map(|(case_key, arm, base, other, ratio, ends, by_floor, change, because)| OfCase {
            case_key,
            arm: &self.arms[*arm].name,
            base_cost_ns: base.map(|side| side.0),
            arm_cost_ns: other.map(|side| side.0),
            base_runs: base.map_or(0, |side| side.1),
            arm_runs: other.map_or(0, |side| side.1),
            cost_ratio: *ratio,
            low: ends.map(|ends| ends.0),
            high: ends.map(|ends| ends.1),
            relative_to_floors: *by_floor,
            conclusion: change.word(),
            because: because.clone(),
        });
        let whole = Whole {
            summary: self.summary(),
            arms: self
                .arms
                .iter()
                .map(|arm| OfArm { name: &arm.name, machines: &arm.machines, runs: arm.runs, records: arm.records })
                .collect(),
            cases: cases.collect(),
            facts: &self.facts,
            floors: &self.floors,
        };
        Ok(serde_json::to_string_pretty(&whole)? + "\n")
    }

    /// The comparison for a pull request: verdict, facts that differ, and the cases that are not equal.
    fn markdown(&self) -> String {
        let mut text = String::new();
        for arm in 1..self.arms.len() {
            let _ = writeln!(text, "**{}** {}\n", self.verdict(arm), self.floors_in_words(arm).unwrap_or_default());
        }
        let _ = writeln!(text, "{}\n", self.basis());
        for arm in &self.arms {
            let _ = writeln!(text, "- {}: {}", arm.name, arm.describe());
        }
        for sentence in self.differences() {
            let _ = writeln!(text, "- {}", sentence.replace('|', "\\|"));
        }
        text.push_str(
            "\n| case | base | arm | ratio | interval | conclusion | because |\n|---|---:|---:|---:|---|---|---|\n",
        );
        for case in self.ordered() {
            for against in case.against.iter().filter(|against| against.change != Change::Equal) {
                let value = |arm: usize| case.value(arm).map_or_else(|| "–".into(), |value| value.to_string());
                let (ratio, interval) = case.shown_ratio(against);
                let arm = against.arm;
                let (name, because) = (case.name.replace('|', "\\|"), against.reason().replace('|', "\\|"));
                let conclusion = format!("{} in {}", against.change.word(), self.arms[arm].name);
                let _ = writeln!(
                    text,
                    "| {name} | {} | {} | {ratio} | {interval} | {conclusion} | {because} |",
                    value(0),
                    value(arm)
                );
            }
        }
        text
    }
}

fn fact(fact: &FactRow) -> Side {
    let values = fact.values.iter().map(|values| values.join(" and ")).collect();
    Side { name: fact.name.clone(), values, differs: fact.differs }
}

/// Geometric mean of the ratios of some cases; the colour is full at a factor of 2.
fn field(logs: &[f64]) -> Field {
    if logs.is_empty() {
        return Field { word: "–".into(), ..Field::default() };
    }
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let (low, high) = logs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), log| (l.min(*log), h.max(*log)));
    Field {
        word: format::ratio(mean.exp()).to_string(),
        note: format!("{} cases, {}", logs.len(), format::span(low.exp(), high.exp(), format::ratio)),
        strength: (mean.abs() / 2f64.ln() * 45.0).min(45.0) as u32,
        slower: mean > 0.0,
    }
}
