//! Parameters of a case: one table. Plan keys and their errors, the case key, the record's form, labels in reports and
//! `docs/parameters.md` follow from it, so a parameter is one row here.

use std::fmt::Display;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Unit;
use super::{Arrivals, Call, Chunk, Ending, KillPoint, Measure, Pattern, Service, Spacing, Stock, Substrate, Touch};
use Measure::{
    Access, Conformance, Contention, Dispatch, Drain, Idle, Paced, Parallel, ReadMostly, Recover, RoundTrip, Serve,
    SetUp, StartUp, Stream, Tickets, Wake, Watch,
};

/// Most roles of one trial: lines of the control page.
pub const ROLES_MAX: u32 = 62;
/// Most cache lines that a contender changes under the lock.
pub const LINES_MAX: u32 = 256;
/// Largest message.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 30;
/// Longer critical sections would leave a handful of acquisitions in a trial.
const WORK_NS_MAX: u64 = 10_000_000;

/// Declares [`Params`] and [`PARAMETERS`] together: `name: type => row`, documented by the line above.
macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty => $row:expr,)*) => {
        /// What a case sets beyond the fields that every case has. `None`: left to the mechanism, or as usual.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Params {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        /// Every parameter, in the order in which keys and pages list them.
        pub const PARAMETERS: &[Parameter] = &[$(Parameter {
            name: stringify!($name),
            doc: concat!($($doc),+),
            values: <$type as Value>::VALUES,
            get: |params| params.$name.as_ref().map(ToString::to_string),
            set: |params, text| {
                params.$name = text.map(<$type as Value>::read).transpose()?;
                Ok(())
            },
            ..$row
        }),*];
    };
}

parameters! {
    /// Kind of memory that the processes share.
    substrate: Substrate => row("substrate"),
    /// Payload of one message.
    message_bytes: u64 => row("message size").of(Unit::Bytes).within(0, MESSAGE_BYTES_MAX),
    /// Senders and receivers of one channel.
    pattern: Pattern => row("pattern").for_only(&[Stream, Paced, Drain]).usually("1:1"),
    /// Independent channels of one sender and one receiver each, used at the same time.
    pairs: u32 => row("pairs").within(1, ROLES_MAX as u64 / 2).for_only(&[Stream, Drain]).usually("1"),
    /// CPU hogs: processes beside the trial that only burn CPU time.
    hogs: u32 => row("CPU hogs")
        .within(0, ROLES_MAX as u64)
        .for_only(&[RoundTrip, Stream, Paced, Wake, Contention, ReadMostly, Tickets])
        .usually("0"),
    /// Messages that the mechanism holds before a sender waits.
    depth: u32 => row("depth").within(1, u32::MAX as u64),
    /// Channels that a round trip uses: 1 if one connection carries both ways. Set by the mechanism.
    connections: u32 => row("connections").derived(),
    /// Bytes of the payload that both sides access.
    touch: Touch => row("bytes accessed").for_only(&[RoundTrip, Stream]).usually("all"),
    /// Messages a second that an open loop offers, from all senders together.
    rate_per_s: u64 => row("offered rate")
        .of(Unit::PerSecond)
        .within(1, 1_000_000_000)
        .for_only(&[Paced])
        .required_by(&[Paced]),
    /// Times at which the messages of an open loop are due.
    arrivals: Arrivals => row("arrivals").for_only(&[Paced]).usually("constant"),
    /// Messages of one burst, with `arrivals = "burst"`.
    burst: u32 => row("burst").within(1, 100_000).for_only(&[Paced]),
    /// Pause before each message.
    gap_ns: u64 => row("pause").of(Unit::Nanoseconds).within(1, 1_000_000_000).for_only(&[Wake]).required_by(&[Wake]),
    /// Whether the pages of shared memory are faulted in at attach instead of at first use.
    prefault: bool => row("pages faulted in first").usually("false"),
    /// Known delay of the null transport, per message.
    delay_ns: u64 => row("known delay").of(Unit::Nanoseconds).within(1, u64::MAX),
    /// Processes or threads that compete for the lock, or that access the state.
    contenders: u32 => row("contenders")
        .within(1, ROLES_MAX as u64)
        .for_only(&[Contention, ReadMostly, Tickets, Access])
        .required_by(&[Contention, ReadMostly, Tickets, Access]),
    /// Calibrated work under the lock.
    critical_section_ns: u64 => row("critical section")
        .of(Unit::Nanoseconds)
        .within(0, WORK_NS_MAX)
        .for_only(&[Contention, ReadMostly]),
    /// Work between two acquisitions, or of the answering side of a round trip before it answers, in the mean.
    think_time_ns: u64 => row("think time")
        .of(Unit::Nanoseconds)
        .within(0, WORK_NS_MAX)
        .for_only(&[RoundTrip, Contention, ReadMostly]),
    /// Distribution of the think time around its mean.
    spacing: Spacing => row("spacing").for_only(&[RoundTrip, Contention, ReadMostly]).usually("fixed"),
    /// Cache lines that each contender changes under the lock, the first of them the check's own.
    lines: u32 => row("lines changed").within(1, LINES_MAX as u64).for_only(&[Contention]).usually("1"),
    /// Share of accesses that only read.
    reads_percent: u32 => row("reads")
        .of(Unit::Percent)
        .within(0, 100)
        .for_only(&[ReadMostly, Access])
        .required_by(&[ReadMostly, Access]),
    /// Place of the stock in a ticket sale.
    stock: Stock => row("stock").for_only(&[Tickets]).required_by(&[Tickets]),
    /// What the killed process was doing.
    kill_point: KillPoint => row("kill point").for_only(&[Recover]).required_by(&[Recover]),
    /// Workers of a pool.
    workers: u32 => row("workers")
        .within(1, ROLES_MAX as u64 - 1)
        .for_only(&[Dispatch, Idle, SetUp, Paced, Recover, Conformance]),
    /// How tasks are handed out.
    call: Call => row("call").for_only(&[Dispatch]).required_by(&[Dispatch]),
    /// Tasks in one request.
    chunk: Chunk => row("chunk").for_only(&[Dispatch]).usually("1"),
    /// Calibrated work of one task, or of one request to a server that computes.
    grain_ns: u64 => row("grain")
        .of(Unit::Nanoseconds)
        .within(0, WORK_NS_MAX)
        .for_only(&[Dispatch, Paced, Serve, Parallel]),
    /// Processes started at the same time.
    batch: u32 => row("batch size").within(1, 1000).for_only(&[StartUp]).usually("1"),
    /// Memory of the parent in use when it starts a process.
    parent_rss_bytes: u64 => row("parent RSS").of(Unit::Bytes).within(0, 16 << 30).for_only(&[StartUp]).usually("0"),
    /// How a child ends.
    ending: Ending => row("ending").for_only(&[Watch]).required_by(&[Watch]),
    /// Entries of shared state.
    keys: u32 => row("keys").within(1, 1 << 20).for_only(&[Access]),
    /// Client processes of a server, one connection each.
    clients: u32 => row("clients").within(1, 1000).for_only(&[Serve, Paced]),
    /// What a server does for each request.
    service: Service => row("service").for_only(&[Serve, Paced]).usually("echo"),
}

