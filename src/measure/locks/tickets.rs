//! Sellers sell tickets from one stock until it is empty. Each sale reads the number of tickets and takes one, in
//! shared memory or in a JSON file that is opened, read, parsed and rewritten. Exactly the stock must be sold. Without
//! a lock, sellers sell the same ticket twice, and the trial must detect that.
//! A trial runs rounds, of which the first are warm-up. A round begins at an agreed time and ends with the last ticket.
//! No seller sells more than the whole stock: without a lock, a seller preempted during a sale restores tickets sold
//! meanwhile, and the round might never end.

mod stock;

use std::io;

use stock::{Sale, Stock};

use super::Part;
use super::protected_state::ProtectedState;
use crate::control::{Leader, Member, Page};
use crate::lock::{Guard, Handle, Lock};
use crate::measure::locks::summary::costs;
use crate::measure::locks::{Concluded, Expected};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::window::together::jain;
use crate::measure::window::{next_start_ns, wait_for};
use crate::measure::{MeasureError, MeasureResult, Task, attend, count, invalid, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::{ContenderShare, Contest, RoleCost, Window, metric};
use crate::{abort, clock};

/// Phases: a round, whose count is the stock, and the end of the hot rounds.
const SELL: u32 = 60;
const STOP: u32 = 61;

const LEADER: u32 = 0;

/// Hot rounds, each long enough for sellers that share a CPU to alternate.
const ROUNDS: u64 = 10;

/// One seller.
pub struct Seller<L: Lock> {
    holder: L::Handle,
    stock: Stock,
    /// Sales of all hot rounds.
    sold: Sold,
    /// Meter from the first to the last hot round, including the pauses between them.
    meter: Option<Meter>,
    cost: Option<RoleCost>,
}

/// Sales of one seller in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Sold {
    tickets: u64,
    /// Failed attempts, after another sale or on a half-written file.
    retries: u64,
    /// Time at which this seller sold the last ticket; 0 if another one did.
    last_at_ns: u64,
}

impl<L: Lock> Seller<L> {
    /// Creates a seller before the first round.
    pub fn new(holder: L::Handle, protected: ProtectedState, task: &Task) -> Self {
        let stock = Stock::of(&task.case, protected);
        Self { holder, stock, sold: Sold::default(), meter: None, cost: None }
    }

    /// Runs one round in which all sell `stock` tickets. The window's start is a monotonic time.
    ///
    /// Errors: a different number was sold despite a lock or atomic update.
    fn round(&mut self, leader: &mut Leader, stock: u64) -> Result<Window, MeasureError> {
        let page = leader.page().clone();
        self.stock.set(stock)?;
        page.post(LEADER, next_start_ns(leader));
        together(leader, SELL, stock, || self.take_part(&page, LEADER, stock))?;

        let slots = || 0..leader.slots();
        let sold: u64 = slots().map(|slot| page.tally(slot)).sum();
        let left = self.stock.left()?;
        if L::GUARD != Guard::Nothing && (sold, left) != (stock, Some(0)) {
            let left = left.map_or_else(|| "a file that cannot be read".to_owned(), |left| left.to_string());
            return invalid(format!("{sold} tickets were sold of {stock}, and {left} left"));
        }
        let start_ns = slots().map(|slot| page.started_ns(slot)).min().unwrap_or(0);
        let end_ns = slots().map(|slot| page.ended_ns(slot)).max().unwrap_or(0);
        Ok(Window { start_ns, elapsed_ns: end_ns.saturating_sub(start_ns).max(1), messages: sold })
    }

    /// Sells in one round, from its agreed start.
    fn take_part(&mut self, page: &Page, slot: u32, stock: u64) -> Result<(), MeasureError> {
        let hot = page.is_hot();
        if hot && self.meter.is_none() {
            self.meter = Some(Meter::start());
        }
        page.set_started_ns(slot, wait_for(page.posted(LEADER))?);
        let sold = self.sell_out(stock)?;
        page.set_ended_ns(slot, sold.last_at_ns);
        page.set_tally(slot, sold.tickets);
        if hot {
            self.sold.tickets += sold.tickets;
            self.sold.retries += sold.retries;
        }
        Ok(())
    }

