//! Canvas on the SVG backend of `plotters`, with units of a tenth of a pixel and inks instead of colours.
//!
//! An ink denotes the meaning of a mark (series 3, an axis, a slice of the cost breakdown). It is drawn in a reserved
//! colour, which [`compact`] replaces by a class, so that the style sheet sets the colour for light, dark and
//! paper. Tenths keep curves smooth, since the backend has integer coordinates only.

use std::cell::RefCell;

use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::svg::compact;

/// Drawing units per pixel.
const TENTHS: f64 = 10.0;

/// Meaning of a mark; the style sheet sets its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Series, by its index on the page.
    Series(u16),
    /// Series with a different dash, for another percentile.
    Stroke(u16, Dash),
    /// Slice of a cost breakdown, by its index in the legend.
    Slice(u8),
    /// Process state.
    State(u8),
    /// Grid lines.
    Grid,
    /// Axes and ticks.
    Axis,
    /// Text beside axes.
    Muted,
    /// Normal text.
    Text,
    /// Headings within a drawing.
    Strong,
    /// Floor, or idle noise of the machine.
    Reference,
}

/// Dash pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// No gaps.
    Solid,
    /// Long dashes.
    Dashed,
    /// Short dashes.
    Dotted,
}

impl Ink {
    fn colour(self, part: Part) -> RGBColor {
        let numbered = |kind: u8, number: u16| {
            let [high, low] = number.to_be_bytes();
            (kind, high, low)
        };
        let (kind, high, low) = match self {
            Self::Series(index) => numbered(1, index),
            Self::Stroke(index, Dash::Solid) => numbered(5, index),
            Self::Stroke(index, Dash::Dashed) => numbered(6, index),
            Self::Stroke(index, Dash::Dotted) => numbered(7, index),
            Self::Slice(index) => (2, index, 0),
            Self::State(index) => (3, index, 0),
            Self::Grid => (4, 0, 0),
            Self::Axis => (4, 1, 0),
            Self::Muted => (4, 2, 0),
            Self::Text => (4, 3, 0),
            Self::Strong => (4, 4, 0),
            Self::Reference => (4, 5, 0),
        };
        RGBColor(kind | (part as u8) << PART, high, low)
    }

    /// CSS classes and part of a colour that the backend wrote as `RRGGBB`.
    pub fn decoded(hex: &str) -> Option<(String, Part)> {
        let kind = u8::from_str_radix(hex.get(0..2)?, 16).ok()?;
        let index = u8::from_str_radix(hex.get(2..4)?, 16).ok()?;
        let number = u16::from_str_radix(hex.get(2..6)?, 16).ok()?;
        let meaning = ["grid", "axis", "muted", "text", "strong", "reference"];
        let part = [Part::Plain, Part::Point, Part::Repetition].into_iter().find(|&part| part as u8 == kind >> PART)?;
        let class = match kind & ((1 << PART) - 1) {
            1 => format!("m s{number}"),
            kind @ 5..=7 => format!("m s{number} d{}", kind - 5),
            2 => format!("p{index}"),
            3 => format!("t{index}"),
            _ => (*meaning.get(usize::from(index))?).to_owned(),
        };
        Some((class, part))
    }
}

/// What a mark is to a reader who points at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing of its own.
    Plain,
    /// Point with a value.
    Point,
    /// Value of one repetition.
    Repetition,
}

/// Lowest bit of the part in the first byte of a colour.
const PART: u8 = 4;

/// Finished drawing.
#[derive(Debug, Default)]
pub struct Picture {
    /// SVG element.
    pub svg: String,
    /// Values of its points, in their order in the SVG.
    pub tips: Vec<String>,
}

/// Position of a text relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Starts at the point.
    Right,
    /// Centred at the point.
    Middle,
    /// Ends at the point.
    Left,
}

/// Shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Polls.
    Circle,
    /// Polls, then blocks.
    Triangle,
    /// Blocks on a futex.
    Square,
    /// Blocks in the kernel, or has no wait strategy.
    Diamond,
}

/// Canvas with coordinates and lengths in pixels.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// Values of the points drawn so far.
    tips: RefCell<Vec<String>>,
}

