//! From a plan's blocks to cases: every combination of a block's lists, each with its CPUs or the reason why it cannot
//! run on this machine.

mod shape;

use ipcmark::family::Contestant;
use ipcmark::record::{Case, Isolation, Measure, Placement, Substrate, Touch};
use toml::Spanned;

use super::ground::Ground;
use super::source::{Block, Sentinel};
use super::text::{self, Page};
use super::{Place, Planned, distinct};

/// What the expansion of every block needs.
pub(super) struct Expander<'a> {
    pub page: &'a Page<'a>,
    pub ground: &'a Ground,
    /// Takes the place of every block's `placements`.
    pub placement: Option<Place>,
    /// Whether polling rows may share a CPU.
    pub oversubscribe: bool,
}

/// The values one block combines, besides rows.
struct Axes {
    measures: Vec<Measure>,
    placements: Vec<Placement>,
    sizes: Vec<u64>,
    depths: Vec<Option<u32>>,
    delays_ns: Vec<Option<u64>>,
}

/// One point of a block.
#[derive(Clone, Copy)]
struct Point {
    measure: Measure,
    placement: Placement,
    bytes: u64,
    depth: Option<u32>,
    delay_ns: Option<u64>,
}

impl Expander<'_> {
    /// Every case of `block`.
    ///
    /// Errors: the first word that is unknown or a combination that no row of the block can answer, with its line.
    pub fn block(&self, block: &Block) -> anyhow::Result<Vec<Planned>> {
        let rows = self.rows(block)?;
        let axes = self.axes(block)?;
        if let Some(delays) = block.delays_ns.as_ref().filter(|_| rows.iter().any(|row| !plays_alone(row))) {
            let able = distinct(self.ground.contestants.iter().filter(|row| plays_alone(row)).map(|row| row.mechanism));
            let text =
                format_args!("`delays_ns` fits only {}; give other mechanisms a block without it", able.join(", "));
            return Err(self.page.wrong(delays.span(), text));
        }
        for (measure, at) in axes.measures.iter().zip(block.measures.get_ref()) {
            if !rows.iter().any(|row| answers(row, *measure)) {
                return Err(self.page.wrong(at.span(), unanswered(&rows, *measure)));
            }
        }
        self.check_shapes(block, &rows, &axes)?;
        Ok(rows.iter().flat_map(|row| axes.points().map(|point| self.planned(row, point))).collect())
    }

    /// The sentinel's case.
    ///
    /// Errors: as for a block, and when the sentinel cannot run on this machine.
    pub fn sentinel(&self, sentinel: &Spanned<Sentinel>) -> anyhow::Result<Planned> {
        let form = sentinel.get_ref();
        let one = |word: &Spanned<String>| Spanned::new(word.span(), vec![word.clone()]);
        let block = Block {
            family: Spanned::new(sentinel.span(), "transport".to_owned()),
            mechanisms: one(&form.mechanism),
            measures: one(&form.measure),
            message_bytes: Spanned::new(form.message_bytes.span(), vec![form.message_bytes.clone()]),
            placements: form.placement.as_ref().map_or_else(super::source::nearest, one),
            isolations: None,
            substrates: None,
            depths: None,
            delays_ns: None,
        };
        let mut cases = self.block(&block)?;
        if cases.len() > 1 {
            let text = "the sentinel is one case; name one row of `ipcmark list`";
            return Err(self.page.wrong(form.mechanism.span(), text));
        }
        cases.pop().ok_or_else(|| self.page.wrong(sentinel.span(), "the sentinel names no case"))
    }

    fn axes(&self, block: &Block) -> anyhow::Result<Axes> {
        let sizes = self.page.filled(&block.message_bytes, "message_bytes")?;
        let placements = match self.placement {
            Some(place) => vec![place],
            None => self.page.words(&block.placements, "placements", "placement", &Place::words())?,
        };
        let measures: Vec<Measure> = self.page.words(&block.measures, "measures", "measure", &askable())?;
        Ok(Axes {
            measures,
            placements: placements.into_iter().map(|place| place.resolve(self.ground)).collect(),
            sizes: sizes.iter().map(|size| size.get_ref().0).collect(),
            depths: self.page.optional(block.depths.as_ref(), "depths")?,
            delays_ns: self.page.optional(block.delays_ns.as_ref(), "delays_ns")?,
        })
    }

    /// The registry rows a block names, in its order, narrowed to the isolations and substrates it asks for.
    fn rows(&self, block: &Block) -> anyhow::Result<Vec<&Contestant>> {
        let family = block.family.get_ref().as_str();
        let all: Vec<&Contestant> = self.ground.contestants.iter().filter(|row| row.family == family).collect();
        if all.is_empty() {
            let known = distinct(self.ground.contestants.iter().map(|row| row.family));
            return Err(self.page.wrong(block.family.span(), text::unknown("family", family, known)));
        }
        let isolations = self.page.narrowing(block.isolations.as_ref(), "isolations", "isolation", Isolation::ALL)?;
        let substrates = self.page.narrowing(block.substrates.as_ref(), "substrates", "substrate", Substrate::ALL)?;
        let mut chosen: Vec<&Contestant> = vec![];
        for pattern in self.page.filled(&block.mechanisms, "mechanisms")? {
            let word = pattern.get_ref().as_str();
            let named: Vec<&Contestant> =
                all.iter().copied().filter(|c| text::matches(word, &c.row()) || word == c.mechanism).collect();
            if named.is_empty() {
                let rows: Vec<String> = all.iter().map(|c| c.row()).collect();
                let known = all.iter().map(|c| c.mechanism).chain(rows.iter().map(String::as_str));
                let text = text::unknown("mechanism", word, distinct(known));
                return Err(self.page.wrong(pattern.span(), text));
            }
            let kept = narrow(&named, isolations.as_deref(), substrates.as_deref());
            if kept.is_empty() {
                return Err(self.page.wrong(pattern.span(), unfit(word, &named)));
            }
            chosen.extend(
                kept.into_iter().filter(|c| !chosen.iter().any(|seen| std::ptr::eq(*seen, *c))).collect::<Vec<_>>(),
            );
        }
        Ok(chosen)
    }

    /// One case with its CPUs, or with what stands in its way.
    fn planned(&self, row: &Contestant, point: Point) -> Planned {
        let alone = plays_alone(row);
        let placement = if alone { Placement::SameCpu } else { point.placement };
        let case = Case {
            isolation: row.isolation,
            wait: row.wait,
            substrate: row.substrate,
            placement,
            message_bytes: Some(point.bytes),
            producers: Some(1),
            consumers: Some(1),
            depth: point.depth,
            touch: Some(Touch::All),
            delay_ns: point.delay_ns,
            ..Case::new(row.family, row.mechanism, point.measure)
        };
        let cpus = if alone {
            self.ground.cpus(self.ground.nearest).map(|pair| pair.into_iter().take(1).collect())
        } else {
            self.ground.cpus(placement)
        };
        let obstacle = self.obstacle(row, &case).or_else(|| cpus.as_ref().err().cloned());
        Planned { case, cpus: cpus.unwrap_or_default(), obstacle }
    }

    fn obstacle(&self, row: &Contestant, case: &Case) -> Option<String> {
        if let Some(missing) = &row.unavailable {
            return Some(missing.clone());
        }
        if !answers(row, case.measure) {
            return Some(unanswered(&[row], case.measure));
        }
        let cpus = self.ground.cpus_for_roles(case.placement);
        let starved = cpus > 0 && cpus < row.cpus_wanted as usize;
        if row.polls && starved && !self.oversubscribe {
            return Some(format!(
                "{} polls: {} roles on {cpus} CPU would time the scheduler, not the mechanism \
                 (a plan with `oversubscribe = true` measures that)",
                case.row(),
                row.cpus_wanted
            ));
        }
        (self.ground.supports)(case).err()
    }
}

