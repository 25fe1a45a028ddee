//! Compact form of a drawing: classes instead of colours, neighbours of one look merged, and three layers: grid and axes,
//! marks in their order, text. A page has dozens of drawings in two shapes, so their bytes are most of it.

use std::fmt::Write as _;

use super::canvas::{Ink, Part};

/// Width of a stroke without an attribute, in drawing units: that of grid and axes, and that of lines.
const WIDTHS: [&str; 2] = ["10", "19"];

/// Element of the backend's output: name, attributes, and the text of a text element.
struct Element<'r> {
    tag: &'r str,
    attributes: &'r str,
    text: &'r str,
}

impl<'r> Element<'r> {
    fn get(&self, name: &str) -> Option<&'r str> {
        let from = self.attributes.find(&format!(" {name}=\""))? + name.len() + 3;
        let rest = &self.attributes[from..];
        rest.find('"').map(|end| &rest[..end])
    }

    fn number(&self, name: &str) -> i32 {
        self.get(name).and_then(|value| value.parse::<f64>().ok()).map_or(0, |value| value.round() as i32)
    }

    fn points(&self) -> Vec<(i32, i32)> {
        let pair = |pair: &str| {
            let (x, y) = pair.split_once(',')?;
            Some((x.parse().ok()?, y.parse().ok()?))
        };
        self.get("points").unwrap_or_default().split_ascii_whitespace().filter_map(pair).collect()
    }

    fn corners(&self) -> Vec<(i32, i32)> {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| self.number(name));
        vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    }

    /// Colour of the line or of the area.
    fn colour(&self) -> Option<(&'r str, bool)> {
        let hex = |name| self.get(name).and_then(|value| value.strip_prefix('#'));
        hex("fill").map(|hex| (hex, false)).or_else(|| hex("stroke").map(|hex| (hex, true)))
    }
}

/// Elements in the order of the backend, without its own opening tag.
fn elements(raw: &str) -> impl Iterator<Item = Element<'_>> {
    raw.split("\n<").skip(1).filter_map(|part| {
        let (head, text) = part.split_once('>')?;
        let (tag, _) = head.split_once(' ')?;
        let attributes = head[tag.len()..].trim_end_matches('/');
        Some(Element { tag, attributes, text: text.trim_matches('\n') })
    })
}

/// Appends a path: absolute start, relative steps.
fn push_path(path: &mut String, points: &[(i32, i32)], closed: bool) {
    let Some(&(mut x, mut y)) = points.first() else { return };
    let _ = write!(path, "M{x}{}{y}", separator(y));
    let mut letter = 'M';
    for &(to_x, to_y) in &points[1..] {
        match (to_x - x, to_y - y) {
            (across, 0) => {
                let _ = write!(path, "h{across}");
                letter = 'h';
            }
            (0, down) => {
                let _ = write!(path, "v{down}");
                letter = 'v';
            }
            (across, down) => {
                path.push_str(if letter == 'l' { separator(across) } else { "l" });
                let _ = write!(path, "{across}{}{down}", separator(down));
                letter = 'l';
            }
        }
        (x, y) = (to_x, to_y);
    }
    if closed {
        path.push('z');
    }
}

fn separator(number: i32) -> &'static str {
    if number < 0 { "" } else { " " }
}

/// Shape of a mark.
#[derive(PartialEq)]
enum Kind {
    /// Line of a width.
    Stroke(String),
    /// Area of an opacity.
    Fill(String),
    /// Circle: `cx`, `cy` and `r`.
    Circle(i32, i32, i32),
    /// Small dot of one repetition.
    Dot,
    /// Outline of a rectangle.
    Outline,
}

/// Mark or line in one ink.
struct Mark {
    class: String,
    kind: Kind,
    path: String,
    /// Whether it is a point with a value of its own.
    point: bool,
}

impl Mark {
    fn of(element: &Element<'_>, class: String, part: Part, stroke: bool) -> Self {
        let mut path = String::new();
        let opacity = || element.get("opacity").filter(|&opacity| opacity != "1").unwrap_or_default().to_owned();
        let width = || element.get("stroke-width").unwrap_or("10").to_owned();
        let kind = match (element.tag, stroke) {
            ("circle", _) if part == Part::Repetition => {
                push_path(&mut path, &[(element.number("cx"), element.number("cy"))], false);
                path.push_str("h0");
                Kind::Dot
            }
            ("circle", _) => Kind::Circle(element.number("cx"), element.number("cy"), element.number("r")),
            ("rect", true) => {
                push_path(&mut path, &element.corners(), true);
                Kind::Outline
            }
            ("rect", false) => {
                push_path(&mut path, &element.corners(), true);
                Kind::Fill(opacity())
            }
            (_, true) => {
                push_path(&mut path, &element.points(), false);
                Kind::Stroke(width())
            }
            (_, false) => {
                push_path(&mut path, &element.points(), true);
                Kind::Fill(opacity())
            }
        };
        Self { class, kind, path, point: part == Part::Point }
    }

    /// Appends `next` to this one, if one path can draw both.
    fn merge(&mut self, next: &Self) -> bool {
        let whole = match &self.kind {
            Kind::Fill(opacity) => opacity.is_empty(),
            Kind::Circle(..) => false,
            _ => true,
        };
        let same = whole && !self.point && !next.point && self.class == next.class && self.kind == next.kind;
        if same {
            self.path.push_str(&next.path);
        }
        same
    }

