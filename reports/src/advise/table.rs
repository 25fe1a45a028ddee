//! One quantity of all rows at all measured points, from which it is predicted for a request.

use std::collections::BTreeMap;

use ipcmark_record::Measure;
use serde::Serialize;

use super::axes::{asked, beside, place};
use super::request::Subject;
use super::span::{Misses, Point, PredictionError, Span, predict};
use crate::analyse::series::Manner;
use crate::analyse::statistics::REPETITIONS_FOR_AN_INTERVAL;
use crate::analyse::study::CaseStudy;
use crate::format;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Measured as asked.
    Measured,
    /// Follows from how the mechanism waits.
    Known,
    /// A harder case was kept, or an easier one was missed.
    Bound,
    /// From the nearest measured cases of the row.
    Nearby,
    /// From another measure of the row, and how the two are related in other rows.
    OtherMeasure,
    /// From the declared cost and the floors of the machine.
    Floors,
}

impl Basis {
    /// Its name in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Known => "known",
            Self::Bound => "bound",
            Self::Nearby => "nearby",
            Self::OtherMeasure => "predicted",
            Self::Floors => "floors",
        }
    }
}

/// A value with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The value.
    #[serde(flatten)]
    pub span: Span,
    /// Where it comes from.
    pub basis: Basis,
    /// The nearest measured cases and how far away they are.
    pub evidence: String,
    /// Keys of those cases.
    pub cases: Vec<String>,
    /// Measured error of the prediction, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<PredictionError>,
}

impl Figure {
    /// Whether both ends are known.
    pub(super) fn is_sure(&self) -> bool {
        self.span.is_sure()
    }

    /// How far it may be off, to choose between figures: 1 if it was measured or follows, infinite if unknown.
    pub(super) fn factor(&self) -> f64 {
        match self.error {
            _ if self.basis < Basis::Nearby => 1.0,
            Some(error) if self.is_sure() => error.factor,
            _ => f64::INFINITY,
        }
    }

    /// The value as text, with a tilde if it was not measured and does not follow.
    pub fn shown(&self, show: impl Fn(f64) -> String) -> String {
        let exact = self.basis == Basis::Measured || self.span.low >= self.span.value;
        format!("{}{}", if exact { "" } else { "~" }, show(self.span.value))
    }

    /// Both ends, to say why a limit between them cannot be judged.
    pub(crate) fn unsure(&self, show: impl Fn(f64) -> String) -> String {
        let Span { value, low, high } = self.span;
        if high.is_finite() {
            format!("{} to {}", show(low), show(high))
        } else {
            format!("about {}, unsure", show(value))
        }
    }

    /// How exact it is: `±4 %` if measured, `x1.7` if predicted with that error, else `?`; empty if it follows.
    pub fn error_word(&self) -> String {
        match (self.basis, self.error) {
            (Basis::Known | Basis::Bound, _) => String::new(),
            (Basis::Measured, _) if self.is_sure() => {
                let Span { value, low, high } = self.span;
                format!("±{}", format::percent_short((value - low).max(high - value) / value))
            }
            (_, Some(error)) => format!("x{}", format::ratio(error.factor)),
            _ => "?".to_owned(),
        }
    }

    /// [`Self::error_word`] in a sentence: `±4 %`, `up to x1.7 off`, `error unknown`.
    pub(crate) fn error_said(&self) -> String {
        match self.error_word() {
            word if word == "?" => "error unknown".to_owned(),
            word if word.starts_with('x') => format!("up to {word} off"),
            word => word,
        }
    }

    /// How far the prediction is off, in words; `None` if it is no prediction.
    pub fn error_in_words(&self) -> Option<String> {
        if self.basis < Basis::Nearby {
            return None;
        }
        Some(match self.error {
            Some(PredictionError { factor, left_out }) => {
                format!("off by up to x{} ({left_out} left out)", format::ratio(factor))
            }
            None => "error unknown: too few cases to leave out".to_owned(),
        })
    }

