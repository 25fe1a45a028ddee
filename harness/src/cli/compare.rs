//! `ipcmark compare`: arms side by side, and a limit for scripts.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use ipcmark_reports::{Collector, Gate, GateVerdict};

use super::{note_left_out, table};
use crate::plan::text::unknown;
use crate::progress::print_line;

/// Compare runs, case by case: two to many machines, kernels or builds.
///
/// An arm is one or several runs; each other arm is compared with the first, the base. The ratio is that of the values
/// shown, with its 95 % interval.
///
/// With two runs or more of each arm the interval includes the spread between runs, and a case is called slower or faster if
/// at most one call in twenty is false. With one run of an arm, drift between runs is not in the interval: a case is called
/// slower or faster only if the whole interval lies beyond 25 %, and five repetitions on each side are needed. `equal` means
/// that the interval lies within 0.9 to 1.1; such cases are hidden. Disturbed trials are left out, and on one machine the
/// repetitions of a case are compared at one distance of its CPUs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark compare before after                       two runs
  ipcmark compare 'base=runs/a*' 'new=runs/b*'       several runs of each arm
  ipcmark compare epyc=e1 epyc=e2 xeon=x1 xeon=x2    an arm may be named several times
  ipcmark compare 'base=a*' 'new=b*' --fail-above 10
  ipcmark compare epyc xeon --out epyc-xeon          one page, with charts, facts and floors side by side

Exit status with --fail-above:
  0  no case is surely slower by more than PCT, and most cases could have been seen
  1  a case is surely slower by more than PCT, or broken
  2  the comparison cannot see PCT, or an arm lacks a case of the base; the reason says how many runs would do")]
pub(super) struct Compare {
    /// Runs to compare: files, directories or NAME=PATTERN
    ///
    /// A pattern may hold `*`, `?` and `[...]`, and names files with records or directories of runs. The first arm is the base.
    /// Files may be compressed with gzip or zstd; `-` reads records from standard input.
    #[arg(value_name = "[NAME=]RUNS", required = true)]
    arms: Vec<String>,
    /// Arm that the others are compared with, instead of the first
    #[arg(long, value_name = "NAME")]
    base: Option<String>,
    /// Write a page, JSON, CSV and Markdown to a directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show the cases that are equal too
    #[arg(long)]
    all: bool,
    /// Fail if a case is surely slower by more than PCT percent, or broken
    #[arg(long, value_name = "PCT", value_parser = percent)]
    fail_above: Option<f64>,
}

impl Compare {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let mut collector = Collector::new();
        for Arm { name, paths } in based(arms(&self.arms)?, self.base.as_deref())? {
            let arm = collector.arm(&name);
            let mut records = 0;
            let bad_lines = ipcmark_reports::visit(&paths, &mut |record, _, _| {
                collector.add(arm, &record);
                records += 1;
            })?;
            note_left_out(&bad_lines);
            ensure!(records > 0, "{name} holds no record, so there is nothing to compare");
        }
        let comparison = collector.finish();
        write!(out, "{}", comparison.text(table::columns().map_or(80, usize::from), self.all))?;
        if let Some(folder) = &self.out {
            writeln!(out, "{}", comparison.write(folder)?.display())?;
        }
        let Some(limit) = self.fail_above else { return Ok(super::FINE) };
        Ok(conclude(&comparison.gate(limit)))
    }
}

/// Prints the reasons of a gate and returns its exit status.
pub(super) fn conclude(gate: &Gate) -> u8 {
    gate.reasons.iter().for_each(|reason| print_line(reason));
    match gate.verdict {
        GateVerdict::Kept => super::FINE,
        GateVerdict::Broken => super::BROKEN,
        GateVerdict::Open => super::MISTAKE,
    }
}

/// Arm as given.
#[derive(Debug, PartialEq, Eq)]
struct Arm {
    name: String,
    paths: Vec<PathBuf>,
}

