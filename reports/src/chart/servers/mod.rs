//! Charts about one service for many clients, one file each.

mod connections;
mod load_of_clients;

use super::{Figure, Looks, load};
use crate::analyse::families::is_python;
use crate::analyse::load::Due;
use crate::analyse::study::{CaseStudy, Study};

/// Every chart about servers that the records have data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let mut figures = load_of_clients::figures(study, looks);
    figures.extend(load::apart(study, looks, Due::Requests));
    figures.extend(connections::cost(study, looks));
    figures.extend(connections::memory(study, looks));
    figures
}

/// One panel for each kind of address, by the last word of a row's name: which way of serving is better shows among those
/// of one kind.
fn address(case: &CaseStudy<'_>) -> (usize, &'static str) {
    let kinds = [("-tcp", "TCP"), ("-unix", "Unix sockets")];
    let known = kinds.iter().position(|(ending, _)| case.case.mechanism.ends_with(ending));
    known.map_or((kinds.len(), "others"), |at| (at, kinds[at].1))
}

/// True for a server that competes with the others.
fn competes(case: &CaseStudy<'_>) -> bool {
    !is_python(case.case)
}
