//! What can be asked of which way to start somebody.

use super::watch::{self, Watch};
use super::{FAMILY, Launch, ROWS, Visitor, visit};
use crate::record::{Case, Ending, Group, Isolation, Measure, Placement};
use crate::variant::Variant;

/// The comparison row: a plain loop of posix_spawn and waitpid without anything of this suite around it.
pub const BARE: &str = "posix-spawn-bare";

const BARE_SUMMARY: &str = "a plain posix_spawn and waitpid loop, for comparison";
const MEASURES: &[Measure] = &[Measure::StartUp, Measure::Conformance];

/// Every row.
pub fn variants() -> Vec<Variant> {
    let ways = ROWS.iter().filter_map(|row| visit(row, Describe { row }));
    let watchers = watch::ROWS.iter().filter_map(|row| watch::visit(row, Describe { row }));
    ways.chain([bare()]).chain(watchers).collect()
}

/// The variant of this name. Only it is asked what this machine lacks for it.
fn variant_of(name: &str) -> Option<Variant> {
    let known = |rows: &[&'static str]| rows.iter().copied().find(|row| *row == name);
    let way = known(ROWS).and_then(|row| visit(row, Describe { row }));
    let watcher = || known(watch::ROWS).and_then(|row| watch::visit(row, Describe { row }));
    way.or_else(watcher).or_else(|| (name == BARE).then(bare))
}

fn bare() -> Variant {
    variant(BARE, BARE_SUMMARY, Isolation::Process, &[Measure::StartUp], None)
}

/// Roles of the case that are at work at the same time. Whoever is started shares the CPUs of his parent; who is watched has
/// a place of his own.
pub fn roles(case: &Case) -> u32 {
    if case.measure == Measure::Watch { 2 } else { 1 }
}

/// Whether the case can be asked of its mechanism.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    let row = variant_of(&case.row())
        .ok_or_else(|| format!("there is no way `{}`; `ipcmark list` names them all", case.row()))?;
    if row.isolation != case.isolation {
        return Err(format!("`{}` starts a {}, not a {}", case.row(), row.isolation, case.isolation));
    }
    if !row.measures.contains(&case.measure) {
        return Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure));
    }
    if case.measure == Measure::StartUp && !matches!(case.placement, Placement::Unpinned | Placement::SameCpu) {
        return Err(format!(
            "a newborn may use the CPUs of its parent: that is `unpinned` or `same_cpu`, never `{}`",
            case.placement
        ));
    }
    if case.mechanism == BARE && case.params.batch.is_some_and(|many| many > 1) {
        return Err(format!("`{BARE}` is a loop of one process at a time; `posix-spawn` starts several"));
    }
    match watch::visit(&case.mechanism, Endings) {
        Some(known) if !known.contains(&ending(case)) => {
            let known: Vec<&str> = known.iter().map(|ending| ending.word()).collect();
            Err(format!(
                "`{}` cannot be asked for the ending `{}`, only for {}",
                case.row(),
                ending(case),
                known.join(", ")
            ))
        }
        _ => Ok(()),
    }
}

/// How the case's child comes to its end.
pub fn ending(case: &Case) -> Ending {
    case.params.ending.unwrap_or(Ending::Exit)
}

struct Endings;

impl watch::Visitor for Endings {
    type Output = &'static [Ending];

    fn visit<W: Watch>(self) -> &'static [Ending] {
        W::ENDINGS
    }
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Variant;

    fn visit<L: Launch>(self) -> Variant {
        variant(self.row, L::SUMMARY, L::ISOLATION, MEASURES, L::unavailable())
    }
}

impl watch::Visitor for Describe {
    type Output = Variant;

    fn visit<W: Watch>(self) -> Variant {
        variant(self.row, W::SUMMARY, W::ISOLATION, &[Measure::Watch], W::unavailable())
    }
}

fn variant(
    mechanism: &'static str,
    summary: &'static str,
    isolation: Isolation,
    measures: &'static [Measure],
    unavailable: Option<String>,
) -> Variant {
    Variant { summary, measures, unavailable, ..Variant::of(FAMILY, mechanism, Group::Processes, isolation) }
}
