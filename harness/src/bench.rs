//! Shared by the targets of `cargo bench`: their arguments, which cargo passes to all targets, and the directory of results.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use crate::plan::text::unknown;

/// Link in the reports directory to the newest complete run.
pub const LATEST: &str = "latest";

/// Criterion's options with a value. The suite accepts and ignores those that choose how criterion samples and draws.
const WITH_VALUE: &[&str] = &[
    "--save-baseline",
    "-s",
    "--baseline",
    "-b",
    "--baseline-lenient",
    "--load-baseline",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--plotting-backend",
    "--output-format",
    "--profile-time",
    "--color",
    "--colour",
    "-c",
    "--format",
];

/// Options without a value, of criterion and of cargo.
const FLAGS: &[&str] = &[
    "--bench",
    "--test",
    "--list",
    "--exact",
    "--ignored",
    "--include-ignored",
    "--nocapture",
    "--show-output",
    "--verbose",
    "-v",
    "--quiet",
    "--noplot",
    "-n",
    "--discard-baseline",
    "--quick",
];

/// The command line of a bench target.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Measure. Otherwise do a short run that only checks that everything works.
    pub measures: bool,
    /// Print the names and run nothing.
    pub lists: bool,
    /// A filter is a whole name.
    pub exact: bool,
    /// Names to run; all when empty.
    pub filters: Vec<String>,
    /// An earlier criterion run that has to exist.
    pub baseline: Option<String>,
}

impl Arguments {
    /// Reads the arguments that follow the program's name.
    ///
    /// Errors: an option that criterion does not know, or one without its value.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = arguments.into_iter();
        let (mut read, mut tests) = (Self::default(), false);
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                read.filters.push(argument);
                continue;
            }
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if WITH_VALUE.contains(&option) {
                let value = value.or_else(|| arguments.next());
                let value = value.with_context(|| format!("the option `{option}` wants a value"))?;
                if matches!(option, "--baseline" | "-b" | "--load-baseline") {
                    read.baseline = Some(value);
                }
            } else if !FLAGS.contains(&option) || value.is_some() {
                let known = [FLAGS, WITH_VALUE].concat();
                bail!("{}; see `cargo bench --bench criterion -- --help`", unknown("option", &argument, known));
            }
            match option {
                "--bench" => read.measures = true,
                "--test" => tests = true,
                "--list" => read.lists = true,
                "--exact" => read.exact = true,
                _ => {}
            }
        }
        read.measures &= !tests;
        Ok(read)
    }

    /// Reads the arguments of this process, and refuses a baseline that does not exist. Called before anything is
    /// measured, so that a mistake costs no time.
    ///
    /// Errors: those of [`read`](Self::read), and an unknown baseline.
    pub fn of_this_process() -> anyhow::Result<Self> {
        let arguments = Self::read(std::env::args().skip(1))?;
        let home = std::env::var_os("CRITERION_HOME").map(PathBuf::from);
        let home = home.unwrap_or_else(|| target_directory().join("criterion"));
        arguments.check_baseline(&home)?;
        Ok(arguments)
    }

    fn check_baseline(&self, criterion_home: &Path) -> anyhow::Result<()> {
        match &self.baseline {
            Some(name) if !has_baseline(criterion_home, name) => bail!(
                "there is no baseline `{name}` in {}; `cargo bench --bench criterion -- --save-baseline {name}` makes it",
                criterion_home.display()
            ),
            _ => Ok(()),
        }
    }

    /// Whether the filters select the target `name`, which has no parts to select.
    pub fn select(&self, name: &str) -> bool {
        let fits = |filter: &String| if self.exact { filter == name } else { name.contains(filter.as_str()) };
        self.filters.is_empty() || self.filters.iter().any(fits)
    }

    /// Handles `--list` and filters that do not match for the target `name`. Returns whether it has to run.
    pub fn runs(&self, name: &str) -> bool {
        if self.lists {
            println!("{name}: benchmark");
        } else if !self.select(name) {
            println!("{name}: not run, since the filter `{}` does not match its name", self.filters.join(" "));
        }
        !self.lists && self.select(name)
    }
}

/// Whether some benchmark below `folder` was saved as `name`: criterion keeps it as `<group>/<id>/<name>/estimates.json`.
fn has_baseline(folder: &Path, name: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.into_iter().any(|path| {
        path.file_name().is_some_and(|found| found == name) && path.join("estimates.json").exists()
            || has_baseline(&path, name)
    })
}

/// Cargo's target directory: the one that this program was built into.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let named = std::env::var_os("CARGO_TARGET_DIR").and_then(|path| fs::canonicalize(path).ok());
    target_directory_of(&program, named.as_deref())
}

/// `named` is CARGO_TARGET_DIR. Without it, cargo's mark tells: a target directory has a CACHEDIR.TAG.
fn target_directory_of(program: &Path, named: Option<&Path>) -> PathBuf {
    let marked = || program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    // target/<profile>/deps/suite-<hash>
    let above = || program.ancestors().nth(3);
    let named = named.filter(|folder| program.starts_with(folder));
    named.or_else(marked).or_else(above).unwrap_or_else(|| Path::new("target")).to_owned()
}

/// Directory below `reports` for a run that starts now, named by the time in UTC.
pub fn dated_directory(reports: &Path, now: SystemTime) -> PathBuf {
    let time = humantime::format_rfc3339_seconds(now).to_string().replace(':', "-");
    reports.join(time)
}

