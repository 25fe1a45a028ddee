//! How far a choice by predictions is behind the best: measured, by leaving cases out.

use super::span::{PredictionError, error};
use super::{Candidate, Span};
use crate::analyse::series::Manner;
use crate::format;

/// Most that a choice by predictions may be behind the best: a factor.
pub(super) const MOST_BEHIND: f64 = 1.5;

/// What candidates of a request may do while they wait, from the freest: without the rows that poll, other choices are made.
pub(super) const FREEDOMS: [Manner; 3] = [Manner::Polls, Manner::PollsThenBlocks, Manner::Blocks];

/// A row at a measured point that was left out: its wait behaviour, what was measured, and the prediction from the rest.
pub(super) struct LeftOut {
    pub manner: Manner,
    pub measured: Span,
    pub predicted: Span,
}

/// Error of choices among all rows, among those that do not poll, and among those that block; empty where no choices were judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChoiceErrors(Vec<(Manner, Option<PredictionError>)>);

impl ChoiceErrors {
    /// Chooses at each point the row that is predicted to be best. The error is how far it is surely behind the best that
    /// was measured.
    pub(super) fn of(points: &[Vec<LeftOut>]) -> Self {
        let behind = |rows: &[LeftOut], freest: Manner| {
            let rows = || rows.iter().filter(|row| row.manner >= freest);
            let by_worse_end = |a: Span, b: Span| a.high.total_cmp(&b.high).then(a.value.total_cmp(&b.value));
            let chosen = rows().min_by(|a, b| by_worse_end(a.predicted, b.predicted))?;
            let best = rows().map(|row| row.measured.high).fold(f64::INFINITY, f64::min);
            (rows().count() > 1).then(|| (chosen.measured.low / best).ln().max(0.0))
        };
        let among = |freest| (freest, error(points.iter().filter_map(|rows| behind(rows, freest)).collect()));
        Self(FREEDOMS.map(among).to_vec())
    }

    /// Error of choices among rows that may do what these candidates do.
    pub(super) fn among(&self, candidates: &[Candidate]) -> Option<PredictionError> {
        let some = |(manner, _): &&(Manner, _)| candidates.iter().any(|one| one.waits == manner.word());
        self.0.iter().find(some).and_then(|(_, error)| *error)
    }

    /// The error in words for the freest wait behaviour among the candidates, the freest first.
    pub(crate) fn in_words(&self) -> Vec<(&'static str, Option<String>)> {
        self.0.iter().map(|(manner, error)| (manner.word(), in_words(*error))).collect()
    }
}

/// `such choices were surely behind the best by x1.2 at most (24 left out)`; `None` if they were too far behind, or too few
/// were left out.
pub(super) fn in_words(error: Option<PredictionError>) -> Option<String> {
    let PredictionError { factor, left_out } = error.filter(|error| error.factor <= MOST_BEHIND)?;
    let behind = match format::ratio(factor).trimmed().to_string().as_str() {
        "1" => "never surely behind the best".to_owned(),
        ratio => format!("surely behind the best by at most x{ratio}"),
    };
    Some(format!("such choices were {behind} ({left_out} left out)"))
}
