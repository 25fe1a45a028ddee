//! The TOML form of a plan. Every value keeps its position, so that errors can name the line.

mod answer;

use std::ops::Range;
use std::str::FromStr;

use ipcmark::record::{PARAMETERS, Parameter, ROLES_MAX};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

pub(super) use self::answer::Stated;
use super::REPETITIONS_MAX;
use super::text::{self, Page};
use super::until_stable::{Budget, Share};

/// A plan as written.
#[derive(Debug)]
pub(super) struct Source {
    pub name: String,
    pub question: String,
    /// What its answer is made of.
    pub answers: Vec<Stated>,
    pub repetitions: u32,
    pub warm_up_ms: u64,
    pub hot_ms: u64,
    pub floor_ms: u64,
    /// Run polling rows even where they share a CPU.
    pub oversubscribe: bool,
    /// Fail the run if a case is faster than its floor.
    pub hold_to_floors: bool,
    /// Add repetitions until every timed case is within this share.
    pub until_stable: Option<Share>,
    /// Time for added repetitions.
    pub budget: Option<Budget>,
    /// The case that is run again and again to show drift.
    pub sentinel: Option<Block>,
    pub cases: Vec<Block>,
}

/// A block of cases: every combination of its lists.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub at: Range<usize>,
    lists: Vec<List>,
}

/// A key of a block with its values; a value alone is a list of one.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub key: String,
    pub at: Range<usize>,
    pub words: Vec<Word>,
}

/// One value as written: a word, a number, a truth value.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub at: Range<usize>,
}

/// Time for the paired floor, unless the plan says otherwise.
const FLOOR_MS: u64 = 8;
/// Limit of a phase: a longer one has confused milliseconds with microseconds.
const PHASE_MS_MAX: u64 = 60_000;

const KEYS: &[&str] = &[
    "name",
    "question",
    "answer",
    "repetitions",
    "warm_up_ms",
    "hot_ms",
    "floor_ms",
    "oversubscribe",
    "hold_to_floors",
    "until_stable",
    "budget",
    "sentinel",
    "cases",
];

/// Value of a number of roles: 1, 2, 4 and so on, up to all allowed CPUs, or as many roles as a trial may have.
const TO_ALL_CPUS: &str = "to all CPUs";
/// Parameters that take [`TO_ALL_CPUS`].
const SCALED: [&str; 4] = ["clients", "contenders", "pattern", "workers"];

/// Keys that choose rows and places; a block has one for each parameter, too.
const BLOCK_KEYS: &[&str] = &["family", "mechanism", "measure", "placement", "isolation"];

type Table<'t> = DeTable<'t>;

