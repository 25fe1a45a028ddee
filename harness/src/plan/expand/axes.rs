//! The values that one block combines, and every combination of them.
//!
//! An axis that a measure has no use for is left out of its cases, so that one block can ask for several measures.

use ipcmark::record::{Arrivals, Death, Measure, Placement, Spacing, Stock, Touch};

use super::super::Place;
use super::super::source::{Block, List};
use super::super::text::Page;
use super::{Expander, askable};

/// Above this, messages would be due faster than a clock can be read.
const RATE_PER_S_MAX: u64 = 1_000_000_000;
const BURST_MAX: u32 = 100_000;
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

/// One point of a block.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) measure: Measure,
    pub(super) placement: Placement,
    pub(super) bytes: Option<u64>,
    pub(super) depth: Option<u32>,
    pub(super) delay_ns: Option<u64>,
    pub(super) load: Option<Load>,
    pub(super) gap_us: Option<u64>,
    pub(super) prefault: Option<bool>,
    pub(super) touch: Option<Touch>,
    /// Senders and receivers of one channel, where that is asked.
    pub(super) topology: Option<(u32, u32)>,
    pub(super) pairs: Option<u32>,
    pub(super) hogs: Option<u32>,
    pub(super) holders: Option<u32>,
    pub(super) work: Work,
    pub(super) lines: Option<u32>,
    pub(super) reads_percent: Option<u32>,
    pub(super) stock: Option<Stock>,
    pub(super) death: Option<Death>,
}

impl Point {
    /// Nothing but what every case has.
    fn plain(measure: Measure, placement: Placement, bytes: Option<u64>) -> Self {
        Self {
            measure,
            placement,
            bytes,
            depth: None,
            delay_ns: None,
            load: None,
            gap_us: None,
            prefault: None,
            touch: None,
            topology: None,
            pairs: None,
            hogs: None,
            holders: None,
            work: Work::default(),
            lines: None,
            reads_percent: None,
            stock: None,
            death: None,
        }
    }
}

/// Measures that offer messages at a rate.
pub(super) fn paces(measure: Measure) -> bool {
    measure == Measure::Paced
}

/// Measures that pause before each message.
pub(super) fn pauses(measure: Measure) -> bool {
    measure == Measure::Wake
}

/// Measures whose ends may leave bytes alone.
pub(super) fn touches(measure: Measure) -> bool {
    matches!(measure, Measure::RoundTrip | Measure::Stream)
}

/// Measures that more than two roles can take part in.
pub(super) fn streams(measure: Measure) -> bool {
    measure == Measure::Stream
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

/// Measures that somebody else's load can disturb.
pub(super) fn runs_beside_hogs(measure: Measure) -> bool {
    let of_messages = matches!(measure, Measure::RoundTrip | Measure::Stream | Measure::Paced | Measure::Wake);
    of_messages || shares_a_lock(measure)
}

/// Measures of several holders of one lock.
pub(super) fn shares_a_lock(measure: Measure) -> bool {
    matches!(measure, Measure::Contention | Measure::ReadMostly | Measure::Tickets)
}

/// Measures whose holders work inside and outside of the lock.
pub(super) fn works(measure: Measure) -> bool {
    matches!(measure, Measure::Contention | Measure::ReadMostly)
}

/// Measures that change lines under the lock.
pub(super) fn changes_lines(measure: Measure) -> bool {
    measure == Measure::Contention
}

/// Measures that tell readers from writers.
pub(super) fn reads(measure: Measure) -> bool {
    measure == Measure::ReadMostly
}

/// Measures that sell tickets.
pub(super) fn sells(measure: Measure) -> bool {
    measure == Measure::Tickets
}

/// Measures that kill.
pub(super) fn kills(measure: Measure) -> bool {
    measure == Measure::Recover
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
        })
    }

    /// Rates by kind of arrivals, and bursts of each size.
    fn loads(&self, block: &Block) -> anyhow::Result<Vec<Option<Load>>> {
        let rates = self.page.bounded(block.rates_per_s.as_ref(), "rates_per_s", RATE_PER_S_MAX)?;
        let arrivals = self.page.narrowing(block.arrivals.as_ref(), "arrivals", "kind of arrivals", Arrivals::ALL)?;
        let arrivals = arrivals.unwrap_or_else(|| vec![Arrivals::Constant]);
        let bursts = self.page.bounded(block.bursts.as_ref(), "bursts", BURST_MAX)?;
        let come_in_bursts = arrivals.contains(&Arrivals::Burst);
        if let (Some(list), None) = (block.arrivals.as_ref().filter(|_| come_in_bursts), &block.bursts) {
            return Err(self.page.wrong(list.span(), "`burst` wants `bursts`, the messages that are due at once"));
        }
        if let Some(list) = block.bursts.as_ref().filter(|_| !come_in_bursts) {
            return Err(self.page.wrong(list.span(), "`bursts` fits only `arrivals = [\"burst\"]`"));
        }
        let sizes_of = |arrivals| if arrivals == Arrivals::Burst { bursts.clone() } else { vec![None] };
        let kinds: Vec<(Arrivals, Option<u32>)> =
            arrivals.iter().flat_map(|kind| sizes_of(*kind).into_iter().map(|burst| (*kind, burst))).collect();
        let load = |rate: Option<u64>, (arrivals, burst)| rate.map(|rate_per_s| Load { rate_per_s, arrivals, burst });
        Ok(kinds.iter().flat_map(|kind| rates.iter().map(|rate| load(*rate, *kind))).collect())
    }

    /// Senders and receivers of each `senders:receivers`.
    fn topologies(&self, block: &Block) -> anyhow::Result<Vec<Option<(u32, u32)>>> {
        let Some(list) = &block.topologies else { return Ok(vec![None]) };
        let read = |entry: &toml::Spanned<String>| {
            let word = entry.get_ref();
            let sides = word.split_once(':').and_then(|(k, m)| Some((k.parse().ok()?, m.parse().ok()?)));
            match sides {
                Some((k @ 1..=ROLES_MAX, m @ 1..=ROLES_MAX)) if k + m <= ROLES_MAX => Ok((k + m > 2).then_some((k, m))),
                Some(_) => {
                    let text =
                        format_args!("`{word}` is out of range: at least one of each, at most {ROLES_MAX} in all");
                    Err(self.page.wrong(entry.span(), text))
                }
                None => {
                    let text = format_args!("`{word}` is no topology; write senders:receivers, like \"2:1\"");
                    Err(self.page.wrong(entry.span(), text))
                }
            }
        };
        self.page.filled(list, "topologies")?.iter().map(read).collect()
    }
}

