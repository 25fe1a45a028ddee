//! Next owner of a lock by previous owner: a queue lock rotates, a lock that admits newcomers stays on one core.

use ipcmark_record::{Measure, Placement};

use super::super::heat::{Grid, Heat};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::locks::{Work, contenders, describe_ground, excludes, hand_off_shares, on_ground, rivals};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Most maps shown, evenly chosen between the extremes.
const MOST_MAPS: usize = 6;
/// Most contenders with readable cells.
const MOST_CONTENDERS: u32 = 16;

/// Lock with `shares[from][to]` and the share that stays with the same contender.
struct Map<'s, 'a> {
    case: &'s CaseStudy<'a>,
    shares: Vec<Vec<f64>>,
    same: f64,
}

/// Builds the chart; `None` without hand-off counts.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = rivals(study, Measure::Contention, placement);
    cases.retain(|case| excludes(case) && case.is_sound() && (2..=MOST_CONTENDERS).contains(&contenders(case.case)));
    let ground = ground(&cases)?;
    let mut maps: Vec<Map<'_, '_>> = on_ground(&cases, ground).into_iter().filter_map(map).collect();
    maps.sort_by(|a, b| a.same.total_cmp(&b.same));
    let title = format!("Next owner of the lock: {}, {}", describe_ground(ground), place(placement));
    let grid = |map: &Map<'_, '_>| Grid {
        heading: map.case.series.label(),
        note: format!("{} to the same contender", format::percent(map.same)),
        ink: looks.get(study.index(&map.case.series)).ink(),
        cells: map.shares.clone(),
    };
    let chart = Heat {
        description: "For each lock a square of cells: rows are the previous owner, columns the next one; darker cells \
             are more frequent.",
        across: "next",
        down: "from",
        grids: chosen(&maps).into_iter().map(grid).collect(),
    };
    (!maps.is_empty()).then(|| Figure {
        answer: answer(&maps),
        note: format!(
            "Share of all acquisitions. Rows: previous owner. Columns: next owner. A cell on the diagonal \
             means that the same contender got the lock again. An even distribution would be {} in each cell. \
             Shown are {} of {} locks, from the one that moves most to the one that stays most.",
            format::percent(1.0 / f64::from(ground.1).powi(2)),
            chosen(&maps).len(),
            maps.len()
        ),
        table: table(&maps),
        ..Figure::drawn("hand-offs", title, &chart)
    })
}

/// Work and number of contenders shared by most locks; on ties the most contenders, since two can only alternate.
fn ground(cases: &[&CaseStudy<'_>]) -> Option<(Work, u32)> {
    let of = |case: &CaseStudy<'_>| (Work::of(case.case), contenders(case.case));
    let at = |wanted: (Work, u32)| cases.iter().filter(|case| of(case) == wanted).count();
    let mut grounds: Vec<(Work, u32)> = cases.iter().map(|case| of(case)).collect();
    grounds.sort_unstable();
    grounds.dedup();
    grounds.into_iter().rev().max_by_key(|&ground| (at(ground), ground.1))
}

fn map<'s, 'a>(case: &'s CaseStudy<'a>) -> Option<Map<'s, 'a>> {
    let shares = hand_off_shares(case)?;
    let same = (0..shares.len()).map(|at| shares[at][at]).sum();
    Some(Map { case, shares, same })
}

/// All maps if they fit, otherwise an even selection.
fn chosen<'m, 's, 'a>(maps: &'m [Map<'s, 'a>]) -> Vec<&'m Map<'s, 'a>> {
    let few = maps.len().min(MOST_MAPS);
    (0..few).map(|at| &maps[if few > 1 { at * (maps.len() - 1) / (few - 1) } else { 0 }]).collect()
}

fn answer(maps: &[Map<'_, '_>]) -> String {
    let describe = |map: &Map<'_, '_>| format!("{} ({})", map.case.series.quoted(), format::percent(map.same));
    match maps {
        [] => String::new(),
        [only] => format!("The share of acquisitions by the previous owner is {}.", describe(only)),
        [first, .., last] => {
            format!(
                "The share of acquisitions by the previous owner ranges from {} to {}.",
                describe(first),
                describe(last)
            )
        }
    }
}

fn table(maps: &[Map<'_, '_>]) -> Table {
    let cells = maps.iter().flat_map(|map| {
        let rows = map.shares.iter().enumerate();
        rows.flat_map(move |(from, row)| row.iter().enumerate().map(move |(to, share)| (map.case, (from, to, *share))))
    });
    Table::of(cells)
        .case("Lock")
        .count("From", "from_count", |cell| Some(cell.1.0 as f64))
        .count("To", "to_count", |cell| Some(cell.1.1 as f64))
        .number("Share", "acquisitions_share", format::percent, |cell| Some(cell.1.2))
        .table()
}