impl Source {
    /// Reads a plan and checks what can be checked without knowing the machine.
    ///
    /// Errors: the first mistake, with file, line and accepted values.
    pub fn read(page: &Page<'_>) -> anyhow::Result<Self> {
        let table = DeTable::parse(page.text).map_err(|error| explain(page, &error))?;
        let table = table.get_ref();
        check_keys(page, table, KEYS.iter().copied())?;
        let required = |key| entry(table, key).ok_or_else(|| page.wrong(0..0, format_args!("missing key `{key}`")));
        let phase = |key, value| page.number(key, value, 0, PHASE_MS_MAX, " (one minute)");
        let flag = |key| match entry(table, key).map(|value| (value.get_ref(), value.span())) {
            None => Ok(false),
            Some((DeValue::Boolean(yes), _)) => Ok(*yes),
            Some((_, at)) => Err(page.wrong(at, format_args!("`{key}` is true or false"))),
        };
        let name = page.text_of("name", table)?;
        if let Some(odd) = name.text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
            let why = format_args!("`name` is used in file names: letters, digits, `-`, `_` and `.` only, not `{odd}`");
            return Err(page.wrong(name.at, why));
        }
        let hot_ms = page.number("hot_ms", required("hot_ms")?, 1, PHASE_MS_MAX, " (one minute)")?;
        let repetitions = page.number("repetitions", required("repetitions")?, 1, REPETITIONS_MAX.into(), "")?;
        let source = Self {
            name: name.text,
            question: page.text_of("question", table)?.text,
            answers: match entry(table, "answer").map(|value| (value.get_ref(), value.span())) {
                Some((DeValue::Array(blocks), _)) => {
                    blocks.iter().map(|block| Stated::read(page, block)).collect::<anyhow::Result<_>>()?
                }
                Some((_, at)) => return Err(page.wrong(at, "`answer` is made of [[answer]] blocks")),
                None => vec![],
            },
            repetitions: u32::try_from(repetitions).expect("at most REPETITIONS_MAX"),
            warm_up_ms: phase("warm_up_ms", required("warm_up_ms")?)?,
            hot_ms,
            floor_ms: entry(table, "floor_ms").map_or(Ok(FLOOR_MS), |value| phase("floor_ms", value))?,
            oversubscribe: flag("oversubscribe")?,
            hold_to_floors: flag("hold_to_floors")?,
            until_stable: page.parsed("until_stable", table)?,
            budget: page.parsed("budget", table)?,
            sentinel: entry(table, "sentinel").map(|value| Block::read(page, "sentinel", value)).transpose()?,
            cases: match entry(table, "cases").map(Spanned::get_ref) {
                Some(DeValue::Array(blocks)) => {
                    blocks.iter().map(|block| Block::read(page, "cases", block)).collect::<anyhow::Result<_>>()?
                }
                Some(_) => return Err(page.wrong(required("cases")?.span(), "`cases` are [[cases]] blocks")),
                None => vec![],
            },
        };
        match source.cases.as_slice() {
            [] => Err(page.wrong(page.text.len()..page.text.len(), "no cases; add at least one [[cases]] block")),
            _ => Ok(source),
        }
    }
}

impl Block {
    fn read(page: &Page<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> anyhow::Result<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(page.wrong(value.span(), format_args!("`{key}` is a table of keys and values")));
        };
        let parameters = PARAMETERS.iter().filter(|row| !row.derived).map(|row| row.name);
        check_keys(page, table, BLOCK_KEYS.iter().copied().chain(parameters))?;
        let lists =
            table.iter().map(|(key, value)| List::read(page, key.get_ref(), value)).collect::<Result<_, _>>()?;
        Ok(Self { at: value.span(), lists })
    }

    /// The values of `key`, if the block has it.
    pub fn list(&self, key: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.key == key)
    }

    /// The values of a required key.
    pub fn required(&self, page: &Page<'_>, key: &str) -> anyhow::Result<&List> {
        self.list(key).ok_or_else(|| page.wrong(self.at.clone(), format_args!("missing key `{key}`")))
    }

    /// Replaces [`TO_ALL_CPUS`] by doubling numbers up to that of the CPUs, or to the limit of the parameter. The two sides of a
    /// pattern share the CPUs.
    pub fn for_cpus(mut self, cpus: usize) -> Self {
        let cpus = cpus.max(1) as u64;
        for list in self.lists.iter_mut().filter(|list| SCALED.contains(&list.key.as_str())) {
            let is_pattern = list.key == "pattern";
            let limit = Parameter::find(&list.key).map_or(u64::MAX, |row| row.range.1);
            let most = if is_pattern { (cpus.min(ROLES_MAX.into()) / 2).max(1) } else { cpus.min(limit) };
            let words = std::mem::take(&mut list.words);
            list.words = words
                .into_iter()
                .flat_map(|word| {
                    if word.text != TO_ALL_CPUS {
                        return vec![word];
                    }
                    let doubled =
                        std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n < most).chain([most]);
                    let text = |n: u64| if is_pattern { format!("{n}:{n}") } else { n.to_string() };
                    doubled.map(|n| Word { text: text(n), at: word.at.clone() }).collect()
                })
                .collect();
        }
        self
    }

    /// The parameters it sets.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static Parameter, &List)> {
        PARAMETERS.iter().filter_map(|row| Some((row, self.list(row.name)?)))
    }
}

