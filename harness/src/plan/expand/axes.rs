//! The values that one block combines, and every combination of them.
//!
//! An axis that a measure has no use for is left out of its cases, so that one block can ask for several measures.

mod sides;
pub(super) mod uses;

use ipcmark::record::{Arrivals, Call, Case, Chunk, Death, Ending, Measure, Placement, Service, Spacing, Stock, Touch};

use super::super::Place;
use super::super::source::{Block, List};
use super::super::text::Page;
use super::{Expander, askable};

/// A pool's host takes a line of its own.
const WORKERS_MAX: u32 = ROLES_MAX - 1;
const AT_ONCE_MAX: u32 = 1000;
const CLIENTS_MAX: u32 = 1000;
const KEYS_MAX: u32 = 1 << 20;
/// A parent of more would hardly fit into the memory of the machines that most people have.
const RESIDENT_MIB_MAX: u64 = 16 * 1024;
const GAP_US_MAX: u64 = 1_000_000;
/// Longer critical sections would fill a trial with a handful of them.
const WORK_NS_MAX: u64 = 10_000_000;
const LINES_MAX: u32 = ipcmark::measure::locks::LINES_MAX;
/// Lines of the control page: src/control.rs.
const ROLES_MAX: u32 = ipcmark::control::MAX_SLOTS;

/// The values one block combines, besides rows.
pub(super) struct Axes {
    pub(super) measures: Vec<Measure>,
    placements: Vec<Placement>,
    /// One absent value for what sends no messages.
    sizes: Vec<Option<u64>>,
    depths: Vec<Option<u32>>,
    delays_ns: Vec<Option<u64>>,
    loads: Vec<Option<Load>>,
    gaps_us: Vec<Option<u64>>,
    prefaults: Vec<Option<bool>>,
    touches: Vec<Option<Touch>>,
    topologies: Vec<Option<(u32, u32)>>,
    pairs: Vec<Option<u32>>,
    hogs: Vec<Option<u32>>,
    holders: Vec<Option<u32>>,
    works: Vec<Work>,
    lines: Vec<Option<u32>>,
    reads_percent: Vec<Option<u32>>,
    stocks: Vec<Option<Stock>>,
    deaths: Vec<Option<Death>>,
    workers: Vec<Option<u32>>,
    calls: Vec<Option<Call>>,
    chunks: Vec<Option<Chunk>>,
    grains_ns: Vec<Option<u64>>,
    at_once: Vec<Option<u32>>,
    resident_bytes: Vec<Option<u64>>,
    endings: Vec<Option<Ending>>,
    keys: Vec<Option<u32>>,
    clients: Vec<Option<u32>>,
    services: Vec<Option<Service>>,
}

/// What the holders of a lock do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) inside_ns: Option<u64>,
    pub(super) outside_ns: Option<u64>,
    pub(super) spacing: Option<Spacing>,
}

/// What an open loop offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) rate_per_s: u64,
    pub(super) arrivals: Arrivals,
    pub(super) burst: Option<u32>,
}

/// One point of a block: a case that names no mechanism yet.
pub(super) type Point = Case;

/// Nothing but what every case has.
fn plain(measure: Measure, placement: Placement, bytes: Option<u64>) -> Point {
    Case { placement, message_bytes: bytes, ..Case::new("", "", measure) }
}

/// Hogs of each case; none where there are 0.
///
/// Errors: more than a trial's roles could ever feel.
fn bounded_hogs(page: &Page<'_>, list: Option<&List<u32>>) -> anyhow::Result<Vec<Option<u32>>> {
    if let Some(many) = list.into_iter().flat_map(toml::Spanned::get_ref).find(|hogs| *hogs.get_ref() > ROLES_MAX) {
        return Err(page.wrong(many.span(), format_args!("at most {ROLES_MAX} `hogs`, not {}", many.get_ref())));
    }
    Ok(listed(page, list, "hogs")?.into_iter().map(|hogs| hogs.filter(|n| *n > 0)).collect())
}

