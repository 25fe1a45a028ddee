//! A plan: the question of a run, and the cases that answer it.
//!
//! A plan is a TOML file, found by name among those built into the program or by path. It is checked as a whole before
//! anything starts; whatever is wrong is named with file, line and what would be right.

mod expand;
mod forecast;
mod ground;
mod source;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod text;
mod until_stable;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ipcmark::protocol::Timing;
use ipcmark::record::{AnswerPart, Case, Measure, Placement};
use regex::Regex;

pub use self::ground::Ground;
use self::source::Source;
pub(crate) use self::source::explain;
use self::text::Page;
pub use self::until_stable::{Budget, Share, UntilStable};

/// The plans built into the program: name and text, the shortest run first.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("smoke", include_str!("../plans/smoke.toml")),
    ("quick", include_str!("../plans/quick.toml")),
    ("locks-quick", include_str!("../plans/locks-quick.toml")),
    ("locks", include_str!("../plans/locks.toml")),
    ("shared-state", include_str!("../plans/shared-state.toml")),
    ("queues", include_str!("../plans/queues.toml")),
    ("wake-up", include_str!("../plans/wake-up.toml")),
    ("think-time", include_str!("../plans/think-time.toml")),
    ("cross-checks", include_str!("../plans/cross-checks.toml")),
    ("patterns", include_str!("../plans/patterns.toml")),
    ("latency-under-load", include_str!("../plans/latency-under-load.toml")),
    ("set-up", include_str!("../plans/set-up.toml")),
    ("servers", include_str!("../plans/servers.toml")),
    ("processes", include_str!("../plans/processes.toml")),
    ("pools", include_str!("../plans/pools.toml")),
    ("scaling", include_str!("../plans/scaling.toml")),
    ("transports", include_str!("../plans/transports.toml")),
    ("standard", include_str!("../plans/standard.toml")),
    ("conformance", include_str!("../plans/conformance.toml")),
    ("core-to-core", include_str!("../plans/core-to-core.toml")),
    ("python", include_str!("../plans/python.toml")),
];

/// Limit of repetitions. A larger number is a typing error, and its schedule would fill the memory.
pub const REPETITIONS_MAX: u32 = 1000;

/// A plan, resolved for this machine.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name, used in file names.
    pub name: String,
    /// Its question, which the report repeats.
    pub question: String,
    /// What its answer is made of.
    pub answers: Vec<AnswerPart>,
    /// Repetitions of each case, every one with fresh processes.
    pub repetitions: u32,
    /// Durations of a trial's phases.
    pub timing: Timing,
    /// Fail the run if a case is faster than its floor.
    pub hold_to_floors: bool,
    /// Whether repetitions are added, and for how long.
    pub until_stable: Option<UntilStable>,
    /// The case that is run again and again to show drift.
    pub sentinel: Option<Planned>,
    /// Every case once, in the plan's order.
    pub cases: Vec<Planned>,
    /// Hash of all of the above but `answers` and `until_stable`: equal hashes mean equal cases and times.
    pub hash: String,
}

/// A case with its CPUs, or with the obstacle that keeps it from running here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The case.
    pub case: Case,
    /// CPUs of the roles, in order; empty when the scheduler decides.
    pub cpus: Vec<u32>,
    /// Number of roles that work at the same time.
    pub roles: u32,
    /// Why it cannot run on this machine.
    pub obstacle: Option<String>,
}

impl Planned {
    /// Repetitions of this case. Only times need several: counted calls and conformance do not vary.
    pub fn repetitions(&self, repetitions: u32) -> u32 {
        let untimed = matches!(self.case.measure, Measure::CostModel | Measure::Conformance);
        if untimed || self.obstacle.is_some() { 1 } else { repetitions }
    }
}

/// A placement as named in plans and options: a class, or the closest pair of cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The closest two cores this machine has; one CPU for both where there is only one.
    Nearest,
    /// A class.
    Class(Placement),
}

impl Place {
    /// Every word that names one.
    pub fn words() -> Vec<&'static str> {
        std::iter::once("nearest").chain(Placement::WORDS.iter().copied()).collect()
    }

    fn resolve(self, ground: &Ground) -> Placement {
        match self {
            Self::Nearest => ground.nearest,
            Self::Class(placement) => placement,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest => f.write_str("nearest"),
            Self::Class(placement) => placement.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "nearest" { Ok(Self::Nearest) } else { word.parse().map(Self::Class) }
    }
}

/// Changes to a plan by command line options.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Keep only the cases whose key matches.
    pub only: Option<Regex>,
    /// Run every case in this placement.
    pub placement: Option<Place>,
    /// Repetitions of each case.
    pub repetitions: Option<u32>,
    /// Add repetitions until every timed case is within this share.
    pub until_stable: Option<Share>,
    /// Time for added repetitions.
    pub budget: Option<Budget>,
}

/// The file and text of a plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Text {
    /// Path, or `plans/NAME.toml` of an embedded plan.
    pub file: String,
    /// TOML.
    pub text: String,
}