impl List {
    fn read(page: &Page<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> anyhow::Result<Self> {
        let word = |value: &Spanned<DeValue<'_>>| {
            let text = match value.get_ref() {
                DeValue::String(text) => text.clone().into_owned(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.to_string(),
                DeValue::Boolean(yes) => yes.to_string(),
                other => {
                    let why = format_args!("an entry of `{key}` is a word or a number, not {}", kind(other));
                    return Err(page.wrong(value.span(), why));
                }
            };
            Ok(Word { text, at: value.span() })
        };
        let words: Vec<Word> = match value.get_ref() {
            DeValue::Array(entries) => entries.iter().map(word).collect::<anyhow::Result<_>>()?,
            _ => vec![word(value)?],
        };
        if words.is_empty() {
            return Err(page.wrong(value.span(), format_args!("`{key}` is an empty list; name at least one")));
        }
        Ok(Self { key: key.to_owned(), at: value.span(), words })
    }
}

impl Page<'_> {
    /// The entries of a list of words, each one of `known`.
    pub(super) fn words<T: FromStr>(&self, list: &List, known: &[&str]) -> anyhow::Result<Vec<T>> {
        let read = |word: &Word| {
            let parsed = known.contains(&word.text.as_str()).then(|| word.text.parse().ok()).flatten();
            parsed
                .ok_or_else(|| self.wrong(word.at.clone(), text::unknown(&list.key, &word.text, known.iter().copied())))
        };
        list.words.iter().map(read).collect()
    }

    fn number(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        least: u64,
        most: u64,
        remark: &str,
    ) -> anyhow::Result<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.to_string().parse::<u64>().ok(),
            _ => None,
        };
        match number {
            None => Err(self.wrong(value.span(), format_args!("`{key}` is a whole number"))),
            Some(number) if number < least => {
                Err(self.wrong(value.span(), format_args!("`{key}` must be at least {least}")))
            }
            Some(number) if number > most => {
                Err(self.wrong(value.span(), format_args!("`{key}` may be at most {most}{remark}")))
            }
            Some(number) => Ok(number),
        }
    }

    /// The value of an optional key, written as a text such as `5%`.
    fn parsed<T: FromStr<Err = String>>(&self, key: &str, table: &Table<'_>) -> anyhow::Result<Option<T>> {
        if entry(table, key).is_none() {
            return Ok(None);
        }
        let word = self.text_of(key, table)?;
        word.text.parse().map(Some).map_err(|why| self.wrong(word.at, format_args!("`{key}`: {why}")))
    }

    fn text_of(&self, key: &str, table: &Table<'_>) -> anyhow::Result<Word> {
        let value = entry(table, key).ok_or_else(|| self.wrong(0..0, format_args!("missing key `{key}`")))?;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                Err(self.wrong(value.span(), format_args!("`{key}` is empty")))
            }
            DeValue::String(text) => Ok(Word { text: text.clone().into_owned(), at: value.span() }),
            other => Err(self.wrong(value.span(), format_args!("`{key}` is a text, not {}", kind(other)))),
        }
    }
}

fn entry<'t, 'i>(table: &'t Table<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

fn check_keys<'k>(page: &Page<'_>, table: &Table<'_>, known: impl Iterator<Item = &'k str>) -> anyhow::Result<()> {
    let known: Vec<&str> = known.collect();
    let unknown = |key: &&Spanned<DeString<'_>>| !known.contains(&key.get_ref().as_ref());
    let mut unknown: Vec<_> = table.keys().filter(unknown).collect();
    unknown.sort_by_key(|key| key.span().start);
    match unknown.first() {
        None => Ok(()),
        Some(key) => Err(page.wrong(key.span(), text::unknown("key", key.get_ref(), known))),
    }
}

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Adds the line to an error of the parser, and suggests the key that was probably meant.
pub(crate) fn explain(page: &Page<'_>, error: &toml::de::Error) -> anyhow::Error {
    let message = error.message();
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let text = match words.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => {
            text::unknown("key", unknown, known.iter().copied())
        }
        _ => message.replace("field", "key").replace("u32", "a whole number").replace("u64", "a whole number"),
    };
    page.wrong(error.span().unwrap_or(0..0), text)
}
