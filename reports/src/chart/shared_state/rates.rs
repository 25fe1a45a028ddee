//! Accesses a second, against how many of them only read, and against how many use the state.

use ipcmark_record::Case;

use super::super::parameter::{Parameter, READS, USERS};
use super::super::sweep::{Choice, Sweep, TYPICAL, Value};
use super::super::{Figure, Looks};
use super::{accessed, competes};
use crate::analyse::best::MOST_LINES;
use crate::analyse::study::Study;
use crate::format;

const ACCESSES_PER_S: Value = Value {
    name: "accesses per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Accesses per second", "accesses_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Against reads, with as many users as most variants share; `None` where one mix was tried.
pub fn against_reads(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let words = (
        "access-reads",
        "reads",
        "Accesses per second of all together by how many of a hundred only read, one line per way to share state.",
    );
    figure(study, looks, READS, |shape| shape.params.contenders.map(|n| n.abs_diff(2)), words)
}

/// Against users, at the mix that most variants share; `None` where one number was tried.
pub fn against_users(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let words = (
        "access-holders",
        "users",
        "Accesses per second of all together by how many use the state, on logarithmic axes, one line per way to share state.",
    );
    figure(study, looks, USERS, |shape| shape.params.reads_percent.map(|n| n.abs_diff(90)), words)
}

/// The chart on the ground on which most was swept; of equals the one that is least `far` from the usual: two users, and
/// of ten accesses nine that read.
fn figure(
    study: &Study<'_>,
    looks: &Looks,
    parameter: Parameter,
    far: fn(&Case) -> Option<u32>,
    (id, against, description): (&str, &str, &'static str),
) -> Option<Figure> {
    let grounds = parameter.grounds(accessed(study));
    let most = grounds.first()?.cases.len();
    let level = grounds.into_iter().filter(|ground| ground.cases.len() == most);
    let ground = level.min_by_key(|ground| far(&ground.shape))?;
    let answer = parameter.best_at_ends(&ground.cases, competes);
    let sweep = Sweep {
        id: id.into(),
        title: format!("Accesses per second against {against}: {}", ground.told()),
        description,
        note: "A fixed window in which all are at work; keys are drawn evenly. Every value read is checked to be one version \
               that one user wrote, and no older than what this reader saw before. Bands are 95 % intervals over repetitions."
            .into(),
        choice: Choice::Closest(MOST_LINES),
        ..Sweep::of(ground.cases, parameter, ACCESSES_PER_S)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}