    /// Dispatches by the kind of stock, once per round.
    fn sell_out(&mut self, stock: u64) -> Result<Sold, MeasureError> {
        match &mut self.stock {
            Stock::Memory(protected) => {
                sell_out::<L>(&mut self.holder, stock, || Ok(stock::in_memory(protected, L::GUARD)))
            }
            Stock::JsonFile(file) => sell_out::<L>(&mut self.holder, stock, || file.sell()),
        }
    }

    fn stop_meter(&mut self, task: &Task) {
        self.cost = self.meter.take().map(|meter| meter.stop(task, self.sold.tickets));
    }

    fn report(&mut self, task: &Task) -> Report {
        let Sold { tickets, retries, .. } = self.sold;
        Report {
            messages: tickets,
            roles: self.cost.take().into_iter().collect(),
            holders: vec![HolderFinding {
                slot: task.slot,
                acquisitions: tickets,
                retries,
                ..HolderFinding::default()
            }],
            ..Report::default()
        }
    }
}

impl<L: Lock> Part for Seller<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        let page = leader.page().clone();
        floor.lead(leader)?;
        let derived = count::derive_by(&task.timing, |stock| Ok(self.round(leader, stock)?.elapsed_ns))?;
        page.set_hot(true);
        let mut windows: Vec<Window> = vec![];
        for stock in count::shares(derived.count, ROUNDS) {
            windows.push(self.round(leader, stock)?);
        }
        page.set_hot(false);
        together(leader, STOP, 0, || {
            self.stop_meter(task);
            Ok(())
        })?;
        floor.lead(leader)?;
        together(leader, phase::END, 0, || Ok(()))?;

        let first_ns = windows.first().map_or(0, |window| window.start_ns);
        for window in &mut windows {
            window.start_ns -= first_ns;
        }
        let elapsed_ns: u64 = windows.iter().map(|window| window.elapsed_ns).sum();
        let tickets: u64 = windows.iter().map(|window| window.messages).sum();
        page.set_count(derived.count);
        let mut report = Report {
            messages: derived.count,
            chosen_by: derived.chosen_by.into(),
            warm_up_ns: derived.warm_up_ns,
            windows,
            floor: floor.result(),
            ..self.report(task)
        };
        report.metrics.insert(metric::SALE_NS.into(), elapsed_ns as f64 / tickets as f64);
        if L::GUARD == Guard::Nothing {
            report.metrics.insert(metric::OVERSOLD.into(), tickets.saturating_sub(derived.count) as f64);
        }
        Ok(report)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        attend(member, floor, &mut |member, open| {
            match open.kind {
                SELL => self.take_part(member.page(), task.slot, open.count)?,
                STOP => self.stop_meter(task),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(self.report(task))
    }
}

/// Sells until no ticket is left or this seller has sold `stock` tickets.
///
/// Errors: those of the lock and the file, or a half-written file under a lock.
fn sell_out<L: Lock>(
    holder: &mut L::Handle,
    stock: u64,
    mut sell: impl FnMut() -> io::Result<Sale>,
) -> Result<Sold, MeasureError> {
    let mut sold = Sold::default();
    while sold.tickets < stock {
        match holder.with_lock(|_| sell())?? {
            Sale::One { left, retries } => {
                sold.tickets += 1;
                sold.retries += retries;
                if left == 0 || sold.tickets == stock {
                    sold.last_at_ns = clock::now_ns();
                }
            }
            Sale::SoldOut => break,
            Sale::Torn if L::GUARD != Guard::Nothing => {
                return invalid("the JSON file was found half written under the lock");
            }
            Sale::Torn if abort::requested() => return Err(abort::error().into()),
            Sale::Torn => sold.retries += 1,
        }
    }
    Ok(sold)
}

/// Merges the findings of all sellers; `None` for other measures.
pub(in crate::measure::locks) fn conclude(reports: &[Report], guard: Guard) -> Option<Concluded> {
    reports.iter().find(|report| report.metrics.contains_key(metric::SALE_NS))?;
    let sellers: Vec<&HolderFinding> = reports.iter().flat_map(|report| &report.holders).collect();
    let roles: Vec<&RoleCost> = reports.iter().flat_map(|report| &report.roles).collect();
    let mut metrics = costs(&sellers, &roles);
    let sold: Vec<u64> = sellers.iter().map(|seller| seller.acquisitions).collect();
    metrics.insert(metric::JAIN.into(), jain(&sold));
    let share = |acquisitions: &u64| ContenderShare { acquisitions: *acquisitions, ..ContenderShare::default() };
    Some(Concluded {
        metrics,
        contest: Some(Contest { contenders: sold.iter().map(share).collect(), ..Contest::default() }),
        expected: expected(reports, &sellers, guard),
        ..Concluded::default()
    })
}

/// Checks that too many tickets were sold without a lock.
fn expected(reports: &[Report], sellers: &[&HolderFinding], guard: Guard) -> Option<Expected> {
    if guard != Guard::Nothing || sellers.len() < 2 {
        return None;
    }
    let oversold: f64 = reports.iter().filter_map(|report| report.metrics.get(metric::OVERSOLD)).sum();
    let torn: u64 = sellers.iter().map(|seller| seller.retries).sum();
    let also = if torn > 0 { format!(", {torn} reads found the file half written") } else { String::new() };
    Some(if oversold > 0.0 || torn > 0 {
        Expected::Caught(format!(
            "without a lock {oversold:.0} tickets were sold beyond the stock{also}, and the check saw it"
        ))
    } else {
        Expected::Missed(
            "nothing was sold beyond the stock without a lock, so this run does not show that the check works"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Metrics;

    fn report(slot: u32, acquisitions: u64, metrics: Metrics) -> Report {
        let seller = HolderFinding { slot, acquisitions, ..HolderFinding::default() };
        Report { holders: vec![seller], metrics, ..Report::default() }
    }

    fn two(oversold: Option<f64>) -> [Report; 2] {
        let mut led = Metrics::from([(metric::SALE_NS.to_owned(), 100.0)]);
        led.extend(oversold.map(|tickets| (metric::OVERSOLD.to_owned(), tickets)));
        [report(0, 30, led), report(1, 10, Metrics::new())]
    }

    #[test]
    fn shares_are_the_tickets_sold() {
        let found = conclude(&two(None), Guard::Exclusive).unwrap();
        assert!((found.metrics[metric::JAIN] - 0.8).abs() < 1e-9);
        assert!(!found.metrics.contains_key(metric::SAMPLED_EVERY), "nothing was stamped");
        let shares: Vec<u64> = found.contest.unwrap().contenders.iter().map(|share| share.acquisitions).collect();
        assert_eq!((shares.as_slice(), found.expected), ([30, 10].as_slice(), None));
    }

    #[test]
    fn overselling_is_expected_without_a_lock() {
        let expected = |oversold| conclude(&two(Some(oversold)), Guard::Nothing).unwrap().expected;
        assert!(matches!(expected(3.0), Some(Expected::Caught(_))));
        assert!(matches!(expected(0.0), Some(Expected::Missed(_))));
        assert_eq!(conclude(&two(Some(3.0))[..1], Guard::Nothing).unwrap().expected, None);
    }

    #[test]
    fn other_measures_have_no_sales() {
        assert!(conclude(&[report(0, 5, Metrics::new())], Guard::Exclusive).is_none());
    }
}