/// Kind of a parameter's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A whole number.
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `senders:receivers`.
    Pattern,
}

/// One row of [`PARAMETERS`].
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Field of [`Params`], key of a plan's block, and name in the case key.
    pub name: &'static str,
    /// Name in texts for people.
    pub label: &'static str,
    /// Documentation, one line.
    pub doc: &'static str,
    /// Unit of its numbers.
    pub unit: Unit,
    /// Smallest and largest number.
    pub range: (u64, u64),
    /// Kind of its values.
    pub values: Values,
    /// Measures that take it; empty: all.
    pub measures: &'static [Measure],
    /// Measures that cannot do without it.
    pub required_by: &'static [Measure],
    /// The value of cases that do not set it; neither records nor keys spell it out.
    pub usual: Option<&'static str>,
    /// Set by the mechanism: no plan key, and no part of the case key.
    pub derived: bool,
    get: fn(&Params) -> Option<String>,
    set: fn(&mut Params, Option<&str>) -> Result<(), String>,
}

const fn row(label: &'static str) -> Parameter {
    Parameter {
        name: "",
        label,
        doc: "",
        unit: Unit::None,
        range: (0, u64::MAX),
        values: Values::Number,
        measures: &[],
        required_by: &[],
        usual: None,
        derived: false,
        get: |_| None,
        set: |_, _| Ok(()),
    }
}

impl Parameter {
    const fn of(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    const fn within(mut self, least: u64, most: u64) -> Self {
        self.range = (least, most);
        self
    }

    const fn for_only(mut self, measures: &'static [Measure]) -> Self {
        self.measures = measures;
        self
    }

    const fn required_by(mut self, measures: &'static [Measure]) -> Self {
        self.required_by = measures;
        self
    }

    const fn usually(mut self, value: &'static str) -> Self {
        self.usual = Some(value);
        self
    }

    const fn derived(mut self) -> Self {
        self.derived = true;
        self
    }

    /// The row called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|row| row.name == name)
    }

    /// Whether `measure` takes it.
    pub fn fits(&self, measure: Measure) -> bool {
        self.measures.is_empty() || self.measures.contains(&measure)
    }

    /// Its value in `params`.
    pub fn get(&self, params: &Params) -> Option<String> {
        (self.get)(params)
    }

