//! Python's mechanisms next to their counterparts in the same run, as ratios of cost.

use std::collections::BTreeSet;

use ipcmark_record::{Case, Kind, Placement};

use super::families::{LAUNCH, POOL, QUEUE, SERVER, SHARED_STATE, TRANSPORT, is_python};
use super::ground::shape;
use super::series::{LOCKS, Manner};
use super::statistics::Estimate;
use super::study::{CaseStudy, Study};
use super::trials::{cost_ns, repetitions};

/// Least number of families with Python cases for a plan that compares Python with the rest.
const FAMILIES_OF_A_QUESTION: usize = 3;

/// Counterparts: family, Python mechanism, and the native mechanism that does the same.
const NATURAL: [(&str, &str, &str); 17] = [
    (TRANSPORT, "python-pipe", "pipe"),
    (TRANSPORT, "python-pipe-bytes", "pipe"),
    (TRANSPORT, "python-queue", "shm-mpmc"),
    (TRANSPORT, "python-simple-queue", "shm-mpmc"),
    (TRANSPORT, "python-joinable-queue", "shm-mpmc"),
    (TRANSPORT, "python-shared-memory", "shm-spsc"),
    (LOCKS, "python-lock", "futex-mutex"),
    (LOCKS, "python-rlock", "futex-mutex"),
    (LOCKS, "python-manager-lock", "futex-mutex"),
    (POOL, "python-pool", "shm-queue"),
    (POOL, "python-process-pool-executor", "shm-queue"),
    (POOL, "python-thread-pool", "crossbeam-threads"),
    (QUEUE, "python-joinable-queue", "shm-mpmc"),
    (SHARED_STATE, "python-manager-dict", "shm-map-mutex"),
    (LAUNCH, "python-fork", "fork"),
    (LAUNCH, "python-spawn", "posix-spawn"),
    (SERVER, "python-threading-tcp", "thread-per-connection-tcp"),
];

/// Python case and its counterparts.
#[derive(Clone, Debug)]
pub struct Beside<'s, 'a> {
    /// Python case.
    pub python: &'s CaseStudy<'a>,
    /// Fastest native case with the same question and isolation, and its speed-up over Python.
    pub best: (&'s CaseStudy<'a>, Estimate),
    /// Case of the direct counterpart, if it was measured, and its speed-up; the fastest of its wait strategies.
    pub natural: Option<(&'s CaseStudy<'a>, Estimate)>,
}

/// Returns every Python case that has a counterpart, in order of series and measure.
pub fn beside<'s, 'a>(study: &'s Study<'a>) -> Vec<Beside<'s, 'a>> {
    let timed = || study.cases.iter().filter(|case| case.summary.typical.is_some());
    let of = |python: &'s CaseStudy<'a>| {
        let same = |case: &&'s CaseStudy<'a>| {
            competes(case)
                && case.case.isolation == python.case.isolation
                && question(case.case) == question(python.case)
        };
        let mut others: Vec<&CaseStudy<'_>> = timed().filter(same).collect();
        others.sort_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)));
        let natural = natural(python.case);
        let natural = others.iter().copied().find(|case| Some(case.case.mechanism.as_str()) == natural);
        let with_ratio = |case: &'s CaseStudy<'a>| Some((case, times_as_fast(case, python)?));
        let best = others.first().copied().and_then(with_ratio)?;
        Some(Beside { python, best, natural: natural.and_then(with_ratio) })
    };
    timed().filter(|case| is_python(case.case)).filter_map(of).collect()
}

/// Whether the plan compares Python with the rest in several families.
pub fn asks_about_python(study: &Study<'_>) -> bool {
    let python = study.cases.iter().filter(|case| is_python(case.case));
    python.map(|case| case.case.family.as_str()).collect::<BTreeSet<_>>().len() >= FAMILIES_OF_A_QUESTION
}

/// True for a sound native case that is no reference.
fn competes(case: &CaseStudy<'_>) -> bool {
    !is_python(case.case) && case.is_sound() && !matches!(case.series.manner, Manner::Alone | Manner::NeverWaits)
}

/// Family and parameters of a case without placement and number of keys.
fn question(case: &Case) -> (String, Case) {
    (case.family.clone(), Case { placement: Placement::Unpinned, ..shape(case) }.with(|p| p.keys = None))
}

fn natural(case: &Case) -> Option<&'static str> {
    NATURAL.iter().find(|(family, python, _)| *family == case.family && *python == case.mechanism).map(|pair| pair.2)
}

/// Speed-up: cost of the Python case divided by the cost of the other.
fn times_as_fast(case: &CaseStudy<'_>, python: &CaseStudy<'_>) -> Option<Estimate> {
    let costs = |case: &CaseStudy<'_>| repetitions(&case.records, Kind::Cost, cost_ns);
    costs(python).ratio_to(&costs(case))
}
