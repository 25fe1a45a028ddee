//! A comparison as plain text for a terminal.

use std::fmt::Write as _;

use super::{Against, BY_CHANCE, Change, ComparedCase, Comparison, DRIFT, Evidence};
use crate::analyse::statistics::Estimate;
use crate::format::{self, Quantity};

/// Least width of a table.
const NARROWEST: usize = 60;
/// Width of a column of values, such as `52.1 M/s` or the name of an arm.
const VALUE: usize = 10;
/// Width of the ratio.
const RATIO: usize = 6;
/// Width of an interval, such as `0.98 to 1.02`.
const INTERVAL: usize = 14;

impl Comparison {
    /// Arms, differing facts, cases by conclusion and size of the change, and a summary line; cases that are equal are
    /// left out, unless `all` are asked for.
    pub fn text(&self, width: usize, all: bool) -> String {
        let mut text = String::new();
        let widest = self.arms.iter().map(|arm| arm.name.chars().count()).max().unwrap_or(0);
        for arm in &self.arms {
            let name = format!("{:widest$}", arm.name);
            format::wrap(&mut text, width, &format!("{name}  "), &arm.describe());
        }
        let differences = self.differences();
        if !differences.is_empty() {
            text.push_str("\nbeside the numbers:\n");
        }
        for sentence in differences {
            format::wrap(&mut text, width, "  ", &sentence);
        }
        for arm in 1..self.arms.len() {
            for change in Change::ALL.into_iter().filter(|&change| all || change != Change::Equal) {
                self.section(&mut text, width.max(NARROWEST), arm, change);
            }
        }
        text.push('\n');
        for sentence in self.summary() {
            format::wrap(&mut text, width, "", &sentence);
        }
        text.replace('\u{202f}', " ")
    }

    /// Facts, floors and prices that differ, one sentence each.
    pub fn differences(&self) -> Vec<String> {
        let floors = (1..self.arms.len()).filter_map(|arm| self.floors_in_words(arm));
        self.facts_in_words().chain(floors).chain(self.prices.iter().cloned()).collect()
    }

    /// Facts that differ, one sentence each.
    pub(super) fn facts_in_words(&self) -> impl Iterator<Item = String> {
        self.facts.iter().filter(|fact| fact.differs).map(|fact| fact.sentence(&self.arms))
    }

    fn section(&self, text: &mut String, width: usize, arm: usize, change: Change) {
        let mut rows: Vec<(&ComparedCase, &Against)> =
            self.against(arm).filter(|(_, against)| against.change == change).collect();
        if rows.is_empty() {
            return;
        }
        rows.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
        let [base, other] = [&self.arms[0].name, &self.arms[arm].name].map(|name| cut(name, VALUE - 1));
        let heading = format!("{}: {} of {} cases", change.heading(&self.arms[arm].name), rows.len(), self.cases.len());
        let name = width - 2 * VALUE - RATIO - INTERVAL - 2;
        let _ = writeln!(text, "\n{}", cut(&heading, width));
        let numbers = !matches!(change, Change::Broken | Change::OnlyBase | Change::OnlyArm);
        if numbers {
            let _ = writeln!(
                text,
                "  {:name$}{base:>VALUE$}{other:>VALUE$}{:>RATIO$}{:>INTERVAL$}",
                "", "ratio", "interval"
            );
        }
        for (case, against) in rows {
            let [from, to] =
                [0, arm].map(|side| case.value(side).map_or_else(|| "–".into(), |value| value.to_string()));
            if numbers {
                let (ratio, interval) = case.shown_ratio(against);
                if case.name.chars().count() >= name {
                    let _ = writeln!(text, "  {}", case.name);
                }
                let label = if case.name.chars().count() >= name { "" } else { &case.name };
                let _ = writeln!(text, "  {label:name$}{from:>VALUE$}{to:>VALUE$}{ratio:>RATIO$}{interval:>INTERVAL$}");
            } else {
                let _ = writeln!(text, "  {}", case.case_key);
            }
            let reason = against.reason();
            // The interval says as much.
            let said = change == Change::CantTell && (reason.contains("spans 1") || reason.contains(BY_CHANCE));
            if !reason.is_empty() && !said {
                format::wrap(text, width, "      ", &reason);
            }
        }
    }

