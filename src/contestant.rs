//! What a family says about its mechanisms and about the roles of a trial: the words between the registries below and
//! the one door above them.

use crate::protocol::Link;
use crate::record::{Group, Isolation, Measure, Substrate, Wait};

/// One row of `ipcmark list`: a way a mechanism can be run.
#[derive(Clone, Debug)]
pub struct Contestant {
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

impl Contestant {
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
