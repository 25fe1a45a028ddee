//! Charts, one file per topic, as SVG in two shapes (wide and narrow) with their tables.
//!
//! A new chart needs a file with `pub fn figure(study, looks, ...) -> Option<Figure>`, and a line in [`figures`]. A
//! value against a parameter is a [`sweep::Sweep`] of cases, parameter and value.

mod arms;
mod axis;
mod bars;
mod canvas;
mod core_map;
pub mod core_to_core;
mod cost;
mod cost_breakdown;
mod counters;
mod cross_check;
mod depth;
mod distribution;
mod dots;
mod drift;
mod heat;
mod history;
mod lines;
mod load;
mod locks;
mod look;
mod parameter;
mod patterns;
mod plot;
mod points;
mod pools;
mod processes;
mod python;
mod queues;
mod ranking;
mod scatter;
mod servers;
mod set_up;
mod shared_state;
mod sizes;
mod states;
mod svg;
mod sweep;
mod table;
mod touch;
mod wake_up;

use ipcmark_record::Placement;
use serde::Serialize;

use crate::analyse::beside::asks_about_python;
use crate::analyse::study::Study;
pub use arms::{figures as arms_figures, table as arms_table};
use canvas::Picture;
pub use cross_check::figure as cross_checks;
pub use drift::figure as drift;
pub use history::figure as history_figure;
pub use look::{Looks, arms_css};
pub use table::{Cell, Table, packed};

/// Chart for the page.
#[derive(Debug, Default, Serialize)]
pub struct Figure {
    /// Fragment identifier.
    pub id: String,
    /// Title.
    pub title: String,
    /// Finding in a sentence; empty if the page's own answer states it.
    pub answer: String,
    /// Reading instructions and limits.
    pub note: String,
    /// Legend, if lines have no names.
    pub legend: Vec<Key>,
    /// Drawing; empty if there is only a table.
    #[serde(flatten)]
    pub drawn: Drawn,
    /// Second drawing with all variants.
    pub more: Option<More>,
    /// Table of the numbers.
    pub table: Table,
}

/// Folded drawing.
#[derive(Debug, Serialize)]
pub struct More {
    /// Label of the fold.
    pub summary: String,
    /// Drawing.
    #[serde(flatten)]
    pub drawn: Drawn,
}

/// Drawing in both shapes.
#[derive(Debug, Default, Serialize)]
pub struct Drawn {
    /// SVG for screens and paper.
    pub wide: String,
    /// SVG for narrow screens.
    pub narrow: String,
    /// JSON list of the values of its points, which have one order in both shapes.
    pub tips: String,
}

impl Drawn {
    fn of(chart: &impl Drawing, title: &str) -> Self {
        let (wide, narrow) = (chart.svg(title, Shape::Wide), chart.svg(title, Shape::Narrow));
        debug_assert_eq!(wide.tips, narrow.tips, "both shapes of {title} have the same points in the same order");
        Self { tips: in_script(&wide.tips), wide: wide.svg, narrow: narrow.svg }
    }
}

/// JSON list for a script element.
pub fn in_script(list: &[String]) -> String {
    // A list of strings is always valid; the escape keeps text from closing the element that holds it.
    serde_json::to_string(list).unwrap_or_default().replace('<', "\\u003c")
}

/// Chart that can be drawn as SVG.
pub trait Drawing {
    /// Draws the chart with a title for screen readers.
    fn svg(&self, title: &str, shape: Shape) -> Picture;
}

impl Figure {
    /// Figure without answer, note, legend and table.
    fn drawn(id: impl Into<String>, title: impl Into<String>, chart: &impl Drawing) -> Self {
        let title = title.into();
        Self { id: id.into(), drawn: Drawn::of(chart, &title), title, ..Self::default() }
    }

    /// Adds a second, folded drawing, if there is one.
    fn unfolding(self, summary: impl Into<String>, chart: Option<impl Drawing>) -> Self {
        let Some(chart) = chart else { return self };
        let drawn = Drawn::of(&chart, &self.title);
        Self { more: Some(More { summary: summary.into(), drawn }), ..self }
    }
}

/// Entry of a legend.
#[derive(Debug, Serialize)]
pub struct Key {
    /// CSS classes of the swatch.
    pub class: String,
    /// Meaning.
    pub word: String,
}

/// Shape of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Panels side by side.
    Wide,
    /// Panels below each other.
    Narrow,
}

impl Shape {
    /// Width in pixels. Text is 12 to 13 pixels high, so a narrow drawing is readable on a screen of 400.
    pub const fn width(self) -> f64 {
        match self {
            Self::Wide => 1120.0,
            Self::Narrow => 400.0,
        }
    }
}

/// Section of the page for families other than channels and locks.
#[derive(Debug, Serialize)]
pub struct Topic {
    /// Fragment identifier.
    pub id: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Charts; never empty.
    pub figures: Vec<Figure>,
}

/// Topic that compares Python with other mechanisms.
pub const PYTHON: &str = "python";
/// Topic with the distances of CPUs.
pub const CPUS: &str = "cpus";

/// Topics with data, in page order.
pub fn topics(study: &Study<'_>, looks: &Looks) -> Vec<Topic> {
    let mut topics = vec![
        (PYTHON, "Compared with Python", python::figures(study, looks)),
        ("processes", "Processes", processes::figures(study, looks)),
        ("pools", "Worker pools", pools::figures(study, looks)),
        ("queues", "Work queues", queues::figures(study, looks)),
        ("shared-state", "Shared state", shared_state::figures(study, looks)),
        ("servers", "Servers", servers::figures(study, looks)),
        (CPUS, "Core to core", core_to_core::figures(study, looks)),
    ];
    if !asks_about_python(study) {
        topics.rotate_left(1);
    }
    let topic = |(id, heading, figures)| Topic { id, heading, figures };
    topics.into_iter().map(topic).filter(|topic| !topic.figures.is_empty()).collect()
}

/// Charts with data at a placement, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let mut figures = ranking::figures(study, looks, placement);
    let single = [
        sizes::round_trip,
        sizes::rate,
        sizes::bandwidth,
        distribution::figure,
        cost_breakdown::figure,
        states::figure,
        cost::figure,
        touch::figure,
        wake_up::figure,
        patterns::figure,
        set_up::figure,
    ];
    figures.extend(single.into_iter().filter_map(|figure| figure(study, looks, placement)));
    figures.extend(counters::figure(study, placement));
    figures.extend(load::figures(study, looks, placement));
    figures.extend(depth::figures(study, looks, placement));
    figures.extend(locks::figures(study, looks, placement));
    for figure in &mut figures {
        figure.id = format!("{}-{placement}", figure.id);
    }
    figures
}