impl Expander<'_> {
    /// The values of every list of `block`.
    ///
    /// Errors: the first entry that means nothing, with its line.
    pub(super) fn axes(&self, block: &Block) -> anyhow::Result<Axes> {
        let page = self.page;
        let placements = match self.placement {
            Some(place) => vec![place],
            None => page.words(&block.placements, "placements", "placement", &Place::words())?,
        };
        let sizes = block.message_bytes.as_ref().map(|list| page.filled(list, "message_bytes")).transpose()?;
        // What is not out of the ordinary is left out of the case, whose key stays that of a plan that does not ask.
        let one_is_plain = |values: Vec<Option<u32>>| values.into_iter().map(|one| one.filter(|n| *n > 1)).collect();
        Ok(Axes {
            measures: page.words(&block.measures, "measures", "measure", &askable())?,
            placements: placements.into_iter().map(|place| place.resolve(self.ground)).collect(),
            sizes: absent_or(sizes.map(|sizes| sizes.iter().map(|size| size.get_ref().0).collect())),
            depths: page.optional(block.depths.as_ref(), "depths")?,
            delays_ns: page.optional(block.delays_ns.as_ref(), "delays_ns")?,
            loads: self.loads(block)?,
            gaps_us: page.bounded(block.gaps_us.as_ref(), "gaps_us", GAP_US_MAX)?,
            prefaults: listed(page, block.prefault.as_ref(), "prefault")?,
            touches: absent_or(page.narrowing(block.touches.as_ref(), "touches", "touch", Touch::ALL)?),
            topologies: self.topologies(block)?,
            pairs: one_is_plain(page.bounded(block.pairs.as_ref(), "pairs", ROLES_MAX / 2)?),
            hogs: bounded_hogs(page, block.hogs.as_ref())?,
            holders: page.bounded(block.holders.as_ref(), "holders", ROLES_MAX)?,
            works: works_of(page, block)?,
            lines: one_is_plain(page.bounded(block.lines.as_ref(), "lines", LINES_MAX)?),
            reads_percent: percents(page, block.reads_percent.as_ref())?,
            stocks: absent_or(page.narrowing(block.stocks.as_ref(), "stocks", "stock", Stock::ALL)?),
            deaths: absent_or(page.narrowing(block.deaths.as_ref(), "deaths", "death", Death::ALL)?),
            workers: page.bounded(block.workers.as_ref(), "workers", WORKERS_MAX)?,
            calls: absent_or(page.narrowing(block.calls.as_ref(), "calls", "call", Call::ALL)?),
            chunks: absent_or(page.narrowing(block.chunks.as_ref(), "chunks", "kind of chunk", Chunk::ALL)?),
            grains_ns: durations(page, block.grains_ns.as_ref(), "grains_ns")?,
            at_once: one_is_plain(page.bounded(block.at_once.as_ref(), "at_once", AT_ONCE_MAX)?),
            resident_bytes: mebibytes(page, block.resident_mib.as_ref())?,
            endings: absent_or(page.narrowing(block.endings.as_ref(), "endings", "ending", Ending::ALL)?),
            keys: page.bounded(block.keys.as_ref(), "keys", KEYS_MAX)?,
            clients: page.bounded(block.clients.as_ref(), "clients", CLIENTS_MAX)?,
            services: absent_or(page.narrowing(block.services.as_ref(), "services", "service", Service::ALL)?),
        })
    }
}

/// The entries of a list that may be left out and may hold any value: then one absent value.
fn listed<T: Copy>(page: &Page<'_>, list: Option<&List<T>>, key: &str) -> anyhow::Result<Vec<Option<T>>> {
    let Some(list) = list else { return Ok(vec![None]) };
    Ok(page.filled(list, key)?.iter().map(|entry| Some(*entry.get_ref())).collect())
}