    /// The figure of another quantity that is a multiple of this one, with the error of that relation.
    #[must_use]
    pub(super) fn times(self, ratio: f64, error: Option<PredictionError>, basis: Basis) -> Self {
        let combined = [self.error, error].into_iter().flatten().reduce(PredictionError::and);
        let span = self.span.times(ratio).widened(error.map(PredictionError::miss));
        Self { span, basis: self.basis.max(basis), error: combined.filter(|_| error.is_some()), ..self }
    }
}

/// One quantity of one measure.
pub(super) struct Table<'s, 'a> {
    subject: Subject,
    measure: Measure,
    rows: BTreeMap<String, Vec<Point<&'s CaseStudy<'a>>>>,
    /// Of the rows that wait alike: the latency of one that polls for a while and then blocks jumps with the rate, those of
    /// others hardly change.
    misses: BTreeMap<Manner, Misses>,
    /// Of all rows, where too few wait alike.
    misses_of_all: Misses,
}

impl<'s, 'a> Table<'s, 'a> {
    /// Collects `value` of the cases of `measure`.
    pub fn of(
        subject: Subject,
        measure: Measure,
        cases: &[&'s CaseStudy<'a>],
        value: impl Fn(&CaseStudy<'_>) -> Option<Span>,
    ) -> Self {
        let axes = subject.axes(measure);
        let mut rows: BTreeMap<String, Vec<Point<&'s CaseStudy<'a>>>> = BTreeMap::new();
        for case in cases.iter().copied().filter(|case| case.case.measure == measure) {
            let Some(span) = value(case) else { continue };
            rows.entry(case.series.label()).or_default().push(Point { at: place(&axes, case.case), span, of: case });
        }
        let mut misses: BTreeMap<Manner, Misses> = BTreeMap::new();
        let mut misses_of_all = Misses::default();
        for points in rows.values() {
            let of_row = Misses::of(points);
            misses_of_all.extend(&of_row);
            misses.entry(points[0].of.series.manner).or_default().extend(&of_row);
        }
        Self { subject, measure, rows, misses, misses_of_all }
    }

    /// Measured cases of a row.
    pub fn row(&self, row: &str) -> &[Point<&'s CaseStudy<'a>>] {
        self.rows.get(row).map_or(&[], Vec::as_slice)
    }

    /// Rows.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.rows.keys()
    }

    /// The value of a row at the request.
    pub fn figure(&self, row: &str) -> Option<Figure> {
        self.figure_for(self.subject, row)
    }

    /// The value of a row at another request of the same family.
    pub fn figure_for(&self, subject: Subject, row: &str) -> Option<Figure> {
        let axes = subject.axes(self.measure);
        let points: Vec<&Point<&CaseStudy<'_>>> = self.row(row).iter().collect();
        let predicted = predict(&points, &asked(&axes))?;
        let cases = predicted.from.iter().map(|case| case.key.to_owned()).collect();
        let title = self.measure.row().title.to_lowercase();
        if predicted.is_measured() {
            let repetitions = predicted.from[0].summary.typical.map_or(0, |typical| typical.repetitions);
            let evidence = format!("{title} as asked, {repetitions} repetitions");
            // Few repetitions have a range, which is enough for a prediction, whose error covers what it misses.
            let enough = repetitions >= REPETITIONS_FOR_AN_INTERVAL;
            let span = if enough { predicted.span } else { Span::unsure(predicted.span.value) };
            return Some(Figure { span, basis: Basis::Measured, evidence, cases, error: None });
        }
        let alike = self.misses.get(&predicted.from[0].series.manner);
        let error = alike.and_then(|misses| misses.at(&predicted.apart));
        let error = error.or_else(|| self.misses_of_all.at(&predicted.apart));
        let nearest: Vec<String> = predicted.from.iter().map(|case| beside(&axes, case.case)).collect();
        Some(Figure {
            span: predicted.span.widened(error.map(PredictionError::miss)),
            basis: Basis::Nearby,
            evidence: format!("nearest {title}: {}", nearest.join(" and ")),
            cases,
            error,
        })
    }
}
