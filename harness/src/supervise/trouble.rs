//! What goes wrong with workers, and the one sentence a record keeps of it.
//!
//! One death makes several symptoms: the others see their pipe close and complain. The sentence begins with the cause.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use ipcmark::abort;
use nix::sys::signal::Signal;

/// A worker as a sentence names it.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) role: String,
    pub(super) pid: u32,
}

/// Something that ends a trial.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The user ended the run.
    Interrupted(Signal),
    /// A worker is gone that should not be; with the last words of its log.
    Died(Who, ExitStatus, String),
    /// A worker said why it gave up.
    GaveUp(Who, String),
    /// A worker's check failed.
    Invalid(Who, String),
    /// A worker said something that no worker should say here.
    Nonsense(Who, String),
    /// Some workers did not answer in time.
    Late(Vec<Who>, Duration),
    /// The system refused the harness something.
    System(String),
}

/// Makes the sentence. `during` says what the workers were doing, as in `while working`.
pub(super) fn sentence(troubles: &[Trouble], during: &str) -> String {
    let gave_up = |who: &Who| troubles.iter().any(|it| matches!(it, Trouble::GaveUp(said, _) if said.pid == who.pid));
    // That a worker which gave its reason also leaves is no news.
    let news: Vec<_> = troubles.iter().filter(|it| !matches!(it, Trouble::Died(who, ..) if gave_up(who))).collect();
    // What came first is the cause, except that a complaint may overtake the news of what it complains of.
    let complaint = matches!(news.first(), Some(Trouble::GaveUp(..)));
    let cause = || news.iter().position(|it| matches!(it, Trouble::Died(..) | Trouble::Invalid(..)));
    let cause = if complaint { cause().unwrap_or(0) } else { 0 };
    let rest = news.iter().enumerate().filter(|(at, it)| *at != cause && !it.only_heard_the_call());
    let all: Vec<_> = news.get(cause).into_iter().chain(rest.map(|(_, it)| it)).collect();
    all.iter().map(|it| it.in_words(during)).collect::<Vec<_>>().join("; then ")
}

impl Trouble {
    fn in_words(&self, during: &str) -> String {
        match self {
            Self::Interrupted(signal) => format!("interrupted by {signal}"),
            Self::Died(who, status, log) => {
                let end = how(*status);
                let last = if log.is_empty() { String::new() } else { format!("; the end of its log: {log}") };
                format!("{} {end} {during}{last}", who.in_words())
            }
            Self::GaveUp(who, why) => format!("{} gave up {during}: {why}", who.in_words()),
            Self::Invalid(who, why) => format!("the check of {} failed {during}: {why}", who.in_words()),
            Self::Nonsense(who, why) => format!("{} broke the protocol {during}: {why}", who.in_words()),
            Self::Late(all, limit) => {
                let names: Vec<_> = all.iter().map(Who::in_words).collect();
                format!("no answer {during} from {} within {:.1} s", names.join(" and "), limit.as_secs_f64())
            }
            Self::System(why) => why.clone(),
        }
    }

    /// True when a worker says no more than that it heard the trial being called off.
    fn only_heard_the_call(&self) -> bool {
        matches!(self, Self::GaveUp(_, why) if why.contains(&abort::error().to_string()))
    }
}

impl Who {
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

    fn who(role: &str, pid: u32) -> Who {
        Who { role: role.into(), pid }
    }

    fn died(role: &str, pid: u32, raw: i32) -> Trouble {
        Trouble::Died(who(role, pid), ExitStatus::from_raw(raw), String::new())
    }

    #[test]
    fn a_death_is_the_cause_even_when_the_complaint_was_faster() {
        let troubles = [Trouble::GaveUp(who("pinger", 1), "the pipe closed".into()), died("ponger", 2, 9)];
        assert_eq!(
            sentence(&troubles, "while hot"),
            "ponger (pid 2) was killed by SIGKILL while hot; then pinger (pid 1) gave up while hot: the pipe closed"
        );
    }

    #[test]
    fn leaving_after_giving_up_is_not_news() {
        let off = abort::error().to_string();
        let troubles = [
            Trouble::GaveUp(who("sender", 1), "no room".into()),
            died("sender", 1, 1 << 8),
            Trouble::GaveUp(who("receiver", 2), off),
        ];
        assert_eq!(sentence(&troubles, "while attaching"), "sender (pid 1) gave up while attaching: no room");
    }

    #[test]
    fn the_late_are_all_named() {
        let late = [Trouble::Late(vec![who("a", 1), who("b", 2)], Duration::from_secs(5))];
        assert_eq!(sentence(&late, "while hot"), "no answer while hot from a (pid 1) and b (pid 2) within 5.0 s");
    }
}