    fn write(&self, svg: &mut String, class: &str) {
        // The class of points in a group is the group's.
        let point = if self.point && !class.is_empty() { "o" } else { "" };
        let (shape, own) = match &self.kind {
            Kind::Circle(x, y, r) => (format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\""), point),
            Kind::Stroke(_) => (format!("<path d=\"{}\"", self.path), "l"),
            Kind::Outline => (format!("<path d=\"{}\"", self.path), "l rest"),
            Kind::Dot => (format!("<path d=\"{}\"", self.path), "each"),
            Kind::Fill(_) => (format!("<path d=\"{}\"", self.path), point),
        };
        svg.push_str(&shape);
        let classes = [class, own].into_iter().filter(|class| !class.is_empty()).collect::<Vec<_>>().join(" ");
        if !classes.is_empty() {
            let _ = write!(svg, " class=\"{classes}\"");
        }
        match &self.kind {
            Kind::Stroke(width) if *width != WIDTHS[usize::from(!is_ground(&self.class))] => {
                let _ = write!(svg, " stroke-width=\"{width}\"");
            }
            Kind::Fill(opacity) if !opacity.is_empty() => {
                let _ = write!(svg, " opacity=\"{opacity}\"");
            }
            _ => {}
        }
        svg.push_str("/>");
    }
}

fn is_ground(class: &str) -> bool {
    class == "grid" || class == "axis"
}

/// Texts of one look.
struct Texts {
    class: String,
    anchor: String,
    size: i32,
    /// Attributes of position and content.
    each: Vec<(String, String)>,
}

impl Texts {
    fn write(&self, svg: &mut String, usual: i32) {
        let mut look = format!(" class=\"{}\"", self.class);
        if self.anchor != "start" {
            let _ = write!(look, " text-anchor=\"{}\"", self.anchor);
        }
        if self.size != usual {
            let _ = write!(look, " font-size=\"{}\"", self.size);
        }
        let grouped = self.each.len() > 1;
        if grouped {
            let _ = write!(svg, "<g{look}>");
        }
        for (place, text) in &self.each {
            let _ = write!(svg, "<text{}{place}>{text}</text>", if grouped { "" } else { &look });
        }
        if grouped {
            svg.push_str("</g>");
        }
    }
}

/// Usual font size of a drawing, and its compact content.
pub fn compact(raw: &str) -> (i32, String) {
    let (mut ground, mut marks, mut texts) = (Vec::<Mark>::new(), Vec::<Mark>::new(), Vec::<Texts>::new());
    for element in elements(raw) {
        let Some((class, part, stroke)) =
            element.colour().and_then(|(hex, stroke)| Ink::decoded(hex).map(|(class, part)| (class, part, stroke)))
        else {
            continue;
        };
        if element.tag == "text" {
            push_text(&mut texts, &element, class);
            continue;
        }
        let mark = Mark::of(&element, class, part, stroke);
        if stroke && is_ground(&mark.class) {
            if !ground.iter_mut().any(|known| known.merge(&mark)) {
                ground.push(mark);
            }
        } else if !marks.last_mut().is_some_and(|last| last.merge(&mark)) {
            marks.push(mark);
        }
    }
    let usual = usual(&texts);
    let mut svg = String::new();
    for mark in &ground {
        mark.write(&mut svg, &mark.class);
    }
    for same in marks.chunk_by(|a, b| a.class == b.class) {
        match same {
            [only] => only.write(&mut svg, &only.class),
            several => {
                let _ = write!(svg, "<g class=\"{}\">", several[0].class);
                write_group(&mut svg, several);
                svg.push_str("</g>");
            }
        }
    }
    for texts in &texts {
        texts.write(&mut svg, usual);
    }
    (usual, svg)
}

/// Marks of one ink, in any order of shapes: bars in one path, and points in a group.
fn write_group(svg: &mut String, marks: &[Mark]) {
    let plain = |mark: &Mark| matches!(&mark.kind, Kind::Fill(opacity) if opacity.is_empty()) && !mark.point;
    let bars: String = marks.iter().filter(|mark| plain(mark)).map(|mark| mark.path.as_str()).collect();
    if !bars.is_empty() {
        let _ = write!(svg, "<path d=\"{bars}\"/>");
    }
    for same in marks.iter().filter(|mark| !plain(mark)).collect::<Vec<_>>().chunk_by(|a, b| a.point == b.point) {
        let points = same[0].point;
        svg.push_str(if points { "<g class=\"o\">" } else { "" });
        for mark in same {
            mark.write(svg, "");
        }
        svg.push_str(if points { "</g>" } else { "" });
    }
}

fn push_text(texts: &mut Vec<Texts>, element: &Element<'_>, class: String) {
    let anchor = element.get("text-anchor").unwrap_or("start").to_owned();
    let size = element.number("font-size");
    // The backend centres by half an x-height, which is about a quarter of the size.
    let (x, y) = (element.number("x"), element.number("y"));
    let down = size * 26 / 100;
    let place = match element.get("transform") {
        Some(_) => format!(" transform=\"translate({x} {y})rotate(-90)\" y=\"{down}\""),
        None => format!(" x=\"{x}\" y=\"{}\"", y + down),
    };
    let text = (place, element.text.trim_end_matches("</text>").trim_matches('\n').to_owned());
    match texts.iter_mut().find(|known| (&known.class, &known.anchor, known.size) == (&class, &anchor, size)) {
        Some(known) => known.each.push(text),
        None => texts.push(Texts { class, anchor, size, each: vec![text] }),
    }
}

/// Most frequent size.
fn usual(texts: &[Texts]) -> i32 {
    let count = |size: i32| texts.iter().filter(|known| known.size == size).count();
    texts.iter().map(|known| known.size).max_by_key(|&size| (count(size), size)).unwrap_or_default()
}
