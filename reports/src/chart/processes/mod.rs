//! Charts about start, supervision and end of processes, isolation of memory, and parallel work.

mod first_write;
mod parallel;
mod stages;
mod sweeps;
mod watch;

use super::{Figure, Looks};
use crate::analyse::study::Study;

/// Charts about processes with data, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let single =
        [stages::figure, sweeps::parent_rss, sweeps::batch, watch::figure, first_write::figure, parallel::figure];
    single.into_iter().filter_map(|figure| figure(study, looks)).collect()
}
