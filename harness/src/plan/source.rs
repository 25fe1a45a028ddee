//! The TOML form of a plan. Every value keeps its place in the text, so that whatever is wrong can be pointed at.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::Spanned;

use super::SETS_MAX;
use super::text::{self, Page};

/// A list whose entries each keep their place.
pub(super) type List<T> = Spanned<Vec<Spanned<T>>>;

/// A plan as written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub name: Spanned<String>,
    pub question: Spanned<String>,
    pub sets: Spanned<u32>,
    pub warm_up_ms: Spanned<u64>,
    pub hot_ms: Spanned<u64>,
    #[serde(default = "floor_ms")]
    pub floor_ms: Spanned<u64>,
    /// Run polling rows even where they share a CPU.
    #[serde(default)]
    pub oversubscribe: bool,
    pub sentinel: Option<Spanned<Sentinel>>,
    #[serde(default = "nothing")]
    pub cases: List<Block>,
}

/// The case that is run again and again to show drift.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sentinel {
    pub mechanism: Spanned<String>,
    pub measure: Spanned<String>,
    pub message_bytes: Spanned<Size>,
    pub placement: Option<Spanned<String>>,
}

/// A block of cases: every combination of its lists.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    #[serde(default = "transport")]
    pub family: Spanned<String>,
    pub mechanisms: List<String>,
    pub measures: List<String>,
    /// Payloads of the measures that send any.
    pub message_bytes: Option<List<Size>>,
    #[serde(default = "nearest")]
    pub placements: List<String>,
    pub isolations: Option<List<String>>,
    pub substrates: Option<List<String>>,
    pub depths: Option<List<u32>>,
    pub delays_ns: Option<List<u64>>,
    /// Messages a second that a paced case offers.
    pub rates_per_s: Option<List<u64>>,
    /// How they come; constant unless asked.
    pub arrivals: Option<List<String>>,
    /// Messages that are due at once, where they come in bursts.
    pub bursts: Option<List<u32>>,
    /// Pauses of a wake case.
    pub gaps_us: Option<List<u64>>,
    /// Whether the pages of shared memory are brought in at attach.
    pub prefault: Option<List<bool>>,
    /// What both ends do with the payload.
    pub touches: Option<List<String>>,
    /// `senders:receivers` of one channel.
    pub topologies: Option<List<String>>,
    /// Independent channels at work at the same time.
    pub pairs: Option<List<u32>>,
    /// Processes beside that only burn CPU time.
    pub hogs: Option<List<u32>>,
    /// How many want the lock.
    pub holders: Option<List<u32>>,
    /// Work under the lock.
    pub inside_ns: Option<List<u64>>,
    /// Work between two acquisitions, in the mean.
    pub outside_ns: Option<List<u64>>,
    /// How that is spread around its mean; fixed unless asked.
    pub spacings: Option<List<String>>,
    /// Cache lines changed under the lock.
    pub lines: Option<List<u32>>,
    /// Of a hundred accesses, how many only read.
    pub reads_percent: Option<List<u32>>,
    /// Where the stock of a ticket sale is kept.
    pub stocks: Option<List<String>>,
    /// When a process is killed.
    pub deaths: Option<List<String>>,
    /// Workers of a pool.
    pub workers: Option<List<u32>>,
    /// How tasks are handed out.
    pub calls: Option<List<String>>,
    /// How many tasks go over at once; each by itself unless asked.
    pub chunks: Option<List<String>>,
    /// Calibrated work of one task, or of one request.
    pub grains_ns: Option<List<u64>>,
    /// Processes started at the same time; one unless asked.
    pub at_once: Option<List<u32>>,
    /// Memory in use by the parent that starts them; 0 is as little as it can be.
    pub resident_mib: Option<List<u64>>,
    /// How a child comes to its end.
    pub endings: Option<List<String>>,
    /// Entries of shared state.
    pub keys: Option<List<u32>>,
    /// Client processes of a server.
    pub clients: Option<List<u32>>,
    /// What a server does for them; echo unless asked.
    pub services: Option<List<String>>,
}

