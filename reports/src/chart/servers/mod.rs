//! Charts about one service for many clients, one file each.

mod connections;
mod load_of_clients;

use ipcmark_record::{Case, Measure};

use super::against::PanelOf;
use super::{Figure, Looks, load};
use crate::analyse::families::{SERVER, is_python};
use crate::analyse::ground::{Ground, measured};
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

/// Servers with any number of clients, on the ground that most of them share first.
fn grounds<'s, 'a>(study: &'s Study<'a>) -> Vec<Ground<'s, 'a>> {
    let served = measured(study, SERVER).filter(|case| case.case.measure == Measure::Serve);
    Ground::all(served, |shape: &mut Case| shape.params.clients = None)
}

fn clients(case: &CaseStudy<'_>) -> u64 {
    u64::from(case.case.params.clients.unwrap_or(1))
}

/// One panel for each kind of address, by the last word of a row's name: which way of serving is better shows among those
/// of one kind.
fn address(case: &CaseStudy<'_>) -> PanelOf {
    let kinds = [("-tcp", "TCP"), ("-unix", "Unix sockets")];
    let known = kinds.iter().position(|(ending, _)| case.case.mechanism.ends_with(ending));
    known.map_or((kinds.len(), "others"), |at| (at, kinds[at].1))
}

/// True for a server that competes with the others.
fn competes(case: &CaseStudy<'_>) -> bool {
    !is_python(case.case)
}
