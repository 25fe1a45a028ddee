//! Shapes no row of a block can take: a mistake in the plan, not a lack of the machine, so nothing starts.

use std::ops::Range;

use ipcmark::family::Variant;
use ipcmark::record::Measure;

use super::super::distinct;
use super::super::source::{Block, List};
use super::axes::{Point, uses};
use super::{Expander, answers, plays_alone};

/// Messages that a paced trial should see at least: fewer have no median to speak of.
const PACED_MESSAGES_MIN: u64 = 100;

impl Expander<'_> {
    /// Errors: a list that means nothing to the block's measures or rows, or one that they want and that is missing.
    pub(super) fn check_axes(&self, block: &Block, rows: &[&Variant], measures: &[Measure]) -> anyhow::Result<()> {
        self.check_useless(block, measures)?;
        self.check_wanted(block, measures)?;
        if let Some(list) = block.pairs.as_ref().filter(|_| block.topologies.is_some()) {
            let text = "a pair is one sender and one receiver; give `topologies` a block of their own";
            return Err(self.page.wrong(list.span(), text));
        }
        self.check_rates(block)?;
        self.check_messages(block, rows)?;
        self.check_rows(block, rows)
    }

    /// Errors: a list that none of the block's measures has a use for.
    fn check_useless(&self, block: &Block, measures: &[Measure]) -> anyhow::Result<()> {
        let partial = [
            ("rates_per_s", place(block.rates_per_s.as_ref()), uses::paces as fn(Measure) -> bool),
            ("arrivals", place(block.arrivals.as_ref()), uses::paces),
            ("bursts", place(block.bursts.as_ref()), uses::paces),
            ("gaps_us", place(block.gaps_us.as_ref()), uses::pauses),
            ("touches", place(block.touches.as_ref()), uses::touches),
            ("topologies", place(block.topologies.as_ref()), uses::has_sides),
            ("pairs", place(block.pairs.as_ref()), uses::has_sides),
            ("hogs", place(block.hogs.as_ref()), uses::runs_beside_hogs),
            ("holders", place(block.holders.as_ref()), uses::shares),
            ("inside_ns", place(block.inside_ns.as_ref()), uses::works),
            ("outside_ns", place(block.outside_ns.as_ref()), uses::works),
            ("spacings", place(block.spacings.as_ref()), uses::works),
            ("lines", place(block.lines.as_ref()), uses::changes_lines),
            ("reads_percent", place(block.reads_percent.as_ref()), uses::reads),
            ("stocks", place(block.stocks.as_ref()), uses::sells),
            ("deaths", place(block.deaths.as_ref()), uses::kills),
            ("workers", place(block.workers.as_ref()), uses::employs),
            ("calls", place(block.calls.as_ref()), uses::dispatches),
            ("chunks", place(block.chunks.as_ref()), uses::dispatches),
            ("grains_ns", place(block.grains_ns.as_ref()), uses::has_grain),
            ("at_once", place(block.at_once.as_ref()), uses::starts),
            ("resident_mib", place(block.resident_mib.as_ref()), uses::starts),
            ("endings", place(block.endings.as_ref()), uses::watches),
            ("keys", place(block.keys.as_ref()), uses::accesses),
            ("clients", place(block.clients.as_ref()), uses::serves),
            ("services", place(block.services.as_ref()), uses::serves),
        ];
        for (key, at, uses) in partial {
            let useless = !measures.iter().any(|measure| uses(*measure));
            if let Some(at) = at.filter(|_| useless) {
                let able: Vec<&str> = Measure::ALL.iter().filter(|measure| uses(**measure)).map(|m| m.word()).collect();
                let text = format_args!("`{key}` fits only {}; leave the key out", able.join(", "));
                return Err(self.page.wrong(at, text));
            }
        }
        Ok(())
    }

    /// Errors: a list that one of the block's measures wants, and that is missing.
    fn check_wanted(&self, block: &Block, measures: &[Measure]) -> anyhow::Result<()> {
        for (measure, at) in measures.iter().zip(block.measures.get_ref()) {
            let wanted = match measure {
                Measure::Paced if block.rates_per_s.is_none() => "`rates_per_s`, the messages a second to offer",
                Measure::Wake if block.gaps_us.is_none() => "`gaps_us`, the pauses before each message",
                measure if uses::shares_a_lock(*measure) && block.holders.is_none() => {
                    "`holders`, how many want the lock"
                }
                Measure::Access if block.holders.is_none() => "`holders`, how many processes use the state",
                Measure::Dispatch if block.calls.is_none() => "`calls`, how tasks are handed out",
                Measure::Watch if block.endings.is_none() => "`endings`, how the child comes to its end",
                measure if uses::reads(*measure) && block.reads_percent.is_none() => {
                    "`reads_percent`, how many of a hundred accesses only read"
                }
                Measure::Tickets if block.stocks.is_none() => "`stocks`, where the stock is kept",
                Measure::Recover if block.deaths.is_none() => "`deaths`, when the process is killed",
                _ => continue,
            };
            return Err(self.page.wrong(at.span(), format_args!("`{measure}` wants {wanted}")));
        }
        Ok(())
    }

    /// Errors: a rate of which a trial would see too few messages.
    fn check_rates(&self, block: &Block) -> anyhow::Result<()> {
        for rate in block.rates_per_s.iter().flat_map(toml::Spanned::get_ref) {
            let (per_s, hot_ms) = (*rate.get_ref(), self.hot_ms);
            if per_s * hot_ms < PACED_MESSAGES_MIN * 1000 {
                let text = format_args!(
                    "{per_s} messages a second are {} in a hot phase of {hot_ms} ms, and it takes {PACED_MESSAGES_MIN}; \
                     raise the rate or `hot_ms`",
                    per_s * hot_ms / 1000
                );
                return Err(self.page.wrong(rate.span(), text));
            }
        }
        Ok(())
    }

    /// Errors: a size for what sends nothing, or none for what does.
    fn check_messages(&self, block: &Block, rows: &[&Variant]) -> anyhow::Result<()> {
        let sends = rows.iter().any(|row| row.sends());
        match &block.message_bytes {
            None if sends => {
                let text = "`message_bytes` is missing: how large are the messages? For example [8, \"1 KiB\"]";
                Err(self.page.wrong(block.mechanisms.span(), text))
            }
            Some(list) if !rows.iter().any(|row| row.carries()) => {
                let text = format_args!("a {} sends no messages; leave `message_bytes` out", block.family.get_ref());
                Err(self.page.wrong(list.span(), text))
            }
            _ => Ok(()),
        }
    }

    /// Errors: a list that means nothing to the block's rows.
    fn check_rows(&self, block: &Block, rows: &[&Variant]) -> anyhow::Result<()> {
        let without_memory = rows.iter().all(|row| row.substrate.is_none());
        let of_memory =
            [("substrates", place(block.substrates.as_ref())), ("prefault", place(block.prefault.as_ref()))];
        for (key, at) in of_memory {
            if let Some(at) = at.filter(|_| without_memory) {
                let names = distinct(rows.iter().map(|row| row.mechanism)).join(", ");
                let text = format_args!("`{key}` fits only what shares memory, not {names}; leave the key out");
                return Err(self.page.wrong(at, text));
            }
        }
        let employer = |row: &&Variant| answers(row, Measure::Dispatch);
        if let Some(workers) = block.workers.as_ref().filter(|_| !rows.iter().any(employer)) {
            return Err(self.page.wrong(workers.span(), "`workers` fits only pools; leave the key out"));
        }
        if let Some(delays) = block.delays_ns.as_ref().filter(|_| rows.iter().any(|row| !plays_alone(row))) {
            let able = distinct(self.ground.variants.iter().filter(|row| plays_alone(row)).map(|row| row.mechanism));
            let text =
                format_args!("`delays_ns` fits only {}; give other mechanisms a block without it", able.join(", "));
            return Err(self.page.wrong(delays.span(), text));
        }
        Ok(())
    }

    /// Errors: an entry that each of the block's rows refuses, with its line.
    pub(super) fn check_shapes(&self, block: &Block, rows: &[&Variant], points: &[Point]) -> anyhow::Result<()> {
        if let Some(list) = &block.depths {
            let fixed = distinct(rows.iter().filter(|row| !self.has_depth(row, points)).map(|row| row.mechanism));
            if !fixed.is_empty() {
                let names = fixed.join(", ");
                let text = format_args!("`depths` cannot be chosen for {names}; give the others a block of their own");
                return Err(self.page.wrong(list.span(), text));
            }
        }
        for depth in block.depths.iter().flat_map(toml::Spanned::get_ref) {
            if let Some(why) = self.refusal(rows, points, |point| point.depth == Some(*depth.get_ref())) {
                return Err(self.page.wrong(depth.span(), why));
            }
        }
        for size in block.message_bytes.iter().flat_map(toml::Spanned::get_ref) {
            if let Some(why) = self.refusal(rows, points, |point| point.message_bytes == Some(size.get_ref().0)) {
                return Err(self.page.wrong(size.span(), why));
            }
        }
        for topology in block.topologies.iter().flat_map(toml::Spanned::get_ref) {
            let asked = |point: &Point| {
                point.producers.zip(point.consumers).is_some_and(|(k, m)| *topology.get_ref() == format!("{k}:{m}"))
            };
            if let Some(why) = self.refusal(rows, points, asked) {
                return Err(self.page.wrong(topology.span(), why));
            }
        }
        Ok(())
    }

    /// Whether the row holds a number of messages that a plan may choose.
    fn has_depth(&self, row: &Variant, points: &[Point]) -> bool {
        let open = points.first().map(|point| Point { depth: None, ..point.clone() });
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

/// Where a list stands, if the block has it.
fn place<T>(list: Option<&List<T>>) -> Option<Range<usize>> {
    list.map(toml::Spanned::span)
}
