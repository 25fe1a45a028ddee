//! From a plan's blocks to cases: every combination of a block's lists, each with its CPUs or the reason why it cannot
//! run on this machine.

mod axes;
mod rows;
mod shape;

use ipcmark::family::Variant;
use ipcmark::record::{Case, Measure, Placement, Touch};
use toml::Spanned;

use self::axes::Point;

use super::ground::Ground;
use super::source::{Block, Sentinel};
use super::text::Page;
use super::{Place, Planned, distinct};

/// What the expansion of every block needs.
pub(super) struct Expander<'a> {
    pub page: &'a Page<'a>,
    pub ground: &'a Ground,
    /// Takes the place of every block's `placements`.
    pub placement: Option<Place>,
    /// Whether polling rows may share a CPU.
    pub oversubscribe: bool,
    /// Length of a trial's hot phase.
    pub hot_ms: u64,
}

impl Expander<'_> {
    /// Every case of `block`.
    ///
    /// Errors: the first word that is unknown or a combination that no row of the block can answer, with its line.
    pub fn block(&self, block: &Block) -> anyhow::Result<Vec<Planned>> {
        let rows = self.rows(block)?;
        let axes = self.axes(block)?;
        for (measure, at) in axes.measures.iter().zip(block.measures.get_ref()) {
            if !rows.iter().any(|row| answers(row, *measure)) {
                return Err(self.page.wrong(at.span(), unanswered(&rows, *measure)));
            }
        }
        let points = axes.points();
        self.check_axes(block, &rows, &axes.measures)?;
        self.check_shapes(block, &rows, &points)?;
        Ok(rows.iter().flat_map(|row| points.iter().map(|point| self.planned(row, point))).collect())
    }

    /// The sentinel's case.
    ///
    /// Errors: as for a block, and when the sentinel cannot run on this machine.
    pub fn sentinel(&self, sentinel: &Spanned<Sentinel>) -> anyhow::Result<Planned> {
        let mut cases = self.block(&Block::of_sentinel(sentinel))?;
        if cases.len() > 1 {
            let text = "the sentinel is one case; name one row of `ipcmark list`";
            return Err(self.page.wrong(sentinel.get_ref().mechanism.span(), text));
        }
        cases.pop().ok_or_else(|| self.page.wrong(sentinel.span(), "the sentinel names no case"))
    }

    /// One case with its CPUs, or with what stands in its way.
    fn planned(&self, row: &Variant, point: &Point) -> Planned {
        let alone = plays_alone(row);
        let placement = if alone { Placement::SameCpu } else { point.placement };
        // One sender and one receiver unless asked, every byte touched.
        let of_messages = |value: Option<u32>| value.or(row.sends().then_some(1));
        let case = Case {
            family: row.family.to_owned(),
            mechanism: row.mechanism.to_owned(),
            program: row.program.map(str::to_owned),
            isolation: row.isolation,
            wait: row.wait,
            substrate: row.substrate,
            placement,
            producers: of_messages(point.producers),
            consumers: of_messages(point.consumers),
            touch: point.touch.or(row.sends().then_some(Touch::All)),
            // Without memory of its own a row has nothing to bring in.
            prefault: point.prefault.filter(|_| row.substrate.is_some()),
            ..point.clone()
        };
        let cpus = if alone {
            self.ground.cpus(self.ground.nearest).map(|pair| pair.into_iter().take(1).collect())
        } else {
            self.ground.cpus(placement)
        };
        let obstacle = self.obstacle(row, point, &case).or_else(|| cpus.as_ref().err().cloned());
        Planned { case, cpus: cpus.unwrap_or_default(), obstacle }
    }

    fn obstacle(&self, row: &Variant, point: &Point, case: &Case) -> Option<String> {
        if let Some(missing) = &row.unavailable {
            return Some(missing.clone());
        }
        if !answers(row, case.measure) {
            return Some(unanswered(&[row], case.measure));
        }
        let cpus = self.ground.cpus_for_roles(case.placement);
        let roles = if plays_alone(row) { 1 } else { (self.ground.roles)(case) };
        let places = self.ground.cpus(case.placement).map_or(0, |cpus| cpus.len());
        if case.placement != Placement::Spread && places > 0 && places < roles as usize {
            return Some(format!(
                "`{}` has {places} places and the case {roles} roles; `spread` deals any number out over all CPUs",
                case.placement
            ));
        }
        let crowded = row.polls && cpus > 0 && cpus < roles as usize;
        if crowded && !self.oversubscribe && !stops_by_the_clock(row, case.measure) {
            return Some(format!(
                "{} polls: {roles} roles on {cpus} CPU would time the scheduler, not the mechanism \
                 (a plan with `oversubscribe = true` measures that)",
                case.row(),
            ));
        }
        if self.starved(point) {
            return Some(format!(
                "the sender of `{}` keeps its CPU busy between messages, and there is only one CPU",
                case.measure
            ));
        }
        (self.ground.supports)(case).err()
    }

    /// True when this machine leaves the measure fewer CPUs than it wants, whatever the mechanism.
    fn starved(&self, point: &Point) -> bool {
        let wants_two = matches!(point.measure, Measure::Paced | Measure::Wake);
        wants_two && self.ground.cpus_for_roles(point.placement) == 1
    }
}

/// What a plan may ask; floors run by themselves at the start of every run.
fn askable() -> Vec<&'static str> {
    Measure::ALL.iter().filter(|measure| **measure != Measure::Floors).map(|measure| measure.word()).collect()
}

fn answers(row: &Variant, measure: Measure) -> bool {
    row.measures.contains(&measure)
}

/// Promises of a lock are checked between more holders than most machines have CPUs, and for as long as they take: few
/// hand-overs where each costs a time slice.
fn stops_by_the_clock(row: &Variant, measure: Measure) -> bool {
    measure == Measure::Conformance && !row.sends()
}

fn unanswered(rows: &[&Variant], measure: Measure) -> String {
    let names = distinct(rows.iter().map(|row| row.mechanism)).join(", ");
    let can = Measure::ALL.iter().filter(|m| rows.iter().any(|row| answers(row, **m))).map(|m| m.word());
    format!("`{measure}` cannot be asked of {names}; it answers {}", can.collect::<Vec<_>>().join(", "))
}

/// One thread plays both sides, so there is no hand-over, one CPU is enough, and a known delay can be put in.
fn plays_alone(row: &Variant) -> bool {
    row.cpus_wanted == 1
}