impl Text {
    /// Finds a plan: an embedded one by name, any other by path.
    ///
    /// Errors: no such plan, or an unreadable file.
    pub fn find(plan: &str) -> anyhow::Result<Self> {
        if let Some((name, text)) = EMBEDDED.iter().find(|(name, _)| *name == plan) {
            return Ok(Self { file: format!("plans/{name}.toml"), text: (*text).to_owned() });
        }
        let path = Path::new(plan);
        let is_name = path.extension().is_none() && !plan.contains('/');
        if is_name && !path.exists() {
            let unknown = text::unknown("plan", plan, EMBEDDED.iter().map(|(name, _)| *name));
            anyhow::bail!("{unknown}, or the path of a TOML file");
        }
        let text = text::read_file("plan", path)?;
        Ok(Self { file: plan.to_owned(), text })
    }

    /// Name and question, independent of the machine.
    pub fn question(&self) -> anyhow::Result<(String, String)> {
        let source = Source::read(&self.page())?;
        Ok((source.name, source.question))
    }

    /// The plan for the machine that `ground` describes.
    ///
    /// Errors: the first mistake, with file, line and accepted values; or that no case is left.
    pub fn plan(&self, ground: &Ground, changes: &Changes) -> anyhow::Result<Plan> {
        let page = self.page();
        let source = Source::read(&page)?;
        let expander = expand::Expander {
            page: &page,
            ground,
            placement: changes.placement,
            oversubscribe: source.oversubscribe,
            hot_ms: source.hot_ms,
        };
        let mut cases = vec![];
        for block in &source.cases {
            cases.extend(expander.block(block)?);
        }
        merge(&mut cases);
        for stated in &source.answers {
            stated.check(&page, cases.iter().map(|planned| &planned.case))?;
        }
        let whole = cases.clone();
        let mut sentinel = source.sentinel.as_ref().map(|sentinel| expander.sentinel(sentinel)).transpose()?;
        if let Some(only) = &changes.only {
            cases.retain(|planned| only.is_match(&planned.case.key()));
            sentinel = sentinel.filter(|planned| only.is_match(&planned.case.key()));
            anyhow::ensure!(!cases.is_empty(), nothing_left(only, &whole, &source.name));
        }
        let mut plan = Plan {
            repetitions: changes.repetitions.unwrap_or(source.repetitions),
            timing: Timing {
                warm_up_ns: source.warm_up_ms * 1_000_000,
                hot_ns: source.hot_ms * 1_000_000,
                floor_ns: source.floor_ms * 1_000_000,
                fixed_count: None,
            },
            hold_to_floors: source.hold_to_floors,
            name: source.name,
            question: source.question,
            answers: source.answers.into_iter().map(|stated| stated.part).collect(),
            until_stable: None,
            sentinel: sentinel.filter(|planned| planned.obstacle.is_none()),
            cases,
            hash: String::new(),
        };
        let kept_ns = plan.predicted_for(&plan.cases);
        // The plan's own budget is for all of its cases.
        let own_budget = source.budget.map(|budget| budget.shared(kept_ns, plan.predicted_for(&whole)));
        let share = changes.until_stable.or(source.until_stable);
        plan.until_stable = UntilStable::of(share, changes.budget.or(own_budget), kept_ns);
        plan.hash = plan.fingerprint();
        Ok(plan)
    }

    fn page(&self) -> Page<'_> {
        Page { file: &self.file, text: &self.text }
    }
}

impl Plan {
    /// Hash of everything that determines what a run measures, without the obstacles of this machine.
    fn fingerprint(&self) -> String {
        let mut keys: Vec<String> = self.cases.iter().map(|planned| planned.case.key()).collect();
        keys.sort_unstable();
        let Timing { warm_up_ns, hot_ns, floor_ns, .. } = self.timing;
        let sentinel = self.sentinel.as_ref().map_or_else(String::new, |planned| planned.case.key());
        let head = format!("{} {} {warm_up_ns} {hot_ns} {floor_ns} {sentinel}", self.name, self.repetitions);
        format!("{:016x}", fnv1a(std::iter::once(head.as_str()).chain(keys.iter().map(String::as_str))))
    }
}

/// FNV-1a over lines, 64 bits. Unlike std's hashers it is stable between compilers and machines.
fn fnv1a<'a>(lines: impl Iterator<Item = &'a str>) -> u64 {
    lines
        .flat_map(|line| line.bytes().chain(std::iter::once(b'\n')))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Removes duplicate cases, and all but the first check of a row's cost model.
fn merge(cases: &mut Vec<Planned>) {
    let mut seen = HashSet::new();
    cases.retain(|Planned { case, .. }| match case.measure {
        Measure::CostModel => seen.insert(format!(
            "cost model of {} {} {} {:?}",
            case.family,
            case.row(),
            case.isolation,
            case.params.contenders
        )),
        _ => seen.insert(case.key()),
    });
}

fn nothing_left(only: &Regex, all: &[Planned], plan: &str) -> String {
    let words = |case: &Case| [case.mechanism.clone(), case.row(), case.measure.to_string(), case.family.clone()];
    let words: HashSet<String> = all.iter().flat_map(|planned| words(&planned.case)).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.sort_unstable();
    let hint = text::meant(only.as_str(), &words).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!(
        "--only `{only}` matches none of the plan's {} cases{hint}; `ipcmark run --plan {plan} --dry-run` lists their keys",
        all.len()
    )
}

/// Each word once, in order of appearance.
pub(crate) fn distinct<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = vec![];
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}
