//! Throughput of a lock with more contenders than CPUs, or beside a CPU hog. A contender that polls while the holder is
//! preempted wastes time slices.

use ipcmark_record::{Kind, Measure, Placement};

use super::super::axis::Axis;
use super::super::canvas::Marker;
use super::super::dots::{Dots, Mark, Row, Section};
use super::super::table::{OfCase, Table};
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::locks::{Work, common_ground, contenders, excludes, with_hogs};
use crate::analyse::series::Manner;
use crate::analyse::statistics::{Estimate, Interval};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::{cost_ns, repetitions};
use crate::format;

/// Oversubscribed case, compared with the same lock on enough CPUs.
struct Crowded<'s, 'a> {
    case: &'s CaseStudy<'a>,
    /// Its rate divided by that on enough CPUs.
    ratio: Estimate,
}

impl Crowded<'_, '_> {
    fn hogs(&self) -> u32 {
        self.case.case.params.hogs.unwrap_or(0)
    }

    /// `8 contenders`, or `beside a CPU hog`.
    fn describe(&self) -> String {
        match self.hogs() {
            0 => format!("{} contenders", contenders(self.case.case)),
            1 => "beside a CPU hog".into(),
            hogs => format!("beside {hogs} CPU hogs"),
        }
    }

    /// Remaining share of the rate: `0.52`, or `1/28 000` if small.
    fn left(&self) -> String {
        let ratio = self.ratio.value;
        if ratio < 0.01 {
            format!("1/{}", format::whole((1.0 / ratio) as u64))
        } else {
            format::ratio(ratio).to_string()
        }
    }
}

/// Builds the chart; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cpus = study.cpus()?;
    let competing = |case: &&CaseStudy<'_>| excludes(case) && case.is_sound();
    let all: Vec<&CaseStudy<'_>> = with_hogs(study, Measure::Contention, placement).filter(competing).collect();
    let roomy: Vec<&CaseStudy<'_>> = all
        .iter()
        .copied()
        .filter(|case| contenders(case.case) <= cpus && case.case.params.hogs.unwrap_or(0) == 0)
        .collect();
    let ground = common_ground(study, &roomy)?;
    let crowded = crowded(&all, &roomy, ground, cpus);
    let of_rows: Vec<&CaseStudy<'_>> = crowded.iter().map(|one| one.case).collect();
    let shown = Shown::of(&of_rows, |case| u64::from(contenders(case.case) * 100 + case.case.params.hogs.unwrap_or(0)));
    let sections: Vec<Section> =
        Manner::ALL.into_iter().filter_map(|manner| section(study, looks, &crowded, manner, &shown)).collect();
    let marks = sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.marks);
    let values = marks.map(|mark| mark.value).chain([1.0]);
    let title = format!("Throughput with too few CPUs: {}, {}", ground.0, place(placement));
    let chart = Dots {
        description: "Acquisitions per second with more contenders than CPUs, or beside a process that burns CPU time, over \
                      those with a CPU for each contender.",
        x_name: "times the rate with a CPU for each (log scale)",
        axis: Axis::log(values, format::ratio),
        references: vec![(format!("{} contenders on {cpus} CPUs", ground.1), 1.0)],
        stretch: None,
        sections,
    };
    (!crowded.is_empty()).then(|| Figure {
        answer: answer(&crowded),
        note: format!(
            "Ratio of the two medians with its interval. Circle: the most contenders. Diamond: beside a \
             CPU hog. A rate can also rise: the contender that has the CPU then has the lock to itself for a \
             time slice, and the others starve meanwhile.{}",
            shown.describe()
        ),
        legend: looks.kinds_of(of_rows.iter().map(|case| &case.series)),
        table: table(&crowded),
        ..Figure::drawn("crowd", title, &chart)
    })
}

