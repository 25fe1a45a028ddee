//! Two runs whose trials took turns: for each case, the ratio of their costs over pairs of trials.
//!
//! Repetition `n` of a case in the one run and repetition `n` in the other are a pair: they ran one right after the other,
//! in random order. A pair counts if both trials passed every check and ran at one distance of the CPUs. It does not count
//! if a trial was disturbed, unless most pairs were. On five `quick` runs of a virtual machine whose CPUs moved, undisturbed
//! trials deviated from the median of their case by 4 % (scaled median deviation), disturbed ones by 9 %. Ratios to the
//! floors beside the trials deviated by more than the costs themselves: by 7 instead of 5 %, and by 12 instead of 9 % where
//! the CPUs moved. So pairs that span a move are left out, and nothing is divided by floors.

use std::collections::BTreeMap;

use ipcmark_record::{MainMetric, Record, Verdict};

use crate::analyse::distance::{Distances, Place};
use crate::analyse::pairs::{self, Pair, PairedRatio};
use crate::analyse::statistics::{Interval, median};
use crate::analyse::trials::{cost_ns, is_usable};
use crate::analyse::verdict::reason;
use crate::compare::{Change, Findings, Gate};

/// A case measured in both runs.
#[derive(Clone, Debug)]
pub struct CaseInTurns {
    /// Recorded case key.
    pub case_key: String,
    /// Main metric, and its median in each run over the trials that passed every check.
    pub typical: Option<(MainMetric, [f64; 2])>,
    /// Pairs of trials, whether they count or not.
    pub pairs: usize,
    /// Cost in the second run divided by that in the first, over the pairs that count.
    pub ratio: Option<PairedRatio>,
    /// Conclusion; [`Change::CantTell`] while more pairs could change it.
    pub change: Change,
    /// Reason, if the conclusion needs one.
    pub why: String,
}

impl CaseInTurns {
    /// That the second run failed where the first did not, in a sentence.
    pub fn broken(&self) -> Option<String> {
        (self.change == Change::Broken).then(|| format!("broken on side B: {}: {}", self.case_key, self.why))
    }
}

/// Judges every case that has a pair, in order of the first run. A case is equal if its interval lies within `equal_within`
/// of 1; 0.02 is 2 %. When the measurement is `over`, all pairs get a last look.
pub fn judge_in_turns(first: &[Record], second: &[Record], equal_within: f64, over: bool) -> Vec<CaseInTurns> {
    let distances = Distances::of(first.iter().chain(second));
    let mut partners: BTreeMap<(&str, u32), &Record> = BTreeMap::new();
    for record in second {
        partners.insert((&record.case_key, record.repetition), record);
    }
    let mut cases: Vec<(&str, BTreeMap<u32, [&Record; 2]>)> = vec![];
    for record in first.iter().filter(|record| record.case.main_metric().is_some()) {
        let Some(partner) = partners.get(&(record.case_key.as_str(), record.repetition)) else { continue };
        let at = cases.iter().position(|(key, _)| *key == record.case_key).unwrap_or_else(|| {
            cases.push((&record.case_key, BTreeMap::new()));
            cases.len() - 1
        });
        cases[at].1.insert(record.repetition, [record, partner]);
    }
    cases.into_iter().map(|(key, pairs)| judge_case(key, &pairs, &distances, equal_within, over)).collect()
}

/// Holds the second run to a limit: no case may take more than `limit_percent` more time than in the first. A case is surely
/// slower if its whole interval lies above the limit. It can see the limit if its interval is no wider, so that twice the
/// limit would be found, or lies below the limit. `lacking` has a sentence for each case that only the first run could time.
pub fn gate_in_turns(cases: &[CaseInTurns], lacking: Vec<String>, limit_percent: f64) -> Gate {
    let limit = (1.0 + limit_percent / 100.0).ln();
    let (mut surely, mut pairs_wanted) = (Vec::new(), Vec::new());
    for case in cases {
        match (case.broken(), case.ratio) {
            (Some(broken), _) => surely.push(broken),
            (None, Some(PairedRatio { interval: Some(interval), pairs, .. })) => {
                let half = (interval.high / interval.low).ln() / 2.0;
                if interval.low.ln() > limit {
                    surely.push(format!("slower by more than {limit_percent} %: {}", case.case_key));
                } else if half > limit && interval.high.ln() > limit {
                    // The width of an interval falls with the root of the number of pairs.
                    pairs_wanted.push((pairs as f64 * (half / limit).powi(2)).ceil() as usize);
                }
            }
            _ => pairs_wanted.push(pairs::FIRST_LOOK),
        }
    }
    pairs_wanted.sort_unstable();
    let cure = match pairs_wanted.get(pairs_wanted.len() / 2) {
        Some(&pairs) if pairs <= pairs::PAIRS_MAX => format!("{pairs} pairs would do for half of them: raise --budget"),
        _ => "they are too noisy for any number of pairs".into(),
    };
    let asked = cases.len() + lacking.len();
    Findings { surely, lacking, blind: pairs_wanted.len(), asked, cure }.conclude(limit_percent)
}