/// Work inside and outside a lock, every combination; only what takes time is spread.
fn works_of(page: &Page<'_>, block: &Block) -> anyhow::Result<Vec<Work>> {
    let spacings = absent_or(page.narrowing(block.spacings.as_ref(), "spacings", "spacing", Spacing::ALL)?);
    let outsides = durations(page, block.outside_ns.as_ref(), "outside_ns")?;
    let mut works = vec![];
    for inside_ns in durations(page, block.inside_ns.as_ref(), "inside_ns")? {
        for outside_ns in &outsides {
            for spacing in &spacings {
                let spacing = spacing.filter(|spacing| *spacing != Spacing::Fixed && outside_ns.unwrap_or(0) > 0);
                let work = Work { inside_ns, outside_ns: *outside_ns, spacing };
                if !works.contains(&work) {
                    works.push(work);
                }
            }
        }
    }
    Ok(works)
}

/// Lengths of work, 0 included.
fn durations(page: &Page<'_>, list: Option<&List<u64>>, key: &str) -> anyhow::Result<Vec<Option<u64>>> {
    if let Some(long) = list.into_iter().flat_map(toml::Spanned::get_ref).find(|ns| *ns.get_ref() > WORK_NS_MAX) {
        let text = format_args!("`{key}` may be at most {WORK_NS_MAX} (10 ms), not {}", long.get_ref());
        return Err(page.wrong(long.span(), text));
    }
    listed(page, list, key)
}

/// Bytes, 0 included.
fn mebibytes(page: &Page<'_>, list: Option<&List<u64>>) -> anyhow::Result<Vec<Option<u64>>> {
    if let Some(much) = list.into_iter().flat_map(toml::Spanned::get_ref).find(|mib| *mib.get_ref() > RESIDENT_MIB_MAX)
    {
        let text = format_args!("`resident_mib` may be at most {RESIDENT_MIB_MAX}, not {}", much.get_ref());
        return Err(page.wrong(much.span(), text));
    }
    let bytes = |mib: Option<u64>| mib.map(|mib| mib << 20).filter(|bytes| *bytes > 0);
    Ok(listed(page, list, "resident_mib")?.into_iter().map(bytes).collect())
}

fn percents(page: &Page<'_>, list: Option<&List<u32>>) -> anyhow::Result<Vec<Option<u32>>> {
    if let Some(odd) = list.into_iter().flat_map(toml::Spanned::get_ref).find(|percent| *percent.get_ref() > 100) {
        let text = format_args!("`reads_percent` is 0 to 100, not {}", odd.get_ref());
        return Err(page.wrong(odd.span(), text));
    }
    listed(page, list, "reads_percent")
}

fn absent_or<T>(values: Option<Vec<T>>) -> Vec<Option<T>> {
    values.map_or_else(|| vec![None], |values| values.into_iter().map(Some).collect())
}

impl Axes {
    /// Every combination. Anatomy is counted, not timed, so one size and one place say it all.
    pub(super) fn points(&self) -> Vec<Point> {
        self.measures.iter().flat_map(|measure| self.points_of(*measure)).collect()
    }

    fn points_of(&self, measure: Measure) -> Vec<Point> {
        let untimed = measure == Measure::Anatomy;
        let places = if untimed { &self.placements[..1] } else { &self.placements[..] };
        let smallest = self.sizes.iter().copied().min();
        let sizes = self.sizes.iter().copied().filter(move |bytes| !untimed || Some(*bytes) == smallest);
        let mut points: Vec<Point> =
            places.iter().flat_map(|placement| sizes.clone().map(|bytes| plain(measure, *placement, bytes))).collect();
        points = self.of_messages(&points, measure);
        points = self.of_locks(&points, measure);
        points = self.of_work(&points, measure);
        cross(&points, uses::runs_beside_hogs(measure), &self.hogs, |point, hogs| point.hogs = hogs)
    }

