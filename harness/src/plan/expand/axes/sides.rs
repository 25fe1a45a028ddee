//! Lists whose entries say several things: loads by rate, arrivals and burst; topologies by their sides.

use ipcmark::record::Arrivals;

use super::super::super::source::Block;
use super::super::Expander;
use super::{Load, ROLES_MAX};

/// Above this, messages would be due faster than a clock can be read.
const RATE_PER_S_MAX: u64 = 1_000_000_000;
const BURST_MAX: u32 = 100_000;

impl Expander<'_> {
    /// Rates by kind of arrivals, and bursts of each size.
    pub(super) fn loads(&self, block: &Block) -> anyhow::Result<Vec<Option<Load>>> {
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
    pub(super) fn topologies(&self, block: &Block) -> anyhow::Result<Vec<Option<(u32, u32)>>> {
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
