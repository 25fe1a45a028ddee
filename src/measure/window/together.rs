//! Time in which all contenders ran, and fairness within it.

use crate::protocol::HolderFinding;
use crate::record::{ContenderShare, Fairness, Window};

pub(in crate::measure) const NS_PER_MS: u64 = 1_000_000;
/// Window lengths for fairness, in milliseconds.
const FAIRNESS_MS: [usize; 3] = [1, 10, 100];
/// Minimum part of a window in which all contenders must run: with more contenders than CPUs the last one starts late.
const SHARED_MIN: f64 = 0.25;
/// Slices of the hot phase in a record.
const SLICES: usize = 20;

/// Milliseconds in which all contenders ran, or the whole window if those are too few.
pub(in crate::measure) struct Span {
    from: usize,
    pub(in crate::measure) to: usize,
    pub(in crate::measure) shared: bool,
    pub(in crate::measure) together_ms: usize,
}

impl Span {
    pub(in crate::measure) fn of(holders: &[&HolderFinding]) -> Self {
        let after = |holder: &HolderFinding, at_ns: u64| at_ns.saturating_sub(holder.agreed_ns);
        let from = holders.iter().map(|one| after(one, one.started_ns).div_ceil(NS_PER_MS)).max().unwrap_or(0);
        let to = holders.iter().map(|one| after(one, one.ended_ns) / NS_PER_MS).min().unwrap_or(0);
        // The last entry counts acquisitions after the window.
        let whole = holders.iter().map(|one| one.per_ms.len().saturating_sub(1)).min().unwrap_or(0);
        let (from, to) = (from as usize, (to as usize).min(whole));
        let together_ms = to.saturating_sub(from);
        let shared = together_ms > 0 && together_ms as f64 >= SHARED_MIN * whole as f64;
        let (from, to) = if shared { (from, to) } else { (0, whole.max(1)) };
        Self { from, to, shared, together_ms }
    }

    pub(in crate::measure) fn length_ns(&self) -> u64 {
        (self.to - self.from) as u64 * NS_PER_MS
    }

    fn within<'a>(&self, holder: &'a HolderFinding) -> &'a [u32] {
        holder.per_ms.get(self.from..self.to.min(holder.per_ms.len())).unwrap_or_default()
    }

    pub(in crate::measure) fn share(&self, holder: &HolderFinding) -> ContenderShare {
        ContenderShare {
            acquisitions: self.within(holder).iter().map(|count| u64::from(*count)).sum(),
            starved_ns: holder.starved_ns,
            longest_run: holder.longest_run,
        }
    }

    /// Acquisitions of all contenders in about [`SLICES`] slices.
    pub(in crate::measure) fn slices(&self, holders: &[&HolderFinding]) -> Vec<Window> {
        let each = (self.to - self.from).div_ceil(SLICES).max(1);
        let mut windows = vec![];
        for start in (0..self.to - self.from).step_by(each) {
            let end = (start + each).min(self.to - self.from);
            let of = |holder: &&HolderFinding| {
                self.within(holder)
                    .get(start..end)
                    .unwrap_or_default()
                    .iter()
                    .map(|count| u64::from(*count))
                    .sum::<u64>()
            };
            windows.push(Window {
                start_ns: start as u64 * NS_PER_MS,
                elapsed_ns: (end - start) as u64 * NS_PER_MS,
                messages: holders.iter().map(of).sum::<u64>(),
            });
        }
        windows
    }

    pub(in crate::measure) fn fairness(&self, holders: &[&HolderFinding]) -> Vec<Fairness> {
        let fitting = FAIRNESS_MS.into_iter().filter(|length| *length <= self.to - self.from);
        fitting.map(|length| self.fairness_over(holders, length)).collect()
    }

    fn fairness_over(&self, holders: &[&HolderFinding], length_ms: usize) -> Fairness {
        let mut found = Fairness { window_ns: length_ms as u64 * NS_PER_MS, jain_min: 1.0, ..Fairness::default() };
        let (mut sum, mut starved) = (0.0, 0);
        // Whole windows only.
        for at in 0..(self.to - self.from) / length_ms {
            let of = |holder: &&HolderFinding| -> u64 {
                let own = self.within(holder).get(at * length_ms..(at + 1) * length_ms).unwrap_or_default();
                own.iter().map(|count| u64::from(*count)).sum()
            };
            let shares: Vec<u64> = holders.iter().map(of).collect();
            if shares.iter().all(|share| *share == 0) {
                continue;
            }
            let index = jain(&shares);
            found.windows += 1;
            found.jain_min = found.jain_min.min(index);
            sum += index;
            starved += shares.iter().filter(|share| **share == 0).count();
        }
        let windows = found.windows.max(1) as f64;
        Fairness {
            jain_mean: if found.windows == 0 { 1.0 } else { sum / windows },
            starved_share: starved as f64 / (windows * holders.len() as f64),
            ..found
        }
    }
}

/// Jain's index: the square of the sum over n times the sum of squares.
pub(in crate::measure) fn jain(shares: &[u64]) -> f64 {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    let squares: f64 = shares.iter().map(|share| (*share as f64).powi(2)).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (shares.len() as f64 * squares) }
}