    /// Number of cases by conclusion, and what the intervals hold; one sentence each, for each arm but the base.
    pub fn summary(&self) -> Vec<String> {
        let of_arm = |arm: usize| {
            let count = |change: Change| self.against(arm).filter(|(_, against)| against.change == change).count();
            let counted = Change::ALL.into_iter().map(|change| (change, count(change))).filter(|(_, cases)| *cases > 0);
            let words: Vec<String> = counted.map(|(change, cases)| format!("{cases} {}", change.word())).collect();
            let [base, other] = [&self.arms[0].name, &self.arms[arm].name];
            let words = if words.is_empty() { "none in common".into() } else { words.join(", ") };
            format!("{} cases, {other} against {base}: {words}.", self.cases.len())
        };
        (1..self.arms.len()).map(of_arm).chain([self.basis()]).collect()
    }

    /// What the intervals include.
    pub fn basis(&self) -> String {
        let fewest = self.arms.iter().map(|arm| arm.runs).min().unwrap_or(0);
        let machines = self.arms.iter().any(|arm| arm.machines.len() > 1);
        if machines {
            "The intervals include the spread between the machines of an arm.".into()
        } else if fewest > 1 {
            "The intervals include the spread between runs.".into()
        } else {
            format!(
                "One run on a side: drift between runs is not in the intervals, so only a case whose whole interval lies \
                 beyond {} is called slower or faster. Record two runs or more of each arm.",
                format::percent(DRIFT - 1.0)
            )
        }
    }

    /// Cases with numbers in an arm or the base, compared.
    pub fn against(&self, arm: usize) -> impl Iterator<Item = (&ComparedCase, &Against)> {
        self.cases.iter().map(move |case| (case, &case.against[arm - 1])).filter(move |(case, against)| {
            case.sides[0].is_some() || case.sides[arm].is_some() || against.change == Change::Broken
        })
    }
}

impl ComparedCase {
    /// Main metric in an arm, as it is shown.
    pub fn value(&self, arm: usize) -> Option<Quantity> {
        let side = self.sides[arm].as_ref()?;
        Some(crate::analyse::summary::shown(self.case.main_metric()?, side.value))
    }

    /// Ratio of the shown values and its interval: of rates for a rate, of times for a time.
    pub fn ratio(&self, against: &Against) -> Option<(f64, Option<(f64, f64)>)> {
        let (value, ends) = against.ratio.map(Estimate::with_ends)?;
        if self.case.main_metric().is_some_and(ipcmark_record::MainMetric::is_rate) {
            Some((1.0 / value, ends.map(|(low, high)| (1.0 / high, 1.0 / low))))
        } else {
            Some((value, ends))
        }
    }

    /// Ratio of the shown values and its interval, as text.
    pub fn shown_ratio(&self, against: &Against) -> (String, String) {
        let Some((value, ends)) = self.ratio(against) else { return ("–".into(), String::new()) };
        let ends = ends.map(|(low, high)| format::span(low, high, format::ratio));
        (format::ratio(value).to_string(), ends.unwrap_or_default())
    }
}

impl Against {
    /// Whether the interval includes the spread between runs.
    pub const fn between_runs(&self) -> bool {
        matches!(self.evidence, Evidence::Runs { .. })
    }
}

impl Change {
    fn heading(self, arm: &str) -> String {
        match self {
            Self::Broken => format!("broken in {arm}"),
            Self::Slower => format!("slower in {arm}"),
            Self::Faster => format!("faster in {arm}"),
            Self::CantTell => "can't tell (of 20 intervals one excludes 1 by chance)".into(),
            Self::OnlyBase => format!("missing in {arm}"),
            Self::OnlyArm => format!("only in {arm}"),
            Self::Equal => "equal".into(),
        }
    }
}

impl super::Arm {
    /// `2 runs of vm (AMD EPYC), 1 880 records`.
    pub fn describe(&self) -> String {
        let plural = |count: usize, what: &str| {
            format!("{} {what}{}", format::whole(count as u64), if count == 1 { "" } else { "s" })
        };
        let machines = match self.machines.as_slice() {
            [] => "no machine".to_owned(),
            [machine] => machine.clone(),
            several => plural(several.len(), "machine"),
        };
        format!("{} of {machines}, {}", plural(self.runs, "run"), plural(self.records, "record"))
    }
}

/// Size of a change in either direction.
pub fn size(against: &Against) -> f64 {
    against.ratio.map_or(0.0, |ratio| ratio.value.ln().abs())
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
