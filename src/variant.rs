//! What a family says about its mechanisms and about the roles of a trial: the words between the registries below and
//! the one door above them.

use std::sync::{OnceLock, PoisonError, RwLock};

use crate::protocol::Link;
use crate::record::{Case, Group, Isolation, Measure, Substrate, Wait};

/// One row of `ipcmark list`: a way a mechanism can be run.
#[derive(Clone, Debug)]
pub struct Variant {
    /// `transport`, ...
    pub family: &'static str,
    /// Without its wait.
    pub mechanism: &'static str,
    /// The program that plays all its roles, where it is not this one.
    pub program: Option<&'static str>,
    /// What kind of thing it is.
    pub group: Group,
    /// How an idle side waits.
    pub wait: Option<Wait>,
    /// Processes or threads.
    pub isolation: Isolation,
    /// What its shared memory is made of.
    pub substrate: Option<Substrate>,
    /// One line for `list` and the docs.
    pub summary: &'static str,
    /// What can be asked of it.
    pub measures: &'static [Measure],
    /// Roles that want a CPU of their own at the same time: 1 for the null transport, else 2.
    pub cpus_wanted: u32,
    /// True when an idle side keeps its CPU busy: skipped when there are fewer CPUs than roles.
    pub polls: bool,
    /// Why it cannot run on this machine.
    pub unavailable: Option<String>,
}

/// A family's only list: `"row" => Type,` one a variant, or `"row" => Type; Type,` where it is made of two. Makes `ROWS` and
/// `visit` of it, which goes from a row's name to the type behind it by the family's own `Visitor`.
macro_rules! registry {
    (Operations: $($name:literal => $type:ty),* $(,)?) => {
        registry! { $($name => $type),* }

        /// Every row, with the operations made from its type.
        pub fn rows<O: Operations>() -> Vec<crate::variant::Row<O>> {
            vec![$(crate::variant::Row { name: $name, operations: O::of::<$type>() }),*]
        }
    };
    ($($name:literal => $first:ty $(; $second:ty)?),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$first $(, $second)?>()),)*
                _ => None,
            }
        }
    };
}
pub(crate) use registry;

/// A registry row: a name, and the operations made from the type behind it.
#[derive(Clone, Copy, Debug)]
pub struct Row<O> {
    /// `mechanism/wait`, or `mechanism` where nothing waits.
    pub name: &'static str,
    /// The family's functions, instantiated for the type.
    pub operations: O,
}

/// The rows of a family: those of this library, and those a program adds before its main does anything else.
#[derive(Debug)]
pub struct Registry<O> {
    built_in: fn() -> Vec<Row<O>>,
    rows: OnceLock<RwLock<Vec<Row<O>>>>,
}

impl<O: Copy> Registry<O> {
    /// A registry that starts with the rows `built_in`.
    pub const fn new(built_in: fn() -> Vec<Row<O>>) -> Self {
        Self { built_in, rows: OnceLock::new() }
    }

    fn lock(&self) -> &RwLock<Vec<Row<O>>> {
        self.rows.get_or_init(|| RwLock::new((self.built_in)()))
    }

    /// All rows.
    pub fn rows(&self) -> Vec<Row<O>> {
        self.lock().read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The operations of the row `name`.
    pub fn find(&self, name: &str) -> Option<O> {
        let rows = self.lock().read().unwrap_or_else(PoisonError::into_inner);
        rows.iter().find(|row| row.name == name).map(|row| row.operations)
    }

    /// Adds a row.
    ///
    /// Panics: the name is taken.
    pub fn add(&self, name: &'static str, operations: O) {
        assert!(self.find(name).is_none(), "there is a row `{name}` already");
        self.lock().write().unwrap_or_else(PoisonError::into_inner).push(Row { name, operations });
    }
}

impl Variant {
    /// The variant of a registry row, `mechanism` or `mechanism/wait`, with everything else left at the usual: two roles,
    /// nobody waits, no memory to choose, nothing missing.
    pub fn of(family: &'static str, row: &'static str, group: Group, isolation: Isolation) -> Self {
        Self {
            family,
            mechanism: row.split_once('/').map_or(row, |(mechanism, _)| mechanism),
            program: None,
            group,
            wait: None,
            isolation,
            substrate: None,
            summary: "",
            measures: &[],
            cpus_wanted: 2,
            polls: false,
            unavailable: None,
        }
    }

    /// The bare case that asks `measure` of it.
    pub fn case(&self, measure: Measure) -> Case {
        Case {
            isolation: self.isolation,
            wait: self.wait,
            program: self.program.map(str::to_owned),
            ..Case::new(self.family, self.mechanism, measure)
        }
        .with(|p| p.substrate = self.substrate)
    }

    /// True when it carries messages of some size.
    pub fn sends(&self) -> bool {
        self.measures.contains(&Measure::Stream) || self.measures.contains(&Measure::RoundTrip)
    }

    /// True when a task, a request, an item or an entry of it has a size that a plan may choose.
    pub fn carries(&self) -> bool {
        let sized = [Measure::Dispatch, Measure::Serve, Measure::Drain, Measure::Access];
        self.sends() || sized.iter().any(|measure| self.measures.contains(measure))
    }

    /// The registry row: `mechanism` or `mechanism/wait`.
    pub fn row(&self) -> String {
        match self.wait {
            Some(wait) => format!("{}/{wait}", self.mechanism),
            None => self.mechanism.to_owned(),
        }
    }
}

/// Whether `case` keeps to what its mechanism works between, and what can be asked of it.
///
/// Errors: which of the two it does not.
pub fn answers(case: &Case, isolations: &[Isolation], measures: &[Measure]) -> Result<(), String> {
    if !isolations.contains(&case.isolation) {
        return Err(format!("`{}` does not work between {}s", case.row(), case.isolation));
    }
    if !measures.contains(&case.measure) {
        return Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure));
    }
    Ok(())
}

/// A role of a trial, before a process is found for it.
#[derive(Debug)]
pub struct RoleSpec {
    /// Its name in `ps` and in records.
    pub role: &'static str,
    /// The ends it holds.
    pub links: Vec<Link>,
    /// Lines on the control page, and CPUs, that this worker uses: 2 for a host of two threads.
    pub slots: u32,
}
