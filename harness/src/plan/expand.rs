//! From a plan's blocks to cases: every combination of a block's lists, each with its CPUs or the reason why it cannot
//! run on this machine.
//!
//! Lists that a measure does not take are ignored for its cases, so that one block can have several measures.

mod rows;

use ipcmark::family::Variant;
use ipcmark::record::{Arrivals, Case, Measure, PARAMETERS, Parameter, Params, Placement, Unit, Values};

use super::ground::Ground;
use super::source::{Block, List, Word};
use super::text::{self, Page};
use super::{Place, Planned, distinct};

/// Minimum of messages in a paced trial: fewer have no meaningful median.
const PACED_MESSAGES_MIN: u64 = 100;
/// Parameters whose values a mechanism may refuse on every machine, which is an error of the plan.
const REFUSABLE: [&str; 3] = ["depth", "message_bytes", "pattern"];

/// One point of a block: a case that names no mechanism yet.
type Point = Case;

/// What the expansion of every block needs.
pub(super) struct Expander<'a> {
    pub page: &'a Page<'a>,
    pub ground: &'a Ground,
    /// Replaces the `placement` of every block.
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
        let block = &block.clone().for_cpus(self.ground.cpus_allowed);
        let rows = self.rows(block)?;
        let asked = block.required(self.page, "measure")?;
        let measures = self.page.words(asked, &askable())?;
        for (measure, word) in measures.iter().zip(&asked.words) {
            if !rows.iter().any(|row| answers(row, *measure)) {
                return Err(self.page.wrong(word.at.clone(), unanswered(&rows, *measure)));
            }
            self.check_required(block, *measure, word)?;
        }
        self.check_lists(block, &rows, &measures)?;
        let points = self.points(block, &measures)?;
        self.check_refused(block, &rows, &points)?;
        Ok(rows.iter().flat_map(|row| points.iter().map(|point| self.planned(row, point))).collect())
    }

    /// The sentinel's case.
    ///
    /// Errors: as for a block, and when the sentinel cannot run on this machine.
    pub fn sentinel(&self, sentinel: &Block) -> anyhow::Result<Planned> {
        let mut cases = self.block(sentinel)?;
        if let (Some(case), true) = (cases.pop(), cases.is_empty()) {
            return Ok(case);
        }
        let at = sentinel.list("mechanism").map_or(sentinel.at.clone(), |list| list.at.clone());
        Err(self.page.wrong(at, "the sentinel is one case; name one row of `ipcmark list`"))
    }

    /// Every combination of the block's values. System calls are counted, not timed, so one size and one placement are enough
    /// for a cost model.
    fn points(&self, block: &Block, measures: &[Measure]) -> anyhow::Result<Vec<Point>> {
        let placements = match (self.placement, block.list("placement")) {
            (Some(place), _) => vec![place],
            (None, Some(list)) => self.page.words(list, &Place::words())?,
            (None, None) => vec![Place::Nearest],
        };
        let mut points = vec![];
        for measure in measures {
            let places = if *measure == Measure::CostModel { &placements[..1] } else { &placements[..] };
            points.extend(
                places
                    .iter()
                    .map(|place| Case { placement: place.resolve(self.ground), ..Case::new("", "", *measure) }),
            );
        }
        // Rows decide the substrate.
        for (row, list) in block.parameters().filter(|(row, _)| row.name != "substrate") {
            let values = list.words.iter().map(|word| self.value(row, word)).collect::<anyhow::Result<Vec<_>>>()?;
            points = cross(
                &points,
                |measure| match (row.fits(measure), measure, row.name) {
                    (false, ..) => vec![],
                    (true, Measure::CostModel, "message_bytes") => {
                        values.iter().min_by_key(|(_, n)| *n).cloned().into_iter().collect()
                    }
                    _ => values.clone(),
                },
                row,
            );
        }
        // The cost model of a lock declares both: uncontended, and handed to a waiter.
        if block.list("message_bytes").is_none() {
            let row = Parameter::find("contenders").expect("a row of the table");
            let both = ["1", "2"].map(|n| (n.to_owned(), 0));
            points = cross(&points, |measure| if measure == Measure::CostModel { both.to_vec() } else { vec![] }, row);
        }
        for point in &mut points {
            point.params.settle();
        }
        Ok(points)
    }

    /// A value of a parameter, checked, with its size if it is a number.
    fn value(&self, row: &Parameter, word: &Word) -> anyhow::Result<(String, u64)> {
        let wrong = |why| self.page.wrong(word.at.clone(), why);
        match row.values {
            Values::Word(known) if !known.contains(&word.text.as_str()) => {
                return Err(wrong(text::unknown(row.label, &word.text, known.iter().copied())));
            }
            _ => row.set(&mut Params::default(), &word.text).map_err(wrong)?,
        }
        Ok((word.text.clone(), row.unit.read(&word.text).unwrap_or(0)))
    }

    /// One case with its CPUs, or with its obstacle.
    fn planned(&self, row: &Variant, point: &Point) -> Planned {
        let alone = plays_alone(row);
        let placement = if alone { Placement::SameCpu } else { point.placement };
        let mut case = Case { placement, params: point.params.clone(), ..row.case(point.measure) };
        case.params.substrate = row.substrate;
        // A row without shared memory has no pages to fault in.
        case.params.prefault = case.params.prefault.filter(|_| row.substrate.is_some());
        let cpus = if alone {
            self.ground.cpus(self.ground.nearest).map(|pair| pair.into_iter().take(1).collect())
        } else {
            self.ground.cpus(placement)
        };
        let roles = if alone { 1 } else { (self.ground.roles)(&case) };
        let obstacle = self.obstacle(row, point, &case, roles).or_else(|| cpus.as_ref().err().cloned());
        Planned { case, cpus: cpus.unwrap_or_default(), roles, obstacle }
    }

    fn obstacle(&self, row: &Variant, point: &Point, case: &Case, roles: u32) -> Option<String> {
        if let Some(missing) = &row.unavailable {
            return Some(missing.clone());
        }
        if !answers(row, case.measure) {
            return Some(unanswered(&[row], case.measure));
        }
        let cpus = self.ground.cpus_for_roles(case.placement);
        let places = self.ground.cpus(case.placement).map_or(0, |cpus| cpus.len());
        if !case.placement.deals() && places > 0 && places < roles as usize {
            return Some(format!(
                "`{}` has {places} places and the case {roles} roles; `spread`, `compact` and `scatter` deal any \
                 number out over all CPUs",
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

    /// Errors: a parameter that one of the block's measures needs, and that is missing.
    fn check_required(&self, block: &Block, measure: Measure, word: &Word) -> anyhow::Result<()> {
        let missing =
            PARAMETERS.iter().find(|row| row.required_by.contains(&measure) && block.list(row.name).is_none());
        missing.map_or(Ok(()), |row| {
            let why = format_args!("`{measure}` needs `{}`: {}", row.name, row.doc.trim());
            Err(self.page.wrong(word.at.clone(), why))
        })
    }

    /// Errors: a list that means nothing to the block's measures, rows or other lists.
    fn check_lists(&self, block: &Block, rows: &[&Variant], measures: &[Measure]) -> anyhow::Result<()> {
        let wrong = |list: &List, why: String| Err(self.page.wrong(list.at.clone(), why));
        for (row, list) in block.parameters() {
            if !measures.iter().any(|measure| row.fits(*measure)) {
                let able: Vec<&str> = row.measures.iter().map(|measure| measure.word()).collect();
                return wrong(list, format!("`{}` fits only {}; leave the key out", row.name, able.join(", ")));
            }
            if let Some(fitting) = self.fitting_rows(row, rows) {
                return wrong(list, format!("`{}` fits only {fitting}; leave the key out", row.name));
            }
        }
        if block.list("message_bytes").is_none() && rows.iter().any(|row| row.sends()) {
            let at = block.required(self.page, "mechanism")?.at.clone();
            let why = "`message_bytes` is missing: how large are the messages? For example [8, \"1 KiB\"]";
            return Err(self.page.wrong(at, why));
        }
        if let (Some(pairs), Some(_)) = (block.list("pairs"), block.list("pattern")) {
            return wrong(pairs, "a pair is one sender and one receiver; give `pattern` a block of its own".to_owned());
        }
        let burst = Arrivals::Burst.word();
        let in_bursts = block.list("arrivals").filter(|list| list.words.iter().any(|word| word.text == burst));
        match (in_bursts, block.list("burst")) {
            (Some(arrivals), None) => wrong(arrivals, "`burst` needs `burst`, the messages of one burst".to_owned()),
            (None, Some(list)) => wrong(list, "`burst` fits only `arrivals = \"burst\"`".to_owned()),
            _ => self.check_rates(block),
        }
    }

    /// What a parameter fits, if none of `rows` takes it.
    fn fitting_rows(&self, row: &Parameter, rows: &[&Variant]) -> Option<String> {
        let names = |rows: &[&Variant]| distinct(rows.iter().map(|row| row.mechanism)).join(", ");
        match row.name {
            "substrate" | "prefault" if rows.iter().all(|row| row.substrate.is_none()) => {
                Some(format!("mechanisms that share memory, not {}", names(rows)))
            }
            "message_bytes" if !rows.iter().any(|row| row.carries()) => {
                Some(format!("mechanisms that carry messages, not {}", names(rows)))
            }
            "pattern" if !rows.iter().any(|row| answers(row, Measure::Stream) || answers(row, Measure::Drain)) => {
                Some("channels and queues".to_owned())
            }
            "workers" if !rows.iter().any(|row| answers(row, Measure::Dispatch)) => Some("pools".to_owned()),
            "delay_ns" if rows.iter().any(|row| !plays_alone(row)) => {
                let able: Vec<&Variant> = self.ground.variants.iter().filter(|row| plays_alone(row)).collect();
                Some(format!("{}, not other mechanisms of this block", names(&able)))
            }
            _ => None,
        }
    }

    /// Errors: a rate of which a trial would see too few messages.
    fn check_rates(&self, block: &Block) -> anyhow::Result<()> {
        for word in block.list("rate_per_s").into_iter().flat_map(|list| &list.words) {
            let (per_s, hot_ms) = (Unit::PerSecond.read(&word.text).unwrap_or(u64::MAX), self.hot_ms);
            if per_s > 0 && per_s.saturating_mul(hot_ms) < PACED_MESSAGES_MIN * 1000 {
                let why = format_args!(
                    "{per_s} messages a second are {} in a hot phase of {hot_ms} ms, and it takes {PACED_MESSAGES_MIN}; \
                     raise the rate or `hot_ms`",
                    per_s * hot_ms / 1000
                );
                return Err(self.page.wrong(word.at.clone(), why));
            }
        }
        Ok(())
    }

    /// Errors: a value that each of the block's rows refuses, with its line.
    fn check_refused(&self, block: &Block, rows: &[&Variant], points: &[Point]) -> anyhow::Result<()> {
        if let Some(list) = block.list("depth") {
            let fixed = distinct(rows.iter().filter(|row| !self.has_depth(row, points)).map(|row| row.mechanism));
            if !fixed.is_empty() {
                let names = fixed.join(", ");
                let why = format_args!("`depth` cannot be chosen for {names}; give the others a block of their own");
                return Err(self.page.wrong(list.at.clone(), why));
            }
        }
        for (row, list) in block.parameters().filter(|(row, _)| REFUSABLE.contains(&row.name)) {
            for word in &list.words {
                let mut params = Params::default();
                row.set(&mut params, &word.text).map_err(|why| self.page.wrong(word.at.clone(), why))?;
                if let Some(why) = self.refusal(rows, points, |point| row.get(&point.params) == row.get(&params)) {
                    return Err(self.page.wrong(word.at.clone(), why));
                }
            }
        }
        Ok(())
    }

    /// Whether the row holds a number of messages that a plan may choose.
    fn has_depth(&self, row: &Variant, points: &[Point]) -> bool {
        let open = points.first().map(|point| point.clone().with(|p| p.depth = None));
        open.is_some_and(|point| (self.ground.has_depth)(&self.planned(row, &point).case))
    }

    /// Why every row refuses the points that `has` picks; nothing when one takes one of them, or none could be asked.
    fn refusal(&self, rows: &[&Variant], points: &[Point], has: impl Fn(&Point) -> bool) -> Option<String> {
        let mut why = None;
        for row in rows.iter().filter(|row| row.unavailable.is_none()) {
            let asked = |point: &&Point| has(point) && answers(row, point.measure) && !self.starved(point);
            for point in points.iter().filter(asked) {
                why = Some((self.ground.supports)(&self.planned(row, point).case).err()?);
            }
        }
        why
    }
}

/// Every point with every value that its measure takes; unchanged where it takes none.
fn cross(points: &[Point], values: impl Fn(Measure) -> Vec<(String, u64)>, row: &Parameter) -> Vec<Point> {
    let with = |point: &Point, value: &str| {
        point.clone().with(|params| row.set(params, value).expect("a value that was checked"))
    };
    let of = |point: &Point| match values(point.measure).as_slice() {
        [] => vec![point.clone()],
        values => values.iter().map(|(value, _)| with(point, value)).collect(),
    };
    points.iter().flat_map(of).collect()
}

/// Measures that a plan may name; floors are measured at the start of every run.
fn askable() -> Vec<&'static str> {
    Measure::ALL.iter().filter(|measure| **measure != Measure::Floors).map(|measure| measure.word()).collect()
}

fn answers(row: &Variant, measure: Measure) -> bool {
    row.measures.contains(&measure)
}

/// Conformance of a lock uses more contenders than most machines have CPUs and has no time limit of its own: a hand-off may
/// cost a time slice.
fn stops_by_the_clock(row: &Variant, measure: Measure) -> bool {
    measure == Measure::Conformance && !row.sends()
}

fn unanswered(rows: &[&Variant], measure: Measure) -> String {
    let names = distinct(rows.iter().map(|row| row.mechanism)).join(", ");
    let can = Measure::ALL.iter().filter(|m| rows.iter().any(|row| answers(row, **m))).map(|m| m.word());
    format!("`{measure}` cannot be asked of {names}; it answers {}", can.collect::<Vec<_>>().join(", "))
}

/// One thread plays both roles, so there is no hand-off, one CPU is enough, and a known delay can be inserted.
fn plays_alone(row: &Variant) -> bool {
    row.cpus_wanted == 1
}