impl Block {
    /// The block that a sentinel stands for.
    pub fn of_sentinel(sentinel: &Spanned<Sentinel>) -> Self {
        let form = sentinel.get_ref();
        let one = |word: &Spanned<String>| Spanned::new(word.span(), vec![word.clone()]);
        Self {
            family: Spanned::new(sentinel.span(), "transport".to_owned()),
            mechanisms: one(&form.mechanism),
            measures: one(&form.measure),
            message_bytes: Some(Spanned::new(form.message_bytes.span(), vec![form.message_bytes.clone()])),
            placements: form.placement.as_ref().map_or_else(nearest, one),
            isolations: None,
            substrates: None,
            depths: None,
            delays_ns: None,
            rates_per_s: None,
            arrivals: None,
            bursts: None,
            gaps_us: None,
            prefault: None,
            touches: None,
            topologies: None,
            pairs: None,
            hogs: None,
            holders: None,
            inside_ns: None,
            outside_ns: None,
            spacings: None,
            lines: None,
            reads_percent: None,
            stocks: None,
            deaths: None,
            workers: None,
            calls: None,
            chunks: None,
            grains_ns: None,
            at_once: None,
            resident_mib: None,
            endings: None,
            keys: None,
            clients: None,
            services: None,
        }
    }
}

/// Bytes of a message: a number, or a size with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size: 64, \"8 B\", \"1 KiB\" or \"4 MiB\"")
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        let bytes = u64::try_from(bytes).map_err(|_| E::custom("a size cannot be negative"))?;
        self.visit_u64(bytes)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        text::in_range(bytes).map(Size).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, size: &str) -> Result<Size, E> {
        text::size(size).map(Size).map_err(E::custom)
    }
}

impl Source {
    /// Reads a plan and checks what can be checked without knowing the machine.
    ///
    /// Errors: the first thing wrong, with file, line, and what would be right.
    pub fn read(page: &Page<'_>) -> anyhow::Result<Self> {
        let source: Self = toml::from_str(page.text).map_err(|error| explain(page, &error))?;
        let at_least_one = |value: u64, span, name: &str| match value {
            0 => Err(page.wrong(span, format_args!("`{name}` must be at least 1"))),
            _ => Ok(()),
        };
        at_least_one(u64::from(*source.sets.get_ref()), source.sets.span(), "sets")?;
        if *source.sets.get_ref() > SETS_MAX {
            return Err(page.wrong(source.sets.span(), format_args!("`sets` may be at most {SETS_MAX}")));
        }
        at_least_one(*source.hot_ms.get_ref(), source.hot_ms.span(), "hot_ms")?;
        for (name, value) in
            [("hot_ms", &source.hot_ms), ("warm_up_ms", &source.warm_up_ms), ("floor_ms", &source.floor_ms)]
        {
            if *value.get_ref() > PHASE_MS_MAX {
                let limit = format_args!("`{name}` may be at most {PHASE_MS_MAX} (one minute)");
                return Err(page.wrong(value.span(), limit));
            }
        }
        for (name, value) in [("name", &source.name), ("question", &source.question)] {
            if value.get_ref().trim().is_empty() {
                return Err(page.wrong(value.span(), format_args!("`{name}` is empty")));
            }
        }
        if let Some(odd) = source.name.get_ref().chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
            let text =
                format_args!("`name` is used in file names: letters, digits, `-`, `_` and `.` only, not `{odd}`");
            return Err(page.wrong(source.name.span(), text));
        }
        if source.cases.get_ref().is_empty() {
            return Err(page.wrong(page.text.len()..page.text.len(), "no cases; add at least one [[cases]] block"));
        }
        Ok(source)
    }
}

/// A trial's phase lasts a minute at most: beyond that a plan has confused milliseconds with microseconds.
const PHASE_MS_MAX: u64 = 60_000;

fn floor_ms() -> Spanned<u64> {
    Spanned::new(0..0, 8)
}

fn nothing() -> List<Block> {
    Spanned::new(0..0, vec![])
}

fn transport() -> Spanned<String> {
    Spanned::new(0..0, "transport".to_owned())
}

fn nearest() -> List<String> {
    Spanned::new(0..0, vec![Spanned::new(0..0, "nearest".to_owned())])
}

/// Puts the parser's complaint at its line, and names the key that was probably meant.
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
