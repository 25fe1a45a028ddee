//! What a family says about its mechanisms.

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

/// Lists a family's mechanisms, `"row" => Type,` one a row (or `"row" => Type; Type,` where a row is made of two types), after
/// the traits that the types implement. Makes `Entry` and `rows`, the only way from a name to a type.
macro_rules! registry {
    (<$($parameter:ident: $bound:ident),+> $($name:literal => $first:ty $(; $second:ty)?),* $(,)?) => {
        /// What a caller keeps for each row.
        pub trait Entry: Sized {
            /// The entry of a row with these types.
            fn of<$($parameter: $bound),+>() -> Self;
        }

        /// Every row's name and entry.
        pub fn rows<E: Entry>() -> Vec<(&'static str, E)> {
            vec![$(($name, E::of::<$first $(, $second)?>())),*]
        }
    };
}
pub(crate) use registry;

impl Variant {
    /// The variant of a registry row, `mechanism` or `mechanism/wait`, with everything else left at the usual: two roles,
    /// no wait, no substrate, nothing missing.
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
            // That of our own mechanisms is in the registry.
            group: self.program.map(|_| self.group),
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
