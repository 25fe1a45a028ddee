//! What a mechanism promises when a process dies: measured for locks and pools, declared for transports.

use ipcmark_record::{Case, Group, metric};
use serde::Serialize;

use crate::analyse::recovery::{Fate, fate};
use crate::analyse::study::CaseStudy;
use crate::analyse::trials::value;
use crate::format;

/// What happens to the others when a process dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Death {
    /// Whether they can go on; `None` if that is not known.
    pub survives: Option<bool>,
    /// In words.
    pub words: String,
    /// Whether processes were killed to find out.
    pub measured: bool,
}

impl Death {
    /// Whether it is known without a measurement.
    pub fn is_declared(&self) -> bool {
        !self.measured && self.survives.is_some()
    }

    pub(super) fn unknown(words: &str) -> Self {
        Self { survives: None, words: words.to_owned(), measured: false }
    }

    /// Declared for a transport. A peer survives if it learns of the death, or if the channel and its messages outlive
    /// the process.
    pub(super) fn of_transport(case: &Case, group: Option<Group>) -> Self {
        let declared =
            |survives, words: &str| Self { survives: Some(survives), words: words.to_owned(), measured: false };
        let datagrams = ["udp", "unix-dgram"].contains(&case.mechanism.as_str());
        match group {
            Some(Group::Sockets) if datagrams => declared(false, "a receiver is not told and waits on"),
            Some(Group::Pipes | Group::Sockets) => {
                declared(true, "told: end of file or EPIPE; messages sent before stay readable")
            }
            Some(Group::KernelQueues) => {
                declared(true, "not told; the queue and its messages outlive the process for another one")
            }
            Some(Group::SharedMemory) => declared(false, "not told; a peer waits on, a message may stay unfinished"),
            Some(Group::KernelCopies) => declared(false, "not told; a peer waits on"),
            Some(Group::Libraries) if case.mechanism.starts_with("ipc-channel") => {
                declared(true, "told: the channel is disconnected")
            }
            _ => Self::unknown("not known"),
        }
    }

    /// Measured for a lock whose holder was killed.
    pub(super) fn of_lock(case: Option<&CaseStudy<'_>>) -> Self {
        let Some(case) = case else { return Self::unknown("no holder was killed in these records") };
        let told = |text: bool| if text { "told of the death" } else { "not told" };
        let (survives, words) = match fate(case) {
            Fate::Goes { on_ns, text } => {
                (Some(true), format!("the next has it after {}, {}", format::ns(on_ns), told(text)))
            }
            Fate::Sometimes(share) => (Some(false), format!("the next has it in {} of kills", format::percent(share))),
            Fate::Newcomer { .. } => (Some(false), "the next waits on; only a process that comes later has it".into()),
            Fate::Never => (Some(false), "never acquired again".into()),
            Fate::Unknown(why) => (None, why),
        };
        Self { survives, words, measured: survives.is_some() }
    }

    /// Measured for a pool of which a worker was killed.
    pub(super) fn of_pool(case: Option<&CaseStudy<'_>>) -> Self {
        let Some(case) = case else { return Self::unknown("no worker was killed in these records") };
        let tasks = |name: &str| format::count(value(case, name).unwrap_or(0.0));
        let (survives, words) = match fate(case) {
            Fate::Goes { on_ns, .. } => {
                let (lost, retried) = (tasks(metric::TASKS_LOST), tasks(metric::TASKS_RETRIED));
                let told = format!("the dispatcher is told after {}", format::ns(on_ns));
                (Some(true), format!("{told}; a kill costs {lost} tasks reported lost, {retried} done again"))
            }
            Fate::Sometimes(share) => (Some(false), format!("goes on after {} of kills", format::percent(share))),
            Fate::Unknown(why) => (None, why),
            Fate::Newcomer { .. } | Fate::Never => (Some(false), "tasks are missing for ever".to_owned()),
        };
        Self { survives, words, measured: survives.is_some() }
    }
}
