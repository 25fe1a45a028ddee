//! The form: advice at every combination of measured values, packed for `advice.js`, which applies the limits.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::advise::{Candidate, Excluded, Field, Figure, Grid, bare, ends, grids, in_figures, shown_cpus};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::chart::packed;
use crate::format;

/// Form about one family.
#[derive(Serialize)]
pub struct Form {
    family: &'static str,
    heading: String,
    /// Where the roles ran.
    place: &'static str,
    /// What candidates are ranked by.
    ranked_by: &'static str,
    fields: Vec<Choice>,
    has_p99: bool,
    has_cpus: bool,
    has_crash: bool,
    /// Options of `ipcmark advise` for the first answer.
    options: String,
    /// JSON of [`Points`], deflated, in base64.
    points: String,
}

/// Values of one axis.
#[derive(Serialize)]
struct Choice {
    id: String,
    name: String,
    options: Vec<Choosable>,
}

#[derive(Serialize)]
struct Choosable {
    value: String,
    shown: String,
    chosen: bool,
}

#[derive(Serialize)]
struct Points {
    /// Whether more of the main metric is better.
    is_rate: bool,
    /// By values, separated by commas.
    points: BTreeMap<String, Point>,
}

#[derive(Serialize)]
struct Point {
    options: String,
    rows: Vec<Row>,
    excluded: Vec<Excluded>,
    /// How close choices by predictions are to the best, if close enough to choose, by what the candidates do while they wait.
    choices: Vec<(&'static str, Option<String>)>,
}

/// Candidate with its texts.
#[derive(Serialize)]
struct Row {
    #[serde(rename = "row")]
    label: String,
    waits: &'static str,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    typical: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpus: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    survives: Option<bool>,
    dies: String,
    declared: bool,
    doubts: Vec<String>,
    evidence: Vec<String>,
}

/// Figure with the texts that a limit may need.
#[derive(Serialize)]
struct Cell {
    value: f64,
    low: f64,
    /// `null` if unknown.
    high: f64,
    measured: bool,
    shown: String,
    /// How exact it is, and where it comes from.
    error: String,
    from: &'static str,
    /// Both ends, where they break a limit.
    ends: String,
    /// Both ends, where a limit lies between them.
    #[serde(skip_serializing_if = "String::is_empty")]
    unsure: String,
}

/// Forms of the families about which the records decide something.
pub fn forms(study: &Study<'_>) -> Vec<Form> {
    grids(study).iter().map(form).collect()
}

fn form(grid: &Grid) -> Form {
    let (subject, points) = (grid.subject, &grid.points);
    let (usual, first) = &points[grid.usual];
    let any = |has: &dyn Fn(&Candidate) -> bool| points.iter().flat_map(|(_, advice)| &advice.candidates).any(has);
    let choice = |(field, chosen): (&Field, &f64)| Choice {
        id: format!("{}-{}", subject.family(), field.name.replace(' ', "-")),
        name: capitalised(field.name),
        options: field
            .values
            .iter()
            .map(|value| Choosable {
                value: value.to_string(),
                shown: (field.show)(*value),
                chosen: value.total_cmp(chosen).is_eq(),
            })
            .collect(),
    };
    let key = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let point = |(values, advice): &(Vec<f64>, crate::advise::Advice)| {
        let row = |one: &Candidate| row(subject, one);
        let point = Point {
            options: advice.request.options(),
            rows: advice.candidates.iter().map(row).collect(),
            excluded: advice.excluded.clone(),
            choices: advice.choice_errors.in_words(),
        };
        (key(values), point)
    };
    let all = Points { is_rate: subject.is_rate(), points: points.iter().map(point).collect() };
    Form {
        family: subject.family(),
        heading: capitalised(subject.word()),
        place: grid.placement.map_or("", place),
        ranked_by: subject.typical_word(),
        fields: grid.fields.iter().zip(usual).map(choice).collect(),
        has_p99: any(&|one| one.p99_ns.is_some()),
        has_cpus: any(&|one| one.cpus.is_some()),
        has_crash: any(&|one| one.death.survives.is_some()),
        options: first.request.options(),
        points: packed(&serde_json::to_string(&all).unwrap_or_default()),
    }
}

fn row(subject: crate::advise::Subject, one: &Candidate) -> Row {
    let time = |figure: &Figure| cell(figure, format::ns, ends(figure), figure.unsure(format::ns));
    let cpus = |figure: &Figure| cell(figure, bare, shown_cpus(figure.span.value), figure.unsure(bare));
    let typical = |figure: &Figure| {
        let ends = if subject.is_rate() { String::new() } else { ends(figure) };
        cell(figure, |value| subject.shown(value).to_string(), ends, String::new())
    };
    Row {
        label: one.row.clone(),
        waits: one.waits,
        says: in_figures(subject, one),
        typical: one.typical.as_ref().map(typical),
        p99: one.p99_ns.as_ref().map(time),
        cpus: one.cpus.as_ref().map(cpus),
        survives: one.death.survives,
        dies: one.death.words.clone(),
        declared: one.death.is_declared(),
        doubts: one.doubts.clone(),
        evidence: one.evidence(subject.typical_word()),
    }
}

fn cell(figure: &Figure, show: impl Fn(f64) -> String, ends: String, unsure: String) -> Cell {
    let digits = |value: f64| format::digits(value).parse().unwrap_or(value);
    let span = figure.span;
    Cell {
        value: digits(span.value),
        low: digits(span.low),
        high: digits(span.high),
        measured: figure.basis == crate::advise::Basis::Measured,
        shown: figure.shown(show),
        error: figure.error_said(),
        from: figure.basis.word(),
        ends,
        unsure,
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
