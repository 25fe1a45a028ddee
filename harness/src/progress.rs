//! Progress of a run on stderr: a bar with the remaining time on a terminal, else plain lines, or nothing.
//!
//! The thread that runs the trials draws between two of them, so nothing is drawn during a hot phase.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws on a terminal, per second at most.
const DRAWS_PER_S: u8 = 2;
/// Plain lines come at every tenth of the run, but never closer than this.
const LINES_APART: Duration = Duration::from_secs(2);

/// How far a run is.
#[derive(Debug)]
pub struct Progress {
    face: Face,
    started: Instant,
    trials: u64,
    trials_done: u64,
    predicted_ns: u64,
    predicted_done_ns: u64,
    /// What the remaining time is for.
    of_round: &'static str,
}

#[derive(Debug)]
enum Face {
    Quiet,
    Bar(ProgressBar),
    Lines { last: Instant, tenths: u64 },
}

impl Progress {
    /// A run of `trials` that should take `predicted_ns`.
    pub fn new(quiet: bool, trials: u64, predicted_ns: u64) -> Self {
        let started = Instant::now();
        let face = if quiet {
            Face::Quiet
        } else if stderr().is_terminal() {
            Face::Bar(bar(trials))
        } else {
            Face::Lines { last: started, tenths: 0 }
        };
        Self {
            face,
            started,
            trials,
            trials_done: 0,
            predicted_ns: predicted_ns.max(1),
            predicted_done_ns: 0,
            of_round: "",
        }
    }

    /// Restarts the clock, so that the floors do not count.
    pub fn restart(&mut self) {
        self.started = Instant::now();
        if let Face::Bar(bar) = &self.face {
            bar.set_message(format!("{} left", whole_seconds(self.remaining())));
        }
    }

    /// Another round of `trials`, which should take `predicted_ns`. Shows `why`, unless the last line is recent.
    pub fn extend(&mut self, trials: u64, predicted_ns: u64, why: &str) {
        self.trials += trials;
        self.of_round = " in this round";
        // Where trials were quicker than predicted, only what follows is left.
        self.predicted_ns = self.predicted_done_ns + predicted_ns;
        let percent = self.percent();
        match &mut self.face {
            Face::Quiet => {}
            Face::Bar(bar) => {
                bar.set_length(self.trials);
                bar.set_message(why.to_owned());
            }
            Face::Lines { last, tenths } => {
                *tenths = percent / 10;
                if last.elapsed() >= LINES_APART {
                    *last = Instant::now();
                    print_line(why);
                }
            }
        }
    }

    fn percent(&self) -> u64 {
        self.predicted_done_ns.min(self.predicted_ns) * 100 / self.predicted_ns
    }

    /// A trial that was predicted to take `predicted_ns` is over.
    pub fn advance(&mut self, predicted_ns: u64) {
        self.trials_done += 1;
        self.predicted_done_ns += predicted_ns;
        let left = format!("{} left{}", whole_seconds(self.remaining()), self.of_round);
        let percent = self.percent();
        match &mut self.face {
            Face::Quiet => {}
            Face::Bar(bar) => {
                bar.set_message(left);
                bar.inc(1);
            }
            Face::Lines { last, tenths } => {
                if percent / 10 > *tenths && last.elapsed() >= LINES_APART {
                    *last = Instant::now();
                    *tenths = percent / 10;
                    print_line(&format!("{percent:3} %  {} of {} trials, {left}", self.trials_done, self.trials));
                }
            }
        }
    }

    /// Shows a message above the bar.
    pub fn print_line(&self, line: &str) {
        match &self.face {
            Face::Quiet => {}
            Face::Bar(bar) => bar.suspend(|| print_line(line)),
            Face::Lines { .. } => print_line(line),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Face::Bar(bar) = self.face {
            bar.finish_and_clear();
        }
    }

    /// Remaining time at the pace so far; as predicted before the first trial.
    fn remaining(&self) -> Duration {
        let left_ns = self.predicted_ns.saturating_sub(self.predicted_done_ns);
        let pace = if self.predicted_done_ns == 0 {
            1.0
        } else {
            self.started.elapsed().as_nanos() as f64 / self.predicted_done_ns as f64
        };
        Duration::from_nanos((left_ns as f64 * pace) as u64)
    }
}

/// Writes a line to stderr and ignores errors.
pub fn print_line(line: &str) {
    let _ = writeln!(stderr(), "{}", line.trim_end());
}

/// Rounds to seconds, as in `1m 20s`.
pub fn whole_seconds(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs_f64().round() as u64)).to_string()
}

fn bar(trials: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} trials, {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(trials), ProgressDrawTarget::stderr_with_hz(DRAWS_PER_S))
        .with_style(style)
        .with_message("first the floors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_rounded_for_people() {
        assert_eq!(whole_seconds(Duration::from_millis(79_600)), "1m 20s");
        assert_eq!(whole_seconds(Duration::from_millis(400)), "0s");
    }

    #[test]
    fn what_is_added_counts_from_the_work_done() {
        let mut progress = Progress::new(true, 1, 100);
        progress.advance(50);
        progress.extend(3, 150, "more");
        assert_eq!((progress.trials, progress.percent()), (4, 25));
        progress.extend(0, 0, "nothing");
        assert_eq!(progress.percent(), 100);
    }

    #[test]
    fn more_work_than_predicted_does_not_overflow() {
        let mut progress = Progress::new(true, 1, 10);
        progress.advance(50);
        assert_eq!(progress.remaining(), Duration::ZERO);
    }
}
