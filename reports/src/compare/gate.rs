//! Limit on slowdowns, for scripts: fails if a case is surely slower, and says so if it could not have seen it.

use super::{Change, ComparedCase, Comparison, DRIFT, Evidence, MOST_RUNS};
use crate::analyse::between::{ALPHA, holm};
use crate::format;

/// Result of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Conclusion.
    pub verdict: Verdict,
    /// Reasons, one sentence each.
    pub reasons: Vec<String>,
}

/// Conclusion of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No case is surely slower, and most could have been seen.
    Kept,
    /// A case is surely slower than the limit, or broken.
    Broken,
    /// The comparison cannot see the limit.
    Open,
}

impl Comparison {
    /// Holds the arms to a limit: no case may take more than `limit_percent` more time than in the base.
    ///
    /// With several runs a case is surely slower by Holm's rule over all cases and arms: if nothing changed, all cases
    /// together fail once in twenty times. With one run on a side its whole interval must lie above the limit even after the
    /// drift that single runs of one machine show. A case can see the limit if its interval is no wider, so that twice the
    /// limit would be found, or lies below the limit.
    pub fn gate(&self, limit_percent: f64) -> Gate {
        let limit = 1.0 + limit_percent / 100.0;
        let percent = format!("{limit_percent} %");
        let (mut reasons, mut lacking, mut blind, mut asked) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut of_runs = Vec::new();
        let mut slower = Vec::new();
        for case in &self.cases {
            for against in case.against.iter().filter(|against| against.change != Change::OnlyArm) {
                asked += 1;
                let place = self.in_arm(against.arm);
                let unseen = |wanted: usize| (case, wanted);
                match (against.change, against.evidence) {
                    (Change::Broken, _) => {
                        reasons.push(format!("broken{place}: {}: {}", case.case_key, against.why));
                    }
                    (Change::OnlyBase, _) => {
                        lacking.push(format!("missing{place}: {}: {}", case.case_key, against.why));
                    }
                    (_, Evidence::Runs { difference, runs }) => {
                        of_runs.push((case, place, difference.above(limit.ln())));
                        let half = difference.half_width(ALPHA);
                        if half > limit.ln() && difference.value + half > limit.ln() {
                            blind.push(unseen(difference.runs_for(limit.ln(), runs, ALPHA)));
                        }
                    }
                    (_, Evidence::OneRun(interval)) => {
                        if interval.low / DRIFT > limit {
                            slower.push((case, place));
                        } else if (interval.high / interval.low).sqrt() * DRIFT > limit && interval.high * DRIFT > limit
                        {
                            blind.push(unseen(0));
                        }
                    }
                    (_, Evidence::None) => blind.push(unseen(0)),
                }
            }
        }
        let chances: Vec<f64> = of_runs.iter().map(|(_, _, chance)| *chance).collect();
        let mut sure = holm(&chances, ALPHA);
        sure.sort_unstable();
        slower.extend(sure.into_iter().map(|at| (of_runs[at].0, of_runs[at].1.clone())));
        reasons.extend(
            slower.iter().map(|(case, place)| format!("slower by more than {percent}{place}: {}", case.case_key)),
        );
        Findings { surely: reasons, lacking, blind: blind.len(), asked, cure: self.cure(&blind) }
            .conclude(limit_percent)
    }

    /// ` in new`.
    fn in_arm(&self, arm: usize) -> String {
        format!(" in {}", self.arms[arm].name)
    }

    /// What it would take for blind cases to see the limit.
    fn cure(&self, blind: &[(&ComparedCase, usize)]) -> String {
        let mut runs: Vec<usize> = blind.iter().map(|(_, runs)| *runs).filter(|&runs| runs > 0).collect();
        runs.sort_unstable();
        match runs.get(runs.len() / 2) {
            None if self.arms.iter().any(|arm| arm.runs < 2) => format!(
                "single runs of one machine may differ by up to {}: record at least {FEW_RUNS} runs of each arm",
                format::percent(DRIFT - 1.0)
            ),
            None => "too few repetitions count: record at least 5 on each side".into(),
            Some(&runs) if runs >= MOST_RUNS => "they are too noisy for any number of runs".into(),
            Some(runs) => format!("{runs} runs of each arm would do for half of them"),
        }
    }
}

/// What was found about a limit.
pub(crate) struct Findings {
    /// Cases that are surely slower, or broken, one sentence each.
    pub(crate) surely: Vec<String>,
    /// Cases of the base without numbers to compare, one sentence each.
    pub(crate) lacking: Vec<String>,
    /// Number of cases that cannot see the limit.
    pub(crate) blind: usize,
    /// Number of cases.
    pub(crate) asked: usize,
    /// What it would take for blind cases to see the limit.
    pub(crate) cure: String,
}

impl Findings {
    /// The limit is broken by any case, and kept if most cases can see it and none is lacking.
    pub(crate) fn conclude(self, limit_percent: f64) -> Gate {
        let Self { surely, lacking: mut reasons, blind, asked, cure } = self;
        if !surely.is_empty() {
            return Gate { verdict: Verdict::Broken, reasons: surely };
        }
        if blind + reasons.len() == asked {
            reasons.push("nothing could be judged, so no limit was kept or broken".into());
        }
        if 2 * blind > asked || !reasons.is_empty() {
            if blind > 0 {
                reasons.push(format!("{blind} of {asked} cases cannot see {limit_percent} %; {cure}"));
            }
            return Gate { verdict: Verdict::Open, reasons };
        }
        if blind > 0 {
            reasons.push(format!("{blind} of {asked} cases are too noisy to see {limit_percent} %"));
        }
        Gate { verdict: Verdict::Kept, reasons }
    }
}

/// Runs of each arm to begin with: the interval of four is 1.2 times as narrow as that of three, of three 1.3 times as that of
/// two.
const FEW_RUNS: usize = 3;
