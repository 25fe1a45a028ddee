//! Fairness against throughput: the fastest locks often starve other contenders.

use ipcmark_record::{Measure, Placement};

use super::super::axis::Axis;
use super::super::scatter::{Dot, Scatter, front};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::locks::{
    FAIRNESS_WINDOW_NS, common_ground, describe_ground, excludes, fairness, on_ground, rivals,
};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Number of points up to which all are labelled; beyond it only the front and the best of each kind.
const MOST_NAMES: usize = 14;

/// Case with its acquisitions per second and Jain's index.
type Placed<'s, 'a> = (&'s CaseStudy<'a>, (f64, f64));

/// Builds the chart; `None` with fewer than two contended locks.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = rivals(study, Measure::Contention, placement);
    cases.retain(|case| excludes(case) && case.is_sound());
    let ground = common_ground(study, &cases)?;
    let point = |case: &CaseStudy<'_>| Some((case.summary.typical?.value, fairness(case, FAIRNESS_WINDOW_NS)?));
    let placed: Vec<Placed<'_, '_>> =
        on_ground(&cases, ground).into_iter().filter_map(|case| Some((case, point(case)?))).collect();
    if placed.len() < 2 {
        return None;
    }
    let front = best_in_both(&placed);
    let named = Shown::of(&placed.iter().map(|one| one.0).collect::<Vec<_>>(), |_| 0);
    let dot = |(at, (case, point)): (usize, &Placed<'_, '_>)| {
        let look = looks.get(study.index(&case.series));
        let text = placed.len() <= MOST_NAMES || front.contains(&at) || named.shows(&case.series);
        Dot { at: *point, ink: look.ink(), marker: look.marker, label: text.then(|| case.series.label()) }
    };
    let title = format!("Fairness against throughput: {}, {}", describe_ground(ground), place(placement));
    let chart = Scatter {
        description: "Jain's index over windows of 10 ms by acquisitions per second, one point per lock; a line joins \
             the locks that no other lock beats in both.",
        x_name: "acquisitions per second (log scale)",
        y_name: "Jain's index over 10 ms",
        x: Axis::log(placed.iter().map(|one| one.1.0), format::rate),
        y: Axis::index(placed.iter().map(|one| one.1.1)),
        dots: placed.iter().enumerate().map(dot).collect(),
        front: steps(&front.iter().map(|&at| placed[at].1).collect::<Vec<_>>()),
        corner: Some("fast and fair \u{2197}"),
    };
    Some(Figure {
        answer: answer(&placed, &front),
        note: format!(
            "Jain's index is 1 when all contenders got the same share and 1/{} when one got all. Windows are \
             10 ms long, or the whole measurement where that is shorter. Medians are compared; intervals may \
             overlap. Circles poll, triangles poll and then block, squares and diamonds block.",
            ground.1
        ),
        legend: looks.kinds_of(placed.iter().map(|one| &one.0.series)),
        table: table(&placed, &front),
        ..Figure::drawn("fairness", title, &chart)
    })
}

/// Pareto-optimal locks, from slow and fair to fast and unfair; threads are references.
fn best_in_both(placed: &[Placed<'_, '_>]) -> Vec<usize> {
    let processes: Vec<usize> = (0..placed.len()).filter(|&at| placed[at].0.series.between_processes()).collect();
    // `front` minimises both coordinates.
    let points: Vec<(f64, f64)> = processes.iter().map(|&at| (-placed[at].1.0, -placed[at].1.1)).collect();
    front(&points).into_iter().rev().map(|at| processes[at]).collect()
}

/// Front as a step line, which goes down before it goes right.
fn steps(front: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for &(x, y) in front {
        if let Some(&(before, _)) = steps.last() {
            steps.push((before, y));
        }
        steps.push((x, y));
    }
    steps
}

fn answer(placed: &[Placed<'_, '_>], front: &[usize]) -> String {
    let describe = |&at: &usize| {
        let (case, (rate, jain)) = &placed[at];
        format!("{} ({}, Jain {})", case.series.quoted(), format::rate(*rate), format::ratio(*jain))
    };
    let named: Vec<String> = front.iter().map(describe).collect();
    match named.as_slice() {
        [] => String::new(),
        [only] => format!("One lock is both the fastest and the most even: {only}."),
        several => format!("No lock is both faster and more even than {}.", several.join(", ")),
    }
}

fn table(placed: &[Placed<'_, '_>], front: &[usize]) -> Table {
    let rows = placed.iter().enumerate();
    Table::of(rows.map(|(at, (case, point))| (*case, (*point, front.contains(&at)))).collect::<Vec<_>>())
        .case("Lock")
        .number("Rate", "acquisitions_per_s", format::rate, |row| Some(row.1.0.0))
        .number("Jain over 10 ms", "jain_count", format::ratio, |row| Some(row.1.0.1))
        .text("Beaten in both", "beaten", |row| if row.1.1 { "no" } else { "yes" })
        .table()
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn the_edge_goes_down_before_it_goes_right() {
        assert_eq!(steps(&[(1.0, 0.9), (5.0, 0.4)]), [(1.0, 0.9), (1.0, 0.4), (5.0, 0.4)]);
        assert!(steps(&[]).is_empty());
    }
}