    fn of_messages(&self, points: &[Point], measure: Measure) -> Vec<Point> {
        let points = cross(points, true, &self.depths, |point, depth| point.depth = depth);
        let points = cross(&points, true, &self.delays_ns, |point, delay_ns| point.delay_ns = delay_ns);
        let points = cross(&points, true, &self.prefaults, |point, prefault| point.prefault = prefault);
        let points = cross(&points, uses::paces(measure), &self.loads, |point, load| {
            point.rate_per_s = load.map(|load| load.rate_per_s);
            point.arrivals = load.map(|load| load.arrivals);
            point.burst = load.and_then(|load| load.burst);
        });
        let in_ns = |gap_us: Option<u64>| gap_us.map(|us| us * 1000);
        let points = cross(&points, uses::pauses(measure), &self.gaps_us, |point, gap_us| point.gap_ns = in_ns(gap_us));
        let points = cross(&points, uses::touches(measure), &self.touches, |point, touch| point.touch = touch);
        let points = cross(&points, uses::has_sides(measure), &self.topologies, |point, topology| {
            (point.producers, point.consumers) = (topology.map(|sides| sides.0), topology.map(|sides| sides.1));
        });
        cross(&points, uses::has_sides(measure), &self.pairs, |point, pairs| point.pairs = pairs)
    }

    fn of_locks(&self, points: &[Point], measure: Measure) -> Vec<Point> {
        let points = cross(points, uses::shares(measure), &self.holders, |point, holders| point.holders = holders);
        // Of a lock both are declared: taken alone, and handed over.
        let counted = measure == Measure::Anatomy && self.sizes == [None];
        let points = cross(&points, counted, &[Some(1), Some(2)], |point, holders| point.holders = holders);
        let points = cross(&points, uses::works(measure), &self.works, |point, work| {
            (point.inside_ns, point.outside_ns, point.spacing) = (work.inside_ns, work.outside_ns, work.spacing);
        });
        let points = cross(&points, uses::changes_lines(measure), &self.lines, |point, lines| point.lines = lines);
        let reads = &self.reads_percent;
        let points = cross(&points, uses::reads(measure), reads, |point, percent| point.reads_percent = percent);
        let points = cross(&points, uses::sells(measure), &self.stocks, |point, stock| point.stock = stock);
        cross(&points, uses::kills(measure), &self.deaths, |point, death| point.death = death)
    }

    fn of_work(&self, points: &[Point], measure: Measure) -> Vec<Point> {
        let points = cross(points, uses::employs(measure), &self.workers, |point, workers| point.workers = workers);
        let points = cross(&points, uses::dispatches(measure), &self.calls, |point, call| point.call = call);
        let points = cross(&points, uses::dispatches(measure), &self.chunks, |point, chunk| point.chunk = chunk);
        let points = cross(&points, uses::has_grain(measure), &self.grains_ns, |point, ns| point.grain_ns = ns);
        let points = cross(&points, uses::starts(measure), &self.at_once, |point, at_once| point.at_once = at_once);
        let memory = &self.resident_bytes;
        let points = cross(&points, uses::starts(measure), memory, |point, bytes| point.resident_bytes = bytes);
        let points = cross(&points, uses::watches(measure), &self.endings, |point, ending| point.ending = ending);
        let points = cross(&points, uses::accesses(measure), &self.keys, |point, keys| point.keys = keys);
        let points = cross(&points, uses::serves(measure), &self.clients, |point, clients| point.clients = clients);
        cross(&points, uses::serves(measure), &self.services, |point, service| point.service = service)
    }
}

/// Every point with every value, where the axis applies.
fn cross<T: Copy>(points: &[Point], applies: bool, values: &[T], set: impl Fn(&mut Point, T)) -> Vec<Point> {
    if !applies {
        return points.to_vec();
    }
    let with = |point: &Point, value: &T| {
        let mut point = point.clone();
        set(&mut point, *value);
        point
    };
    points.iter().flat_map(|point| values.iter().map(|value| with(point, value)).collect::<Vec<_>>()).collect()
}
