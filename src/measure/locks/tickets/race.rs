//! What all sellers together made of their sales.

use crate::lock::Guard;
use crate::measure::locks::summary::costs;
use crate::measure::locks::{Concluded, Expected};
use crate::measure::window::together::jain;
use crate::protocol::{HolderFinding, Report};
use crate::record::{Contest, HolderShare, RoleCost, metric};

/// Puts the findings of all sellers together; nothing where nothing was sold.
pub(in crate::measure::locks) fn conclude(reports: &[Report], guard: Guard) -> Option<Concluded> {
    reports.iter().find(|report| report.metrics.contains_key(metric::SALE_NS))?;
    let sellers: Vec<&HolderFinding> = reports.iter().flat_map(|report| &report.holders).collect();
    let roles: Vec<&RoleCost> = reports.iter().flat_map(|report| &report.roles).collect();
    let mut metrics = costs(&sellers, &roles);
    let sold: Vec<u64> = sellers.iter().map(|seller| seller.acquisitions).collect();
    metrics.insert(metric::JAIN.into(), jain(&sold));
    let share = |acquisitions: &u64| HolderShare { acquisitions: *acquisitions, ..HolderShare::default() };
    Some(Concluded {
        metrics,
        contest: Some(Contest { holders: sold.iter().map(share).collect(), ..Contest::default() }),
        expected: expected(reports, &sellers, guard),
        ..Concluded::default()
    })
}

/// Without a lock too much must be sold, and the trial must have seen it.
fn expected(reports: &[Report], sellers: &[&HolderFinding], guard: Guard) -> Option<Expected> {
    if guard != Guard::Nothing || sellers.len() < 2 {
        return None;
    }
    let oversold: f64 = reports.iter().filter_map(|report| report.metrics.get(metric::OVERSOLD)).sum();
    let torn: u64 = sellers.iter().map(|seller| seller.retries).sum();
    let also = if torn > 0 { format!(", {torn} looks found the file half written") } else { String::new() };
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
    fn shares_are_what_each_sold() {
        let found = conclude(&two(None), Guard::Exclusive).unwrap();
        assert!((found.metrics[metric::JAIN] - 0.8).abs() < 1e-9);
        assert!(!found.metrics.contains_key(metric::SAMPLED_EVERY), "nothing was stamped");
        let shares: Vec<u64> = found.contest.unwrap().holders.iter().map(|share| share.acquisitions).collect();
        assert_eq!((shares.as_slice(), found.expected), ([30, 10].as_slice(), None));
    }

    #[test]
    fn an_oversale_without_a_lock_is_wanted() {
        let expected = |oversold| conclude(&two(Some(oversold)), Guard::Nothing).unwrap().expected;
        assert!(matches!(expected(3.0), Some(Expected::Caught(_))));
        assert!(matches!(expected(0.0), Some(Expected::Missed(_))));
        assert_eq!(conclude(&two(Some(3.0))[..1], Guard::Nothing).unwrap().expected, None);
    }

    #[test]
    fn what_is_no_sale_is_somebody_elses() {
        assert!(conclude(&[report(0, 5, Metrics::new())], Guard::Exclusive).is_none());
    }
}
