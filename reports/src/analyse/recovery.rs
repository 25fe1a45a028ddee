//! Recovery of a lock after a contender was killed: the next owner, the delay, and whether the death was reported.

use ipcmark_record::{KillPoint, Measure, Verdict, metric};

use super::series::{LOCKS, Series};
use super::study::{CaseStudy, Study};
use super::trials::{over_repetitions, value};

/// Outcome of a kill for a lock.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// The next waiter always got it.
    Goes {
        /// After this long.
        on_ns: f64,
        /// Whether the death of the owner was reported to it.
        text: bool,
    },
    /// The next waiter got it in this share of kills.
    Sometimes(f64),
    /// The next waiter never got it, but a newcomer did.
    Newcomer {
        /// After this long.
        on_ns: f64,
        /// Whether the death of the owner was reported to it.
        text: bool,
    },
    /// It was never acquired again.
    Never,
    /// Not measured, with the reason.
    Unknown(String),
}

/// Outcome of each kill point.
pub type Fates = Vec<(KillPoint, Fate)>;

/// Locks with recovery cases, in order of series, and their outcomes.
pub fn fates<'s>(study: &'s Study<'_>) -> Vec<(&'s Series, Fates)> {
    let asked = |case: &&CaseStudy<'_>| case.case.family == LOCKS && case.case.measure == Measure::Recover;
    let cases: Vec<&CaseStudy<'_>> = study.cases.iter().filter(asked).collect();
    let of = |cases: &[&CaseStudy<'_>]| {
        let fate_of = |death: KillPoint| {
            let case = cases.iter().find(|case| case.case.params.kill_point.unwrap_or(KillPoint::Holding) == death)?;
            Some((death, fate(case)))
        };
        KillPoint::ALL.iter().copied().filter_map(fate_of).collect()
    };
    // Cases are sorted by series, so those of one series are adjacent.
    let each = (0..cases.len()).filter(|&at| at == 0 || cases[at - 1].series != cases[at].series);
    each.map(|at| {
        let series = &cases[at].series;
        let same: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| case.series == *series).collect();
        (series, of(&same))
    })
    .collect()
}

/// Outcome of one kill point over all repetitions.
pub fn fate(case: &CaseStudy<'_>) -> Fate {
    if matches!(case.summary.verdict, Some(Verdict::Invalid | Verdict::Skipped)) {
        return Fate::Unknown(case.summary.why.clone());
    }
    let text = value(case, metric::TOLD_SHARE).is_some_and(|share| share >= 0.5);
    let shares = case.usable().filter_map(|record| record.outcome.metric(metric::RECOVERED_SHARE));
    let (mut least, mut sum, mut repetitions) = (1.0_f64, 0.0, 0.0);
    for share in shares {
        (least, sum, repetitions) = (least.min(share), sum + share, repetitions + 1.0);
    }
    if repetitions == 0.0 {
        return Fate::Unknown("its record does not name the next owner".into());
    }
    match (over_repetitions(&case.records, metric::RECOVERY_NS), over_repetitions(&case.records, metric::NEWCOMER_NS)) {
        (Some(on_ns), _) if least >= 1.0 => Fate::Goes { on_ns, text },
        (Some(_), _) => Fate::Sometimes(sum / repetitions),
        (None, Some(on_ns)) => Fate::Newcomer { on_ns, text },
        (None, None) => Fate::Never,
    }
}

/// Whether the next waiter always gets the lock after its holder is killed, as from a robust lock.
pub fn survives(fates: &[(KillPoint, Fate)]) -> Option<bool> {
    let inside = fates.iter().find(|(death, _)| *death == KillPoint::Holding)?;
    match inside.1 {
        Fate::Unknown(_) => None,
        Fate::Goes { .. } => Some(true),
        _ => Some(false),
    }
}
