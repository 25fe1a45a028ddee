//! Wake-up against pause: what the first message after a silence costs, which no closed loop shows.

use ipcmark_record::{Measure, Placement};

use super::against::{Against, Swept};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// The chart, at the size most share; `None` without wake-ups.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let common = study.common_size(Measure::Wake, placement)?;
    let mut cases: Vec<&CaseStudy<'_>> =
        study.measured(Measure::Wake, placement).filter(|case| case.bytes() == common).collect();
    cases.sort_by(|a, b| (&a.series, gap(a)).cmp(&(&b.series, gap(b))));
    let answer = answer(&cases);
    let against_gap = Against {
        cases,
        swept: Swept {
            name: "pause before the message",
            of: gap,
            show: |gap| format::time(gap as f64).trimmed().to_string(),
            column: ("Pause", "gap_ns"),
            even: false,
        },
        value: |case| {
            let typical = case.summary.typical?.value;
            Some((typical, case.summary.p99_ns.map(|p99| (typical.min(p99), p99))))
        },
        floor: None,
        show: format::time,
        y_name: "from send to verified",
        columns: [("Median", "wake_ns"), ("Median", "low_ns"), ("p99", "p99_ns")],
        id: "wake-up",
        title: format!("The first {} message after a pause, {}", format::bytes(common), place(placement)),
        description: "Latency of the first message by the length of the pause before it, on logarithmic axes, one line \
                      per mechanism.",
        note: "One way, from just before the send until the receiver had verified it; points are medians over repetitions, \
               bands and bars reach up to p99. The sender spins through the pause, so its CPU is awake: what a \
               sleeping sender adds is not shown."
            .into(),
    };
    let figure = against_gap.figure(study, looks)?;
    Some(Figure { answer, ..figure })
}

fn gap(case: &CaseStudy<'_>) -> u64 {
    case.case.params.gap_ns.unwrap_or(0)
}

/// The best after the longest pause in each way of waiting, next to itself after the shortest.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let Some(longest) = cases.iter().map(|case| gap(case)).max() else { return String::new() };
    let told = |manner: Manner| {
        let after = cases.iter().filter(|case| gap(case) == longest && case.series.manner == manner);
        let best = after.min_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)))?;
        let first = cases.iter().find(|case| case.series == best.series)?;
        let times = best.cost_ns()? / first.cost_ns()?;
        let compared = if gap(first) == longest {
            String::new()
        } else {
            format!(
                ", {} times what it takes after {}",
                format::ratio(times),
                format::time(gap(first) as f64).trimmed()
            )
        };
        Some(format!("{} with {}{compared}", format::ns(best.cost_ns()?), best.series.quoted()))
    };
    let parts: Vec<String> = Manner::ALL.into_iter().filter_map(told).collect();
    format!("After {} of silence the first message takes {}.", format::time(longest as f64).trimmed(), parts.join("; "))
}