/// Makes `latest` in the directory of `run` a link to it, by one rename: a reader finds the earlier run or this one.
///
/// Errors: the link cannot be made, or something that is not a link has its name.
pub fn set_latest(run: &Path) -> io::Result<PathBuf> {
    let name = run.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let latest = run.with_file_name(LATEST);
    let fresh = run.with_file_name(format!(".{LATEST}-{}", std::process::id()));
    std::os::unix::fs::symlink(name, &fresh)?;
    if let Err(error) = fs::rename(&fresh, &latest) {
        let _ = fs::remove_file(&fresh);
        return Err(error);
    }
    Ok(latest)
}

/// Upper median of one side of pairs of times; NaN without pairs.
pub fn middle(pairs: &[(f64, f64)], side: fn(&(f64, f64)) -> f64) -> f64 {
    let mut all: Vec<f64> = pairs.iter().map(side).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Index of the form of a rival whose time, the second of each pair, has the lowest median; `None` without pairs.
pub fn fastest_form(forms: &[Vec<(f64, f64)>]) -> Option<usize> {
    let times = forms.iter().map(|pairs| middle(pairs, |pair| pair.1)).enumerate();
    times.filter(|(_, ns)| !ns.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Arguments> {
        Arguments::read(line.split_ascii_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_of_cargo_and_criterion_are_understood() {
        let plain = read("--bench").unwrap();
        assert!(plain.measures && !plain.lists && plain.select("suite"));
        assert!(!read("").unwrap().measures, "as under cargo test");
        assert!(!read("--test --bench").unwrap().measures);
        assert!(read("--list --format terse").unwrap().lists);
        let sampled = read("--sample-size 20 --warm-up-time=1 -n --save-baseline before --bench").unwrap();
        assert_eq!(sampled, plain, "a value is no filter, and what suits criterion changes nothing here");
    }

    #[test]
    fn filters_select_by_part_or_exactly() {
        let part = read("--bench suit").unwrap();
        assert!(part.select("suite") && part.runs("suite") && !part.select("rivals"));
        assert!(!read("--exact suit").unwrap().select("suite"));
        assert!(read("pipe suite --exact").unwrap().select("suite"));
        assert!(!read("--list").unwrap().runs("suite"));
    }

    #[test]
    fn unknown_options_and_missing_values_are_refused_by_name() {
        for (line, named) in
            [("--bench --colr red", "--colr"), ("--baseline", "--baseline"), ("--quick=1", "--quick=1")]
        {
            let refused = read(line).unwrap_err().to_string();
            assert!(refused.contains(&format!("`{named}`")), "{refused}");
        }
    }

    #[test]
    fn a_baseline_has_to_exist() {
        let home = tempfile::tempdir().unwrap();
        for option in ["--baseline before", "-b before", "--load-baseline=before --baseline before"] {
            let refused = read(option).unwrap().check_baseline(home.path()).unwrap_err().to_string();
            assert!(refused.contains("no baseline `before`"), "{refused}");
        }
        let saved = home.path().join("stream/pipe-block/processes/before");
        fs::create_dir_all(&saved).unwrap();
        fs::write(saved.join("estimates.json"), "{}").unwrap();
        read("--baseline before").unwrap().check_baseline(home.path()).unwrap();
        assert!(read("--baseline after").unwrap().check_baseline(home.path()).is_err());
        read("--baseline-lenient after").unwrap().check_baseline(home.path()).unwrap();
    }

    #[test]
    fn the_target_directory_is_found() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("build");
        let program = target.join("x86_64-unknown-linux-gnu/release/deps/suite-0123");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(target.join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(target_directory_of(&program, None), target);
        assert_eq!(target_directory_of(&program, Some(root.path())), root.path());
        assert_eq!(target_directory_of(&program, Some(Path::new("/elsewhere"))), target);
        assert_eq!(target_directory_of(Path::new("/none/release/deps/suite"), None), Path::new("/none"));
    }

    #[test]
    fn the_newest_complete_run_is_the_latest_and_earlier_ones_stay() {
        let reports = tempfile::tempdir().unwrap();
        let time = SystemTime::UNIX_EPOCH;
        let runs =
            [0, 1].map(|seconds| dated_directory(reports.path(), time + std::time::Duration::from_secs(seconds)));
        assert!(runs[0].ends_with("1970-01-01T00-00-00Z"), "{}", runs[0].display());
        for run in &runs {
            fs::create_dir(run).unwrap();
            fs::write(run.join("index.html"), run.to_str().unwrap()).unwrap();
            let latest = set_latest(run).unwrap();
            assert_eq!(fs::read_to_string(latest.join("index.html")).unwrap(), run.to_str().unwrap());
        }
        assert!(runs[0].join("index.html").exists());
        assert_eq!(fs::read_dir(reports.path()).unwrap().count(), 3);
    }

    #[test]
    fn only_a_link_is_replaced() {
        let reports = tempfile::tempdir().unwrap();
        let run = reports.path().join("run");
        fs::create_dir_all(reports.path().join(LATEST)).unwrap();
        fs::create_dir(&run).unwrap();
        assert!(set_latest(&run).is_err());
        assert_eq!(fs::read_dir(reports.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_claim_is_against_the_faster_form() {
        let by_value = vec![(10.0, 30.0), (11.0, 31.0), (10.0, 5.0)];
        let in_place = vec![(10.0, 20.0), (12.0, 21.0), (10.0, 90.0)];
        assert_eq!(fastest_form(&[by_value.clone(), in_place.clone()]), Some(1));
        assert_eq!(fastest_form(&[in_place.clone(), by_value]), Some(0));
        assert_eq!(fastest_form(&[vec![], in_place]), Some(1), "a form that cannot run here is no rival");
        assert_eq!(fastest_form(&[vec![], vec![]]), None);
    }
}
