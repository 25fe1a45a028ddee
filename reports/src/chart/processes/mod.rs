//! Charts about starting, watching and ending processes, about what keeps their memory apart, and about two at once.

mod first_write;
mod parallel;
mod stages;
mod sweeps;
mod watch;

use super::{Figure, Looks};
use crate::analyse::study::Study;

/// Every chart about processes that the records have data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let single =
        [stages::figure, sweeps::parent_rss, sweeps::batch, watch::figure, first_write::figure, parallel::figure];
    single.into_iter().filter_map(|figure| figure(study, looks)).collect()
}
