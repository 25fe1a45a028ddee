//! Scatter chart on two axes, with names where they fit and a line through the Pareto front.

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Marker, Picture, Side, draw, text_width};
use super::{Drawing, Shape};

const TEXT: f64 = 12.0;
const RADIUS: f64 = 4.2;

/// Scatter chart.
pub struct Scatter {
    /// Description for screen readers.
    pub description: &'static str,
    /// Name of the horizontal axis.
    pub x_name: &'static str,
    /// Name of the vertical axis.
    pub y_name: &'static str,
    /// Horizontal scale.
    pub x: Axis,
    /// Vertical scale.
    pub y: Axis,
    /// Points in any order.
    pub dots: Vec<Dot>,
    /// Points of the front from left to right.
    pub front: Vec<(f64, f64)>,
    /// Label of the upper right corner, if any.
    pub corner: Option<&'static str>,
}

/// Point of the chart.
pub struct Dot {
    /// Coordinates.
    pub at: (f64, f64),
    /// Ink.
    pub ink: Ink,
    /// Shape.
    pub marker: Marker,
    /// Name, if shown.
    pub label: Option<String>,
}

/// Occupied rectangle: left, top, right, bottom.
type Taken = (f64, f64, f64, f64);

impl Drawing for Scatter {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        let height = match shape {
            Shape::Wide => 480.0,
            Shape::Narrow => 380.0,
        };
        let margin = self.y.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(20.0, f64::max) + 28.0;
        draw((shape.width(), height), title, self.description, |canvas| {
            let plot = Plot {
                canvas,
                chart: self,
                left: margin,
                right: shape.width() - 14.0,
                top: 10.0,
                bottom: height - 44.0,
            };
            plot.frame();
            plot.front();
            for dot in &self.dots {
                let tip = format!("{}, {}", self.x.text(dot.at.0), self.y.text(dot.at.1));
                canvas.point(plot.place(dot.at), dot.marker, dot.ink, RADIUS, tip);
            }
            plot.names();
        })
    }
}

struct Plot<'a, 'c> {
    canvas: &'a Canvas<'c>,
    chart: &'a Scatter,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot<'_, '_> {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (across, up) = (self.chart.x.place(x), self.chart.y.place(y));
        (self.left + (self.right - self.left) * across, self.bottom - (self.bottom - self.top) * up)
    }

    fn frame(&self) {
        let (canvas, chart) = (self.canvas, self.chart);
        for (value, label) in &chart.y.clone().thin(TEXT * 1.5 / (self.bottom - self.top)).ticks {
            let y = self.bottom - (self.bottom - self.top) * chart.y.place(*value);
            canvas.line(&[(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            canvas.text((self.left - 7.0, y), Side::Left, label, Ink::Muted, TEXT);
        }
        let widest = chart.x.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(0.0, f64::max);
        for (value, label) in &chart.x.clone().thin((widest + 8.0) / (self.right - self.left)).ticks {
            let x = self.left + (self.right - self.left) * chart.x.place(*value);
            canvas.line(&[(x, self.top), (x, self.bottom + 4.0)], Ink::Grid, 1.0);
            canvas.text((x, self.bottom + 13.0), Side::Middle, label, Ink::Muted, TEXT);
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], Ink::Axis, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        canvas.text((middle, self.bottom + 31.0), Side::Middle, chart.x_name, Ink::Text, TEXT);
        if let Some(corner) = chart.corner {
            canvas.text((self.right - 2.0, self.top + 9.0), Side::Left, corner, Ink::Muted, TEXT);
        }
        canvas.upright((11.0, f64::midpoint(self.top, self.bottom)), chart.y_name, Ink::Text, TEXT);
    }

    /// Draws the front as steps.
    fn front(&self) {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for &point in &self.chart.front {
            let (x, y) = self.place(point);
            if let Some(&(_, above)) = steps.last() {
                steps.push((x, above));
            }
            steps.push((x, y));
        }
        if steps.len() > 1 {
            self.canvas.line(&steps, Ink::Reference, 1.2);
        }
    }

    /// Draws each name at the nearest free position, with a leader if that is distant; a name without space is left
    /// out.
    fn names(&self) {
        let spot = |dot: &Dot| {
            let (x, y) = self.place(dot.at);
            (x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        };
        let corner = self
            .chart
            .corner
            .map(|words| (self.right - text_width(words, TEXT), self.top, self.right, self.top + 2.0 * TEXT));
        let mut taken: Vec<Taken> = self.chart.dots.iter().map(spot).chain(corner).collect();
        for (dot, label) in self.chart.dots.iter().filter_map(|dot| Some((dot, dot.label.as_ref()?))) {
            let (x, y) = self.place(dot.at);
            let spaces = places(text_width(label, TEXT))
                .map(|(dx, dy, width)| (x + dx, y + dy - TEXT / 2.0, x + dx + width, y + dy + TEXT / 2.0));
            let free = |space: &Taken| {
                let within = space.0 >= self.left && space.2 <= self.right;
                within && space.1 >= self.top && space.3 <= self.bottom && taken.iter().all(|other| apart(space, other))
            };
            let Some(space) = spaces.into_iter().find(free) else { continue };
            taken.push(space);
            let middle = f64::midpoint(space.1, space.3);
            if (middle - y).abs() > 2.0 * TEXT {
                let near = x.clamp(space.0, space.2);
                self.canvas.line(&[(x, y), (near, if middle < y { space.3 } else { space.1 })], Ink::Axis, 0.8);
            }
            self.canvas.text((space.0, middle), Side::Right, label, dot.ink, TEXT);
        }
    }
}

/// Candidate positions of a name relative to its point, nearest first.
fn places(width: f64) -> impl Iterator<Item = (f64, f64, f64)> {
    let beside = [(RADIUS + 4.0, 0.0), (-RADIUS - 4.0 - width, 0.0)].into_iter();
    let around = (1..=7).flat_map(|ring| [-13.0, 13.0].map(|step| step * f64::from(ring)));
    let around = around.flat_map(move |dy| [6.0, -6.0 - width, -width / 2.0].map(|dx| (dx, dy)));
    beside.chain(around).map(move |(dx, dy)| (dx, dy, width))
}

/// Whether two rectangles are disjoint.
fn apart(one: &Taken, other: &Taken) -> bool {
    one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1
}

/// Indices of the Pareto-minimal points from left to right; the first of equal points is kept.
pub fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let ((ax, ay), (bx, by)) = (points[a], points[b]);
        ax.total_cmp(&bx).then(ay.total_cmp(&by))
    });
    let mut least = f64::INFINITY;
    order.retain(|&at| {
        let better = points[at].1 < least;
        least = least.min(points[at].1);
        better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::front;

    #[test]
    fn only_points_that_no_other_undercuts_in_both_stay() {
        let points = [(5.0, 1.0), (1.0, 9.0), (2.0, 9.0), (3.0, 4.0), (4.0, 4.0), (3.0, 4.0), (9.0, 2.0)];
        assert_eq!(front(&points), [1, 3, 0]);
        assert!(front(&[]).is_empty());
    }
}