/// Arms of the command line, the base first.
///
/// Errors: a pattern that matches nothing, fewer than two arms, and names for only some of several runs.
fn arms(given: &[String]) -> anyhow::Result<Vec<Arm>> {
    let mut arms: Vec<Arm> = Vec::new();
    for text in given {
        let (name, paths) = match text.split_once('=').filter(|_| !Path::new(text).exists()) {
            Some((name, pattern)) => {
                ensure!(!name.is_empty(), "`{text}` has no name before `=`; write NAME=RUNS, such as base={pattern}");
                (name.to_owned(), matching(pattern)?)
            }
            None => (named_after(Path::new(text), &arms), vec![PathBuf::from(text)]),
        };
        match arms.iter_mut().find(|arm| arm.name == name) {
            Some(arm) => arm.paths.extend(paths),
            None => arms.push(Arm { name, paths }),
        }
    }
    ensure!(
        arms.len() > 1,
        "a comparison needs two arms, and `{}` is one; write RUNS RUNS, or base=RUNS new=RUNS",
        arms.first().map_or("", |arm| &arm.name)
    );
    Ok(arms)
}

/// The arms with the one called `base` first.
///
/// Errors: no arm has that name.
fn based(mut arms: Vec<Arm>, base: Option<&str>) -> anyhow::Result<Vec<Arm>> {
    let Some(base) = base else { return Ok(arms) };
    let Some(at) = arms.iter().position(|arm| arm.name == base) else {
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        bail!(unknown("arm", base, names));
    };
    arms[..=at].rotate_right(1);
    Ok(arms)
}

/// Files and directories that a pattern names; a path that exists needs no match.
fn matching(pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    if Path::new(pattern).exists() {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let matches = glob::glob(pattern).with_context(|| format!("`{pattern}` is no pattern"))?;
    let paths = matches.collect::<Result<Vec<PathBuf>, _>>()?;
    ensure!(!paths.is_empty(), "no file or directory is named `{pattern}`");
    Ok(paths)
}

/// Name of an arm that has none: its file or directory, else a letter.
fn named_after(path: &Path, arms: &[Arm]) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    let parent = || whole.parent().and_then(Path::file_name);
    // The usual file of a run says nothing.
    let name = if stem.is_some_and(|stem| stem == "records") { parent() } else { stem };
    let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let taken: HashSet<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    if !name.is_empty() && !taken.contains(name.as_str()) {
        return name;
    }
    (2..=taken.len() + 2)
        .map(|number| format!("{name}-{number}"))
        .find(|name| !taken.contains(name.as_str()))
        .unwrap_or(name)
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    let value: f64 =
        text.strip_suffix('%').unwrap_or(text).trim().parse().map_err(|_| "a percentage such as 10".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("a percentage from 0 up".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_named_and_patterns_expanded() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        for run in ["a1", "a2", "b1"] {
            std::fs::create_dir(folder.path().join(run)).expect("ours");
        }
        let place = folder.path().display();
        let found = |given: &[String]| -> Vec<(String, usize)> {
            arms(given).expect("sound").into_iter().map(|arm| (arm.name, arm.paths.len())).collect()
        };
        assert_eq!(
            found(&[format!("base={place}/a*"), format!("new={place}/b?")]),
            [("base".into(), 2), ("new".into(), 1)]
        );
        let twice = [format!("x={place}/a1"), format!("y={place}/b1"), format!("x={place}/a2")];
        assert_eq!(found(&twice), [("x".into(), 2), ("y".into(), 1)]);
        assert_eq!(found(&[format!("{place}/a1"), format!("{place}/a1")]), [("a1".into(), 1), ("a1-2".into(), 1)]);
        let none = arms(&[format!("base={place}/c*"), "b".into()]).expect_err("nothing matches").to_string();
        assert!(none.contains("no file or directory is named"), "{none}");
        assert!(arms(&["alone".into()]).expect_err("one arm").to_string().contains("needs two arms"));
    }
}