/// The entries of a list that may be left out and may hold any value: then one absent value.
fn listed<T: Copy>(page: &Page<'_>, list: Option<&List<T>>, key: &str) -> anyhow::Result<Vec<Option<T>>> {
    let Some(list) = list else { return Ok(vec![None]) };
    Ok(page.filled(list, key)?.iter().map(|entry| Some(*entry.get_ref())).collect())
}

/// Work inside and outside a lock, every combination; only what takes time is spread.
fn works_of(page: &Page<'_>, block: &Block) -> anyhow::Result<Vec<Work>> {
    let nanoseconds = |list: Option<&List<u64>>, key: &str| -> anyhow::Result<Vec<Option<u64>>> {
        if let Some(long) = list.into_iter().flat_map(toml::Spanned::get_ref).find(|ns| *ns.get_ref() > WORK_NS_MAX) {
            let text = format_args!("`{key}` may be at most {WORK_NS_MAX} (10 ms), not {}", long.get_ref());
            return Err(page.wrong(long.span(), text));
        }
        listed(page, list, key)
    };
    let spacings = absent_or(page.narrowing(block.spacings.as_ref(), "spacings", "spacing", Spacing::ALL)?);
    let outsides = nanoseconds(block.outside_ns.as_ref(), "outside_ns")?;
    let mut works = vec![];
    for inside_ns in nanoseconds(block.inside_ns.as_ref(), "inside_ns")? {
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
        let mut points: Vec<Point> = places
            .iter()
            .flat_map(|placement| sizes.clone().map(|bytes| Point::plain(measure, *placement, bytes)))
            .collect();
        points = cross(&points, true, &self.depths, |point, depth| point.depth = depth);
        points = cross(&points, true, &self.delays_ns, |point, delay_ns| point.delay_ns = delay_ns);
        points = cross(&points, true, &self.prefaults, |point, prefault| point.prefault = prefault);
        points = cross(&points, paces(measure), &self.loads, |point, load| point.load = load);
        points = cross(&points, pauses(measure), &self.gaps_us, |point, gap_us| point.gap_us = gap_us);
        points = cross(&points, touches(measure), &self.touches, |point, touch| point.touch = touch);
        points = cross(&points, streams(measure), &self.topologies, |point, topology| point.topology = topology);
        points = cross(&points, streams(measure), &self.pairs, |point, pairs| point.pairs = pairs);
        points = cross(&points, shares_a_lock(measure), &self.holders, |point, holders| point.holders = holders);
        // Of a lock both are declared: taken alone, and handed over.
        let counted = [Some(1), Some(2)];
        points = cross(&points, untimed && self.sizes == [None], &counted, |point, holders| point.holders = holders);
        points = cross(&points, works(measure), &self.works, |point, work| point.work = work);
        points = cross(&points, changes_lines(measure), &self.lines, |point, lines| point.lines = lines);
        points = cross(&points, reads(measure), &self.reads_percent, |point, percent| point.reads_percent = percent);
        points = cross(&points, sells(measure), &self.stocks, |point, stock| point.stock = stock);
        points = cross(&points, kills(measure), &self.deaths, |point, death| point.death = death);
        cross(&points, runs_beside_hogs(measure), &self.hogs, |point, hogs| point.hogs = hogs)
    }
}

/// Every point with every value, where the axis applies.
fn cross<T: Copy>(points: &[Point], applies: bool, values: &[T], set: impl Fn(&mut Point, T)) -> Vec<Point> {
    if !applies {
        return points.to_vec();
    }
    let with = |point: &Point, value: &T| {
        let mut point = *point;
        set(&mut point, *value);
        point
    };
    points.iter().flat_map(|point| values.iter().map(|value| with(point, value)).collect::<Vec<_>>()).collect()
}
