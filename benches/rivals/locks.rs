//! Two locks, uncontended or contended, shared between processes if the rival supports it, else between threads.

use ipcmark::family::{self, Variant};
use ipcmark::lock::FAMILY;
use ipcmark::record::{Case, Isolation, Measure, Placement, Spacing};

use super::{Contest, Pair};

/// Measures uncontended acquire and release of `rows`, the first ours.
pub fn alone(contest: &Contest, rows: [&str; 2], rival_first: bool) -> Option<Pair> {
    let case = |row: &Variant| {
        Case { placement: Placement::SameCpu, ..row.case(Measure::Acquire) }.with(|p| p.contenders = Some(1))
    };
    let [ours, rival] = pair(rows)?;
    Some(contest.cases(&case(&ours), &case(&rival), rival_first))
}

/// Measures contended locks, with `work_ns` of critical section and of think time, on the same CPUs.
pub fn wanted(contest: &Contest, rows: [&str; 2], contenders: u32, work_ns: u64, rival_first: bool) -> Option<Pair> {
    let case = |row: &Variant| {
        Case { placement: Placement::Spread, ..row.case(Measure::Contention) }.with(|p| {
            p.contenders = Some(contenders);
            p.critical_section_ns = Some(work_ns);
            p.think_time_ns = Some(work_ns);
            p.spacing = Some(Spacing::Fixed);
        })
    };
    let [ours, rival] = pair(rows)?;
    Some(contest.cases(&case(&ours), &case(&rival), rival_first))
}

/// Both rows with the same isolation; `None` if one of them cannot run here.
fn pair([ours, rival]: [&str; 2]) -> Option<[Variant; 2]> {
    let rival = usable(rival, None)?;
    Some([usable(ours, Some(rival.isolation))?, rival])
}

fn usable(name: &str, isolation: Option<Isolation>) -> Option<Variant> {
    let fits = |row: &Variant| row.row() == name && isolation.is_none_or(|isolation| row.isolation == isolation);
    family::variants().into_iter().find(|row| row.family == FAMILY && row.unavailable.is_none() && fits(row))
}
