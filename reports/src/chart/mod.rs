//! Charts, a file for each topic, as SVG in two shapes (wide and narrow) with the table behind them.
//!
//! To add one: a file with `pub fn figure(study, looks, ...) -> Option<Figure>`, and its line in [`figures`].
//! A value against a parameter is a [`sweep::Sweep`]: it names its cases, the parameter and the value, and gets the rest.

mod axis;
mod bars;
mod canvas;
mod cost;
mod cost_breakdown;
mod cross_check;
mod depth;
mod distribution;
mod dots;
mod drift;
mod heat;
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
mod sweep;
mod table;
mod touch;
mod wake_up;

use ipcmark_record::Placement;
use serde::Serialize;

use crate::analyse::beside::asks_about_python;
use crate::analyse::study::Study;
pub use cross_check::figure as cross_checks;
pub use drift::figure as drift;
pub use look::Looks;
pub use table::{Cell, Table};

/// A chart, ready for the page.
#[derive(Debug, Default, Serialize)]
pub struct Figure {
    /// Fragment of its address on the page.
    pub id: String,
    /// What it shows, with the unit.
    pub title: String,
    /// Its finding in a sentence; empty where the page's own answer states it.
    pub answer: String,
    /// How to read it, and what it does not show.
    pub note: String,
    /// What the colours of slices mean, where lines do not carry their own names.
    pub legend: Vec<Key>,
    /// For screens and paper; empty where the table itself is what there is to see.
    pub wide: String,
    /// For a telephone held upright.
    pub narrow: String,
    /// A second drawing with all variants.
    pub more: Option<More>,
    /// The numbers.
    pub table: Table,
}

/// A drawing that the reader can unfold.
#[derive(Debug, Serialize)]
pub struct More {
    /// What unfolds.
    pub summary: String,
    /// For screens and paper.
    pub wide: String,
    /// For a telephone held upright.
    pub narrow: String,
}

/// A kind of chart.
pub trait Drawing {
    /// Draws it; screen readers read the title.
    fn svg(&self, title: &str, shape: Shape) -> String;
}

impl Figure {
    /// A drawing without answer, note, legend and table.
    fn drawn(id: impl Into<String>, title: impl Into<String>, chart: &impl Drawing) -> Self {
        let title = title.into();
        let (wide, narrow) = (chart.svg(&title, Shape::Wide), chart.svg(&title, Shape::Narrow));
        Self { id: id.into(), title, wide, narrow, ..Self::default() }
    }

    /// With a second drawing to unfold, where there is one.
    fn unfolding(self, summary: impl Into<String>, chart: Option<impl Drawing>) -> Self {
        let Some(chart) = chart else { return self };
        let (wide, narrow) = (chart.svg(&self.title, Shape::Wide), chart.svg(&self.title, Shape::Narrow));
        Self { more: Some(More { summary: summary.into(), wide, narrow }), ..self }
    }
}

/// One entry of a legend.
#[derive(Debug, Serialize)]
pub struct Key {
    /// The classes of its swatch.
    pub class: String,
    /// What it means.
    pub word: String,
}

/// The shape of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Panels side by side.
    Wide,
    /// Panels below each other.
    Narrow,
}

impl Shape {
    /// Width of the drawing in pixels of the design. Text is 12 to 13 of them high, so a narrow drawing is readable on
    /// a screen of 400.
    pub const fn width(self) -> f64 {
        match self {
            Self::Wide => 1120.0,
            Self::Narrow => 400.0,
        }
    }
}

/// A part of the page about families other than channels and locks.
#[derive(Debug, Serialize)]
pub struct Topic {
    /// Fragment of its address on the page.
    pub id: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// What it shows; never empty.
    pub figures: Vec<Figure>,
}

/// The topic about what would be gained over Python.
pub const PYTHON: &str = "python";

/// Every topic that the records have data for, in the order of the page.
pub fn topics(study: &Study<'_>, looks: &Looks) -> Vec<Topic> {
    let mut topics = vec![
        (PYTHON, "Compared with Python", python::figures(study, looks)),
        ("processes", "Processes", processes::figures(study, looks)),
        ("pools", "Worker pools", pools::figures(study, looks)),
        ("queues", "Work queues", queues::figures(study, looks)),
        ("shared-state", "Shared state", shared_state::figures(study, looks)),
        ("servers", "Servers", servers::figures(study, looks)),
    ];
    if !asks_about_python(study) {
        topics.rotate_left(1);
    }
    let topic = |(id, heading, figures)| Topic { id, heading, figures };
    topics.into_iter().map(topic).filter(|topic| !topic.figures.is_empty()).collect()
}

/// Every chart that one placement has data for, in the order of the page.
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
    figures.extend(load::figures(study, looks, placement));
    figures.extend(depth::figures(study, looks, placement));
    figures.extend(locks::figures(study, looks, placement));
    for figure in &mut figures {
        figure.id = format!("{}-{placement}", figure.id);
    }
    figures
}