impl Canvas<'_> {
    fn put<E>(&self, element: &E)
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        for<'a> E: Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).expect("a drawing into memory has nothing that could fail");
    }

    /// Draws a line through `points`.
    pub fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) {
        let points: Vec<_> = points.iter().map(|&(x, y)| at(x, y)).collect();
        self.put(&PathElement::new(points, ink.colour(Part::Plain).stroke_width((width * TENTHS) as u32)));
    }

    /// Fills a polygon; low opacity is for intervals.
    pub fn area(&self, points: &[(f64, f64)], ink: Ink, opacity: f64) {
        self.fill(points, ink.colour(Part::Plain).mix(opacity));
    }

    fn fill(&self, points: &[(f64, f64)], colour: RGBAColor) {
        let points: Vec<_> = points.iter().map(|&(x, y)| at(x, y)).collect();
        self.put(&Polygon::new(points, colour.filled()));
    }

    /// Fills a rectangle.
    pub fn bar(&self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.put(&Rectangle::new([at(from.0, from.1), at(to.0, to.1)], ink.colour(Part::Plain).filled()));
    }

    /// Fills a rectangle that stands for a value.
    pub fn slice(&self, from: (f64, f64), to: (f64, f64), ink: Ink, opacity: f64, tip: String) {
        self.tips.borrow_mut().push(tip);
        self.fill(&[from, (to.0, from.1), to, (from.0, to.1)], ink.colour(Part::Point).mix(opacity));
    }

    /// Draws the outline of a rectangle.
    pub fn outline(&self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.put(&Rectangle::new([at(from.0, from.1), at(to.0, to.1)], ink.colour(Part::Plain).stroke_width(1)));
    }

    /// Draws a marker that stands for a value, which is `tip` in words.
    pub fn point(&self, at: (f64, f64), marker: Marker, ink: Ink, radius: f64, tip: String) {
        self.tips.borrow_mut().push(tip);
        self.shape(at, marker, ink.colour(Part::Point), radius);
    }

    /// Draws a marker.
    pub fn marker(&self, at: (f64, f64), marker: Marker, ink: Ink, radius: f64) {
        self.shape(at, marker, ink.colour(Part::Plain), radius);
    }

    /// Draws small dots, one for each repetition.
    pub fn dots(&self, points: impl IntoIterator<Item = (f64, f64)>, ink: Ink) {
        for (x, y) in points {
            self.put(&Circle::new(at(x, y), 12, ink.colour(Part::Repetition).filled()));
        }
    }

    fn shape(&self, (x, y): (f64, f64), marker: Marker, colour: RGBColor, radius: f64) {
        let corner = |dx: f64, dy: f64| (x + dx * radius, y + dy * radius);
        match marker {
            Marker::Circle => self.put(&Circle::new(at(x, y), (radius * TENTHS) as i32, colour.filled())),
            Marker::Triangle => {
                self.fill(&[corner(0.0, -1.25), corner(1.15, 0.85), corner(-1.15, 0.85)], colour.mix(1.0));
            }
            Marker::Square => {
                let corners = [corner(-0.9, -0.9), corner(0.9, -0.9), corner(0.9, 0.9), corner(-0.9, 0.9)];
                self.fill(&corners, colour.mix(1.0));
            }
            Marker::Diamond => {
                let corners = [corner(0.0, -1.3), corner(1.3, 0.0), corner(0.0, 1.3), corner(-1.3, 0.0)];
                self.fill(&corners, colour.mix(1.0));
            }
        }
    }

    /// Draws a cross around a small point, for a value that does not answer the question.
    pub fn cross(&self, (x, y): (f64, f64), ink: Ink, radius: f64, tip: String) {
        self.point((x, y), Marker::Circle, ink, radius / 4.0, tip);
        self.line(&[(x - radius, y - radius), (x + radius, y + radius)], ink, 1.6);
        self.line(&[(x - radius, y + radius), (x + radius, y - radius)], ink, 1.6);
    }

    /// Draws a line of text, vertically centred at the point.
    pub fn text(&self, (x, y): (f64, f64), side: Side, text: &str, ink: Ink, height: f64) {
        self.put(&Text::new(text.to_owned(), at(x, y), lettering(side, ink, height)));
    }

    /// Draws a line of text that reads upward.
    pub fn upright(&self, (x, y): (f64, f64), text: &str, ink: Ink, height: f64) {
        let upward = lettering(Side::Middle, ink, height).transform(FontTransform::Rotate270);
        self.put(&Text::new(text.to_owned(), at(x, y), upward));
    }
}

fn at(x: f64, y: f64) -> (i32, i32) {
    ((x * TENTHS).round() as i32, (y * TENTHS).round() as i32)
}

fn lettering(side: Side, ink: Ink, height: f64) -> TextStyle<'static> {
    let anchor = match side {
        Side::Right => HPos::Left,
        Side::Middle => HPos::Center,
        Side::Left => HPos::Right,
    };
    // The backend divides font sizes by 1.24.
    let font = ("sans-serif", height * TENTHS * 1.24).into_font();
    font.color(&ink.colour(Part::Plain)).pos(Pos::new(anchor, VPos::Center))
}

/// Width of a text, estimated from the average of a sans-serif face.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if "iljtf.,:/ |()".contains(c) { 0.35 } else { 0.62 }).sum::<f64>() * size
}

/// Paints a drawing and returns it as a scalable inline SVG element with classes for inks, a title and a description.
pub fn draw(size: (f64, f64), title: &str, description: &str, paint: impl FnOnce(&Canvas<'_>)) -> Picture {
    let mut raw = String::new();
    let (width, height) = at(size.0, size.1);
    let tips = {
        let area = SVGBackend::with_string(&mut raw, (width as u32, height as u32)).into_drawing_area();
        let canvas = Canvas { area, tips: RefCell::default() };
        paint(&canvas);
        canvas.area.present().expect("a drawing into memory has nothing that could fail");
        canvas.tips.take()
    };
    let (font, content) = compact(&raw);
    let (title, description) = (escape(title), escape(description));
    let svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" font-size=\"{font}\"><title>{title}</title>\
         <desc>{description}</desc>{content}</svg>"
    );
    Picture { svg, tips }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