impl Axes {
    /// Every combination. Anatomy is counted, not timed, so one size and one place say it all.
    fn points(&self) -> impl Iterator<Item = Point> + '_ {
        self.measures.iter().flat_map(move |&measure| {
            let smallest = self.sizes.iter().copied().min();
            let untimed = measure == Measure::Anatomy;
            let places = if untimed { &self.placements[..1] } else { &self.placements[..] };
            places.iter().flat_map(move |&placement| {
                self.sizes.iter().filter(move |bytes| !untimed || Some(**bytes) == smallest).flat_map(move |&bytes| {
                    self.depths.iter().flat_map(move |&depth| {
                        self.delays_ns.iter().map(move |&delay_ns| Point { measure, placement, bytes, depth, delay_ns })
                    })
                })
            })
        })
    }
}

/// What a plan may ask; floors run by themselves at the start of every run.
fn askable() -> Vec<&'static str> {
    Measure::ALL.iter().filter(|measure| **measure != Measure::Floors).map(|measure| measure.word()).collect()
}

fn answers(row: &Contestant, measure: Measure) -> bool {
    row.measures.contains(&measure)
}

fn unanswered(rows: &[&Contestant], measure: Measure) -> String {
    let names = distinct(rows.iter().map(|row| row.mechanism)).join(", ");
    let can = Measure::ALL.iter().filter(|m| rows.iter().any(|row| answers(row, **m))).map(|m| m.word());
    format!("`{measure}` cannot be asked of {names}; it answers {}", can.collect::<Vec<_>>().join(", "))
}

/// One thread plays both sides, so there is no hand-over, one CPU is enough, and a known delay can be put in.
fn plays_alone(row: &Contestant) -> bool {
    row.cpus_wanted == 1
}

/// The rows that fit what the plan asks for; where it does not ask, the first form a row can take.
fn narrow<'a>(
    named: &[&'a Contestant],
    isolations: Option<&[Isolation]>,
    substrates: Option<&[Substrate]>,
) -> Vec<&'a Contestant> {
    let fits = |contestant: &&&Contestant| {
        let first = named.iter().find(|other| other.row() == contestant.row()).copied();
        let isolated = match isolations {
            Some(asked) => asked.contains(&contestant.isolation),
            None => first.is_some_and(|first| first.isolation == contestant.isolation),
        };
        let made_of = match (substrates, contestant.substrate) {
            (_, None) => true,
            (Some(asked), Some(substrate)) => asked.contains(&substrate),
            (None, substrate) => first.is_some_and(|first| first.substrate == substrate),
        };
        isolated && made_of
    };
    named.iter().filter(fits).copied().collect()
}

fn unfit(word: &str, named: &[&Contestant]) -> String {
    let isolations = distinct(named.iter().map(|row| row.isolation.word())).join(", ");
    let substrates = distinct(named.iter().filter_map(|row| row.substrate).map(Substrate::word)).join(", ");
    let made_of = if substrates.is_empty() { String::new() } else { format!(", on the substrates {substrates}") };
    format!("no row of `{word}` fits the isolations and substrates asked for; it runs as {isolations}{made_of}")
}
