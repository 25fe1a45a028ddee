//! Lines of a recording, from JSON.

use std::fmt;

use ipcmark_record::SCHEMA;
use ipcmark_record::line::Line;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Why a line is not used.
pub(super) enum Refusal {
    /// It has this form, which is later than [`SCHEMA`].
    Later(u32),
    /// A sentence about what is wrong.
    Bad(String),
}

/// What the text of every line that ipcmark writes begins with.
const BEGIN: &[u8] = b"{\"schema\":";

/// The lines in an object that is none by itself, and why its parts are not: behind a line that was cut short another one may
/// follow, where two files were joined.
pub(super) fn parse_joined(text: &[u8]) -> (Vec<Line>, Vec<Refusal>) {
    let (mut lines, mut refusals) = (vec![], vec![]);
    let mut begins = memchr::memmem::find_iter(text, BEGIN).filter(|at| *at > 0);
    let mut from = 0;
    loop {
        let to = begins.next();
        match parse(&text[from..to.unwrap_or(text.len())]) {
            Ok(line) => lines.push(line),
            Err(refusal) => refusals.push(refusal),
        }
        let Some(to) = to else { return (lines, refusals) };
        from = to;
    }
}

/// The refusal of text that is no object.
pub(super) fn not_a_record(text: &[u8]) -> Refusal {
    Refusal::Bad(format!("not a record, but `{}`", String::from_utf8_lossy(text).trim().escape_debug()))
}

/// The line in `text`.
pub(super) fn parse(text: &[u8]) -> Result<Line, Refusal> {
    let bad = |error: serde_json::Error| Refusal::Bad(error.to_string());
    let mut keys = Keys::default();
    let scanned = keys.deserialize(&mut serde_json::Deserializer::from_slice(text));
    if !keys.is_enough() {
        scanned.map_err(bad)?;
    }
    match keys.schema {
        None => return Err(bad(Error::missing_field("schema"))),
        Some(later) if later > SCHEMA => return Err(Refusal::Later(later)),
        Some(_) => {}
    }
    let line = match (keys.case, keys.suite, keys.repetition) {
        (Some(Case::Number), ..) => of(text, Line::Trial),
        (None, true, _) => of(text, Line::Run),
        (Some(Case::Whole), _, false) => of(text, Line::Case),
        _ => of(text, Line::Record),
    };
    line.map_err(bad)
}

fn of<'a, T: Deserialize<'a>>(text: &'a [u8], line: fn(T) -> Line) -> Result<Line, serde_json::Error> {
    serde_json::from_slice(text).map(line)
}

/// Keys of an object that tell its kind.
#[derive(Default)]
struct Keys {
    schema: Option<u32>,
    suite: bool,
    case: Option<Case>,
    repetition: bool,
}

/// Value of the key `case`.
#[derive(Clone, Copy)]
enum Case {
    Number,
    Whole,
}

impl Keys {
    /// Whether the kind is known, so that the rest need not be scanned.
    fn is_enough(&self) -> bool {
        let is_record = matches!(self.case, Some(Case::Whole)) && self.repetition;
        self.schema.is_some() && (is_record || matches!(self.case, Some(Case::Number)))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Keys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a line of a recording")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while !self.is_enough() {
            match map.next_key::<Key>()? {
                None => break,
                Some(Key::Schema) => self.schema = Some(map.next_value()?),
                Some(Key::Case) => self.case = Some(map.next_value()?),
                Some(Key::Suite) => self.suite = map.next_value::<IgnoredAny>().map(|_| true)?,
                Some(Key::Repetition) => self.repetition = map.next_value::<IgnoredAny>().map(|_| true)?,
                Some(Key::Other) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Schema,
    Suite,
    Case,
    Repetition,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Case {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Case;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a case or its number")
            }

            fn visit_u64<E>(self, _: u64) -> Result<Case, E> {
                Ok(Case::Number)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Case, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Case::Whole)
            }
        }
        from.deserialize_any(Shape)
    }
}