fn judge_case(
    key: &str,
    pairs: &BTreeMap<u32, [&Record; 2]>,
    distances: &Distances,
    equal_within: f64,
    over: bool,
) -> CaseInTurns {
    let pairs: Vec<[&Record; 2]> = pairs.values().copied().collect();
    let disturbed = pairs.iter().filter(|pair| pair.iter().any(|record| is_disturbed(record))).count();
    let keeps_disturbed = 2 * disturbed > pairs.len();
    let sorted: Vec<Result<Pair, LeftOut>> = pairs.iter().map(|pair| sort(*pair, distances, keeps_disturbed)).collect();
    let counting: Vec<Option<Pair>> = sorted.iter().map(|pair| pair.ok()).collect();
    let judged = pairs::judge(&counting, over, |interval| change(interval, equal_within));
    let side = |side: usize| pairs.iter().map(move |pair| pair[side]).filter(|record| is_usable(record));
    let main = pairs.first().and_then(|pair| pair[0].case.main_metric());
    let typical = main.and_then(|main| {
        let of = |at| median(side(at).filter_map(|record| record.outcome.metric(main.name)));
        Some((main, [of(0)?, of(1)?]))
    });
    let mut found = CaseInTurns {
        case_key: key.to_owned(),
        typical,
        pairs: pairs.len(),
        ratio: judged.ratio,
        change: judged.verdict.unwrap_or(Change::CantTell),
        why: left_out(&sorted),
    };
    if side(0).next().is_some() && side(1).next().is_none() {
        let why = reason(pairs.iter().map(|pair| &pair[1]));
        (found.change, found.why) = (Change::Broken, why);
    } else if judged.verdict.is_none() {
        let reasons = [undecided(judged.ratio, equal_within), found.why];
        found.why = reasons.into_iter().filter(|why| !why.is_empty()).collect::<Vec<_>>().join("; ");
    }
    found
}

/// Reason why a pair does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LeftOut {
    Failed,
    Caught,
    Overloaded,
    Moved,
    Disturbed,
}

impl LeftOut {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Failed, "a trial failed, did not run or failed a check"),
        (Self::Caught, "updates were lost without a lock"),
        (Self::Overloaded, "both missed the offered rate"),
        (Self::Moved, "the CPUs moved"),
        (Self::Disturbed, "disturbed"),
    ];
}

fn is_disturbed(record: &Record) -> bool {
    record.outcome.verdict == Some(Verdict::Disturbed)
}

fn sort(pair: [&Record; 2], distances: &Distances, keeps_disturbed: bool) -> Result<Pair, LeftOut> {
    let either = |verdict| pair.iter().any(|record| record.outcome.verdict == Some(verdict));
    let [Some(first), Some(second)] = pair.map(|record| cost_ns(record).filter(|_| is_usable(record))) else {
        return Err(LeftOut::Failed);
    };
    if either(Verdict::Caught) {
        return Err(LeftOut::Caught);
    }
    // Latency under overload grows with the length of the trial. Where only one side is overloaded, that shows.
    if pair.iter().all(|record| record.outcome.verdict == Some(Verdict::Overloaded)) {
        return Err(LeftOut::Overloaded);
    }
    let group = match pair.map(|record| distances.place(record)) {
        [Place::Unmoved, Place::Unmoved] => 0,
        [Place::At(first), Place::At(second)] if first.rank == second.rank => first.rank,
        _ => return Err(LeftOut::Moved),
    };
    if either(Verdict::Disturbed) && !keeps_disturbed {
        return Err(LeftOut::Disturbed);
    }
    Ok(Pair { ratio: second / first, group })
}

fn change(interval: Interval, equal_within: f64) -> Option<Change> {
    if interval.within(1.0 / (1.0 + equal_within), 1.0 + equal_within) {
        Some(Change::Equal)
    } else if interval.high < 1.0 {
        Some(Change::Faster)
    } else if interval.low > 1.0 {
        Some(Change::Slower)
    } else {
        None
    }
}

fn undecided(ratio: Option<PairedRatio>, equal_within: f64) -> String {
    match ratio {
        Some(PairedRatio { interval: Some(Interval { low, high }), .. }) => {
            let (least, most) = (1.0 / (1.0 + equal_within), 1.0 + equal_within);
            format!("{low:.3} to {high:.3} contains 1 and exceeds {least:.3} to {most:.3}")
        }
        Some(PairedRatio { pairs, .. }) => format!("an interval needs {} pairs, and {pairs} count", pairs::FIRST_LOOK),
        None => format!("an interval needs {} pairs", pairs::FIRST_LOOK),
    }
}

/// `4 of 20 pairs left out: the CPUs moved (3), disturbed (1)`.
fn left_out(sorted: &[Result<Pair, LeftOut>]) -> String {
    let main = sorted
        .iter()
        .flatten()
        .map(|pair| pair.group)
        .max_by_key(|group| sorted.iter().flatten().filter(|pair| pair.group == *group).count());
    let elsewhere = sorted.iter().flatten().filter(|pair| Some(pair.group) != main).count();
    let mut reasons: Vec<(usize, &str)> = LeftOut::ALL
        .iter()
        .map(|(why, words)| (sorted.iter().filter(|pair| **pair == Err(*why)).count(), *words))
        .chain([(elsewhere, "at another distance of the CPUs")])
        .filter(|(count, _)| *count > 0)
        .collect();
    reasons.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    if reasons.is_empty() {
        return String::new();
    }
    let all: usize = reasons.iter().map(|(count, _)| count).sum();
    let words: Vec<String> = reasons.iter().map(|(count, words)| format!("{words} ({count})")).collect();
    format!("{all} of {} pairs left out: {}", sorted.len(), words.join(", "))
}