    /// Its value in `params`, spelled out also where it is as usual.
    pub fn value(&self, params: &Params) -> Option<String> {
        self.get(params).or_else(|| self.usual.map(str::to_owned))
    }

    /// Its number in `params`, in its unit; `None` also for words.
    pub fn number(&self, params: &Params) -> Option<u64> {
        self.get(params)?.parse().ok()
    }

    /// Leaves it to the mechanism, or as usual.
    pub fn clear(&self, params: &mut Params) {
        let _ = (self.set)(params, None);
    }

    /// Sets it to a value as a plan writes it: a word, or a number with or without a unit.
    ///
    /// Errors: what would be right.
    pub fn set(&self, params: &mut Params, text: &str) -> Result<(), String> {
        if self.values != Values::Number {
            return (self.set)(params, Some(text).filter(|text| Some(*text) != self.usual));
        }
        let number = self.unit.read(text).map_err(|why| format!("`{}`: {why}", self.name))?;
        let (least, most) = self.range;
        if number < least || number > most {
            let most = if most == u64::MAX { String::new() } else { format!(", at most {}", self.unit.show(most)) };
            return Err(format!("`{}` is at least {}{most}, not {text}", self.name, self.unit.show(least)));
        }
        let number = number.to_string();
        (self.set)(params, Some(number.as_str()).filter(|number| Some(*number) != self.usual))
    }
}

impl Params {
    /// Names and values in the order of the table, as the case key has them.
    pub fn set_values(&self) -> impl Iterator<Item = (&'static str, String)> {
        let asked = PARAMETERS.iter().filter(|row| !row.derived);
        asked.filter_map(|row| Some((row.name, row.get(self).filter(|value| row.usual != Some(value))?)))
    }

    /// Drops values that mean nothing without another: a burst of messages that do not come in bursts, and the spacing of no
    /// think time.
    pub fn settle(&mut self) {
        if self.arrivals != Some(Arrivals::Burst) {
            self.burst = None;
        }
        if self.think_time_ns.unwrap_or(0) == 0 {
            self.spacing = None;
        }
    }
}

/// A type of values in [`Params`].
pub(super) trait Value: Display + FromStr + Clone {
    /// Kind of these values.
    const VALUES: Values;

    /// The value that `text` spells.
    fn read(text: &str) -> Result<Self, String>;
}

impl Value for Pattern {
    const VALUES: Values = Values::Pattern;

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Value for $type {
            const VALUES: Values = Values::Number;

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("`{text}` is no whole number up to {}", <$type>::MAX))
            }
        }
    )*};
}
number!(u32, u64);

impl Value for bool {
    const VALUES: Values = Values::Word(&["false", "true"]);

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was_set() {
        for row in PARAMETERS {
            let texts: Vec<String> = match row.values {
                Values::Number => [row.range.0, row.range.1.min(u64::from(u32::MAX))].map(|it| it.to_string()).to_vec(),
                Values::Word(words) => words.iter().map(|word| (*word).to_owned()).collect(),
                Values::Pattern => vec!["1:1".to_owned(), "2:1".to_owned()],
            };
            for text in texts {
                let mut params = Params::default();
                row.set(&mut params, &text).expect(row.name);
                let usual = row.usual == Some(&text);
                assert_eq!(row.get(&params), (!usual).then_some(text), "{}", row.name);
                let json = serde_json::to_string(&params).expect("plain data");
                assert_eq!(serde_json::from_str::<Params>(&json).expect("what was written"), params);
                assert_eq!(json.contains(row.name), !usual, "{json}");
            }
        }
    }

    #[test]
    fn rows_are_documented_and_required_only_where_they_fit() {
        for row in PARAMETERS {
            assert!(row.doc.trim().ends_with('.') && !row.label.is_empty(), "{}", row.name);
            assert!(row.required_by.iter().all(|measure| row.fits(*measure)), "{}", row.name);
            assert!(row.required_by.is_empty() || row.usual.is_none(), "{}", row.name);
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let error = |name: &str, text: &str| {
            Parameter::find(name).expect("a row").set(&mut Params::default(), text).expect_err("not right")
        };
        assert_eq!(error("reads_percent", "101"), "`reads_percent` is at least 0, at most 100, not 101");
        assert_eq!(error("message_bytes", "2 GiB"), "`message_bytes` is at least 0 B, at most 1 GiB, not 2 GiB");
        assert!(error("gap_ns", "1 h").contains("`10 us`"), "{}", error("gap_ns", "1 h"));
        assert!(error("touch", "some").contains("all, sample, none"), "{}", error("touch", "some"));
        assert!(error("pattern", "2").contains("2:1"), "{}", error("pattern", "2"));
    }
}
