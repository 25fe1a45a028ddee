//! Latency of the first message after a pause, which closed loops do not show.

use ipcmark_record::{Measure, Placement};

use super::parameter::PAUSE;
use super::sweep::{Sweep, Value};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const WAKE: Value = Value {
    name: "from send to verified",
    of: |case| {
        let typical = case.summary.typical?.value;
        Some((typical, case.summary.p99().map(|p99| (typical.min(p99), p99))))
    },
    show: format::time,
    columns: [("Median", "wake_ns"), ("Median", "low_ns"), ("p99", "p99_ns")],
};

/// Chart at the most common size; `None` without wake-ups.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let common = study.common_size(Measure::Wake, placement)?;
    let mut cases: Vec<&CaseStudy<'_>> =
        study.measured(Measure::Wake, placement).filter(|case| case.bytes() == common).collect();
    PAUSE.sort(&mut cases);
    let answer = answer(&cases);
    let sweep = Sweep {
        id: "wake-up".into(),
        title: format!("The first {} message after a pause, {}", format::bytes(common), place(placement)),
        description: "Latency of the first message by the length of the pause before it, on logarithmic axes, one line \
                      per mechanism.",
        note: "One way, from just before the send until the receiver had verified it; points are medians over repetitions, \
               bands and bars reach up to p99. The sender spins through the pause, so its CPU is awake: what a \
               sleeping sender adds is not shown."
            .into(),
        ..Sweep::of(cases, PAUSE, WAKE)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}

/// Best of each manner after the longest pause, compared with itself after the shortest.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let Some(longest) = cases.iter().map(|case| (PAUSE.of)(case)).max() else { return String::new() };
    let describe = |manner: Manner| {
        let after = cases.iter().filter(|case| (PAUSE.of)(case) == longest && case.series.manner == manner);
        let best = after.min_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)))?;
        let first = cases.iter().find(|case| case.series == best.series)?;
        let times = best.cost_ns()? / first.cost_ns()?;
        let compared = if (PAUSE.of)(first) == longest {
            String::new()
        } else {
            format!(", {} times what it takes after {}", format::ratio(times), (PAUSE.show)((PAUSE.of)(first)))
        };
        Some(format!("{} with {}{compared}", format::ns(best.cost_ns()?), best.series.quoted()))
    };
    let parts: Vec<String> = Manner::ALL.into_iter().filter_map(describe).collect();
    format!("After {} of silence the first message takes {}.", (PAUSE.show)(longest), parts.join("; "))
}
