//! Canvas on the SVG backend of `plotters`, with units of a tenth of a pixel and inks instead of colours.
//!
//! An ink denotes the meaning of a mark (series 3, an axis, a slice of the cost breakdown). It is drawn in a reserved
//! colour, which the finished SVG replaces by a class, so that the style sheet sets the colour for light, dark and
//! paper. Tenths keep curves smooth, since the backend has integer coordinates only.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

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
    fn colour(self) -> RGBColor {
        let numbered = |kind: u8, number: u16| {
            let [high, low] = number.to_be_bytes();
            RGBColor(kind, high, low)
        };
        match self {
            Self::Series(index) => numbered(1, index),
            Self::Stroke(index, Dash::Solid) => numbered(5, index),
            Self::Stroke(index, Dash::Dashed) => numbered(6, index),
            Self::Stroke(index, Dash::Dotted) => numbered(7, index),
            Self::Slice(index) => RGBColor(2, index, 0),
            Self::State(index) => RGBColor(3, index, 0),
            Self::Grid => RGBColor(4, 0, 0),
            Self::Axis => RGBColor(4, 1, 0),
            Self::Muted => RGBColor(4, 2, 0),
            Self::Text => RGBColor(4, 3, 0),
            Self::Strong => RGBColor(4, 4, 0),
            Self::Reference => RGBColor(4, 5, 0),
        }
    }

    /// CSS classes of a colour that the backend wrote as `RRGGBB`.
    fn classes(hex: &str) -> Option<String> {
        let kind = u8::from_str_radix(hex.get(0..2)?, 16).ok()?;
        let index = u8::from_str_radix(hex.get(2..4)?, 16).ok()?;
        let number = u16::from_str_radix(hex.get(2..6)?, 16).ok()?;
        let meaning = ["grid", "axis", "muted", "text", "strong", "reference"];
        Some(match kind {
            1 => format!("m s{number}"),
            5..=7 => format!("m s{number} d{}", kind - 5),
            2 => format!("slice p{index}"),
            3 => format!("state t{index}"),
            _ => (*meaning.get(usize::from(index))?).to_owned(),
        })
    }
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
pub struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

impl Canvas<'_> {
    fn put<E>(&self, element: &E)
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        for<'a> E: Drawable<SVGBackend<'a>>,
    {
        self.0.draw(element).expect("a drawing into memory has nothing that could fail");
    }

    /// Draws a line through `points`.
    pub fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) {
        let points: Vec<_> = points.iter().map(|&(x, y)| at(x, y)).collect();
        self.put(&PathElement::new(points, ink.colour().stroke_width((width * TENTHS) as u32)));
    }

    /// Fills a polygon; low opacity is for intervals.
    pub fn area(&self, points: &[(f64, f64)], ink: Ink, opacity: f64) {
        let points: Vec<_> = points.iter().map(|&(x, y)| at(x, y)).collect();
        self.put(&Polygon::new(points, ink.colour().mix(opacity).filled()));
    }

    /// Fills a rectangle.
    pub fn bar(&self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.put(&Rectangle::new([at(from.0, from.1), at(to.0, to.1)], ink.colour().filled()));
    }

    /// Draws the outline of a rectangle.
    pub fn outline(&self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.put(&Rectangle::new([at(from.0, from.1), at(to.0, to.1)], ink.colour().stroke_width(1)));
    }

    /// Draws a point.
    pub fn marker(&self, (x, y): (f64, f64), marker: Marker, ink: Ink, radius: f64) {
        let corner = |dx: f64, dy: f64| (x + dx * radius, y + dy * radius);
        match marker {
            Marker::Circle => {
                self.put(&Circle::new(at(x, y), (radius * TENTHS) as i32, ink.colour().filled()));
            }
            Marker::Triangle => {
                self.area(&[corner(0.0, -1.25), corner(1.15, 0.85), corner(-1.15, 0.85)], ink, 1.0);
            }
            Marker::Square => self.bar(corner(-0.9, -0.9), corner(0.9, 0.9), ink),
            Marker::Diamond => {
                self.area(&[corner(0.0, -1.3), corner(1.3, 0.0), corner(0.0, 1.3), corner(-1.3, 0.0)], ink, 1.0);
            }
        }
    }

    /// Draws a cross, for a value that does not answer the question.
    pub fn cross(&self, (x, y): (f64, f64), ink: Ink, radius: f64) {
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
    font.color(&ink.colour()).pos(Pos::new(anchor, VPos::Center))
}

/// Width of a text, estimated from the average of a sans-serif face.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if "iljtf.,:/ |()".contains(c) { 0.35 } else { 0.62 }).sum::<f64>() * size
}

/// Paints a drawing and returns it as a scalable inline SVG element with classes for inks, a title and a description.
pub fn draw(size: (f64, f64), title: &str, description: &str, paint: impl FnOnce(&Canvas<'_>)) -> String {
    let mut raw = String::new();
    let (width, height) = at(size.0, size.1);
    {
        let canvas = Canvas(SVGBackend::with_string(&mut raw, (width as u32, height as u32)).into_drawing_area());
        paint(&canvas);
        canvas.0.present().expect("a drawing into memory has nothing that could fail");
    }
    let mut svg = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">");
    let _ = write!(svg, "<title>{}</title><desc>{}</desc>", escape(title), escape(description));
    // The first line is the backend's own opening tag.
    for line in raw.lines().skip(1) {
        push_with_classes(&mut svg, line);
    }
    svg
}

/// Copies one line of the backend's output, with classes for colours and without redundant attributes.
fn push_with_classes(svg: &mut String, line: &str) {
    let mut rest = line;
    while let Some(start) = rest.find("=\"") {
        let name_at = rest[..start].rfind(' ').map_or(0, |space| space + 1);
        let Some(length) = rest[start + 2..].find('"') else { break };
        let (before, name) = (&rest[..name_at], &rest[name_at..start]);
        let value = &rest[start + 2..start + 2 + length];
        svg.push_str(before.trim_end());
        match (name, value) {
            ("fill" | "stroke", colour) if colour.starts_with('#') => {
                let kind = if name == "fill" { "f" } else { "l" };
                let classes = Ink::classes(&colour[1..]).unwrap_or_default();
                let _ = write!(svg, " class=\"{classes} {kind}\"");
            }
            ("fill" | "stroke", "none") | ("opacity", "1") | ("font-family", _) => {}
            ("points", points) => {
                let _ = write!(svg, " points=\"{}\"", points.trim_end());
            }
            _ => {
                let _ = write!(svg, " {name}=\"{value}\"");
            }
        }
        rest = &rest[start + 3 + length..];
    }
    svg.push_str(rest);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