fn crowded<'s, 'a>(
    all: &[&'s CaseStudy<'a>],
    roomy: &[&CaseStudy<'a>],
    (work, n): (Work, u32),
    cpus: u32,
) -> Vec<Crowded<'s, 'a>> {
    let rate = |case: &CaseStudy<'_>| repetitions(&case.records, Kind::Cost, cost_ns);
    let of = |case: &&'s CaseStudy<'a>| {
        let (wanting, hogs) = (contenders(case.case), case.case.params.hogs.unwrap_or(0));
        let alike = |other: &&&CaseStudy<'_>| {
            other.series == case.series && Work::of(other.case) == work && contenders(other.case) == n
        };
        let asked = Work::of(case.case) == work && (hogs > 0 || wanting > cpus) && (hogs == 0 || wanting == n);
        let base = roomy.iter().find(alike).filter(|_| asked)?;
        // The inverse ratio of costs is the ratio of rates.
        Some(Crowded { case, ratio: rate(base).ratio_to(&rate(case))? })
    };
    all.iter().filter_map(of).collect()
}

/// Rows for the variants of one manner, largest loss first.
fn section(
    study: &Study<'_>,
    looks: &Looks,
    crowded: &[Crowded<'_, '_>],
    manner: Manner,
    shown: &Shown,
) -> Option<Section> {
    let members = crowded.iter().filter(|one| one.case.series.manner == manner && shown.shows(&one.case.series));
    let members: Vec<&Crowded<'_, '_>> = members.collect();
    let mut rows: Vec<(f64, Row)> = members
        .chunk_by(|a, b| a.case.series == b.case.series)
        .filter_map(|of_one| {
            let look = looks.get(study.index(&of_one[0].case.series));
            let most = of_one.iter().filter(|one| one.hogs() == 0).max_by_key(|one| contenders(one.case.case));
            let beside = of_one.iter().filter(|one| one.hogs() > 0).max_by_key(|one| one.hogs());
            let mark = |one: &Crowded<'_, '_>, marker: Marker| {
                let (value, interval) = one.ratio.with_ends();
                Mark { value, interval, ink: look.ink(), marker, each: Vec::new(), crossed: false }
            };
            let marks = [most.map(|one| mark(one, Marker::Circle)), beside.map(|one| mark(one, Marker::Diamond))];
            let marks: Vec<Mark> = marks.into_iter().flatten().collect();
            let notes: Vec<String> =
                [most, beside].into_iter().flatten().map(|one| format!("{} {}", one.describe(), one.left())).collect();
            let order = marks.first()?.value;
            let label = of_one[0].case.series.label();
            Some((order, Row { label, ink: look.ink(), note: notes.join(", "), marks }))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    (!rows.is_empty()).then(|| Section { heading: manner.word().into(), rows })
}

/// Locks with the largest and the smallest loss.
fn answer(crowded: &[Crowded<'_, '_>]) -> String {
    let by_ratio = |a: &&Crowded<'_, '_>, b: &&Crowded<'_, '_>| a.ratio.value.total_cmp(&b.ratio.value);
    let describe = |one: &Crowded<'_, '_>| {
        let (name, manner) = (one.case.series.quoted(), one.case.series.manner.word());
        format!("{name}, which {manner}, reaches {} times its rate ({})", one.left(), one.describe())
    };
    match (crowded.iter().min_by(by_ratio), crowded.iter().max_by(by_ratio)) {
        (Some(worst), Some(best)) if crowded.len() > 1 => {
            format!("With too few CPUs {}; {}.", describe(worst), describe(best))
        }
        (Some(only), _) => format!("With too few CPUs {}.", describe(only)),
        _ => String::new(),
    }
}

fn table(crowded: &[Crowded<'_, '_>]) -> Table {
    let end = |one: &Crowded<'_, '_>, pick: fn(Interval) -> f64| one.ratio.interval.map(pick);
    Table::of(crowded)
        .case("Lock")
        .count("Contenders", "contenders_count", |one| Some(f64::from(contenders(one.case.case))))
        .count("CPU hogs", "hogs_count", |one| Some(f64::from(one.hogs())))
        .typical("Rate", "acquisitions_per_s", format::rate)
        .number("Times uncrowded", "ratio_count", format::ratio, |one| Some(one.ratio.value))
        .number("Low", "low_count", format::ratio, |one| end(one, |i| i.low))
        .number("High", "high_count", format::ratio, |one| end(one, |i| i.high))
        .table()
}

impl OfCase for Crowded<'_, '_> {
    fn study(&self) -> &CaseStudy<'_> {
        self.case
    }
}
