//! Failures of workers, and the one sentence that a record keeps of them.
//!
//! One death has several symptoms: the other workers see their pipe close and fail, too. The sentence begins with the
//! cause.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use ipcmark::abort;
use nix::sys::signal::Signal;

/// Identity of a worker.
#[derive(Clone, Debug)]
pub(super) struct WorkerId {
    pub(super) role: String,
    pub(super) pid: u32,
}

/// Something that ends a trial.
#[derive(Debug)]
pub(super) enum Failure {
    /// The user ended the run.
    Interrupted(Signal),
    /// A worker ended too early; with the end of its log.
    Died(WorkerId, ExitStatus, String),
    /// A worker reported why it gave up.
    GaveUp(WorkerId, String),
    /// A worker's check failed.
    Invalid(WorkerId, String),
    /// A worker sent a message that is not allowed at this point.
    OutOfProtocol(WorkerId, String),
    /// Workers that missed the deadline.
    Late(Vec<WorkerId>, Duration),
    /// A system call of the harness failed.
    System(String),
}

/// Describes the failure. `during` says what the workers were doing, as in `while working`.
pub(super) fn sentence(failures: &[Failure], during: &str) -> String {
    let gave_up = |worker: &WorkerId| {
        failures.iter().any(|it| matches!(it, Failure::GaveUp(other, _) if other.pid == worker.pid))
    };
    // The exit of a worker that already gave its reason adds nothing.
    let events: Vec<_> =
        failures.iter().filter(|it| !matches!(it, Failure::Died(worker, ..) if gave_up(worker))).collect();
    // The first event is the cause, except that a symptom may be reported before its cause.
    let symptom = matches!(events.first(), Some(Failure::GaveUp(..)));
    let cause = || events.iter().position(|it| matches!(it, Failure::Died(..) | Failure::Invalid(..)));
    let cause = if symptom { cause().unwrap_or(0) } else { 0 };
    let rest = events.iter().enumerate().filter(|(at, it)| *at != cause && !it.is_only_abort());
    let all: Vec<_> = events.get(cause).into_iter().chain(rest.map(|(_, it)| it)).collect();
    all.iter().map(|it| it.in_words(during)).collect::<Vec<_>>().join("; then ")
}

impl Failure {
    fn in_words(&self, during: &str) -> String {
        match self {
            Self::Interrupted(signal) => format!("interrupted by {signal}"),
            Self::Died(worker, status, log) => {
                let end = how(*status);
                let last = if log.is_empty() { String::new() } else { format!("; the end of its log: {log}") };
                format!("{} {end} {during}{last}", worker.in_words())
            }
            Self::GaveUp(worker, why) => format!("{} gave up {during}: {why}", worker.in_words()),
            Self::Invalid(worker, why) => format!("the check of {} failed {during}: {why}", worker.in_words()),
            Self::OutOfProtocol(worker, why) => format!("{} broke the protocol {during}: {why}", worker.in_words()),
            Self::Late(all, limit) => {
                let names: Vec<_> = all.iter().map(WorkerId::in_words).collect();
                format!("no answer {during} from {} within {:.1} s", names.join(" and "), limit.as_secs_f64())
            }
            Self::System(why) => why.clone(),
        }
    }

    /// Whether a worker only reports that the trial was aborted.
    fn is_only_abort(&self) -> bool {
        matches!(self, Self::GaveUp(_, why) if why.contains(&abort::error().to_string()))
    }
}

impl WorkerId {
    fn in_words(&self) -> String {
        format!("{} (pid {})", self.role, self.pid)
    }
}

fn how(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(signal) => format!("was killed by {signal}"),
            Err(_) => format!("was killed by signal {number}"),
        },
        (None, Some(code)) => format!("exited with status {code}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(role: &str, pid: u32) -> WorkerId {
        WorkerId { role: role.into(), pid }
    }

    fn died(role: &str, pid: u32, raw: i32) -> Failure {
        Failure::Died(worker(role, pid), ExitStatus::from_raw(raw), String::new())
    }

    #[test]
    fn a_death_is_the_cause_even_if_its_symptom_is_reported_first() {
        let failures = [Failure::GaveUp(worker("pinger", 1), "the pipe closed".into()), died("ponger", 2, 9)];
        assert_eq!(
            sentence(&failures, "while hot"),
            "ponger (pid 2) was killed by SIGKILL while hot; then pinger (pid 1) gave up while hot: the pipe closed"
        );
    }

    #[test]
    fn the_exit_after_giving_up_is_not_reported() {
        let off = abort::error().to_string();
        let failures = [
            Failure::GaveUp(worker("sender", 1), "no room".into()),
            died("sender", 1, 1 << 8),
            Failure::GaveUp(worker("receiver", 2), off),
        ];
        assert_eq!(sentence(&failures, "while attaching"), "sender (pid 1) gave up while attaching: no room");
    }

    #[test]
    fn all_late_workers_are_named() {
        let late = [Failure::Late(vec![worker("a", 1), worker("b", 2)], Duration::from_secs(5))];
        assert_eq!(sentence(&late, "while hot"), "no answer while hot from a (pid 1) and b (pid 2) within 5.0 s");
    }
}
