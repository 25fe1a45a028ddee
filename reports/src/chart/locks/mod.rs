//! Charts about locks, one file each.

mod acquire;
mod cost_breakdown;
mod fairness;
mod hand_offs;
mod oversubscribed;
mod read_mostly;
mod scaling;
mod starvation;
mod throughput;
mod tickets;
mod waits;

use ipcmark_record::Placement;

use super::{Figure, Looks};
use crate::analyse::study::Study;

/// Charts about locks with data at this placement, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let mut figures: Vec<Figure> = acquire::figure(study, looks, placement).into_iter().collect();
    figures.extend(throughput::figures(study, looks, placement));
    let single = [
        oversubscribed::figure,
        waits::figure,
        fairness::figure,
        starvation::figure,
        hand_offs::figure,
        read_mostly::rates,
        read_mostly::waits,
        tickets::figure,
        cost_breakdown::figure,
    ];
    figures.extend(single.into_iter().filter_map(|figure| figure(study, looks, placement)));
    figures
}
