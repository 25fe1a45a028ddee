//! Reader of recordings: valid lines are used, invalid ones are reported, and later schemas are refused.
//!
//! A killed run or a full disk leaves incomplete lines; all complete records are still read. So are those beside a record
//! whose numbers cannot be true, which is left out by line and reason: each record stands alone, and the others are no
//! worse for it. Only a file that cannot be opened, or one from a later suite, is an error.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use ipcmark_record::{Machine, Record, SCHEMA, Status, Verdict};
use serde::Deserialize;

/// Name of the records file inside a run's directory.
const RECORDS: &str = "records.jsonl";

/// Contents of one or more files.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Valid records, file by file, in the order written.
    pub records: Vec<Record>,
    /// Invalid lines.
    pub bad_lines: Vec<BadLine>,
}

impl Recording {
    /// Machines of the records: host name, processor, kernel.
    pub fn machines(&self) -> BTreeSet<String> {
        self.records.iter().map(|record| identity(&record.machine)).collect()
    }

    /// Checks that all records come from one machine: two have no common median.
    ///
    /// Errors: several machines, by name.
    pub fn of_one_machine(&self) -> anyhow::Result<()> {
        let machines = self.machines();
        ensure!(
            machines.len() <= 1,
            "these records come from {} machines, which have no common median: {}; make a report of each, and see how they \
             differ with `ipcmark compare A B`",
            machines.len(),
            machines.into_iter().collect::<Vec<_>>().join(" and ")
        );
        Ok(())
    }
}

/// What tells machines apart: `host (processor, kernel)`. A new kernel makes a new machine, since it moves numbers.
pub(crate) fn identity(machine: &Machine) -> String {
    let facts = &machine.facts;
    format!("{} ({}, {})", facts.hostname, facts.cpu_model, facts.kernel)
}

/// Line that is not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// File.
    pub file: PathBuf,
    /// Line number, from 1.
    pub line: usize,
    /// Reason.
    pub why: String,
}

/// Index in the recording by run, case key and repetition.
type Places = HashMap<(String, String, u32), usize>;

/// Reads files, or run directories with a `records.jsonl`. A file named twice is read once. Of several records of one
/// run, case and repetition one counts, by [`supersedes`]; repeats of successful trials are reported as one bad line per
/// file.
///
/// Errors: a missing or unreadable path, and a record of a later schema; each names the file.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Recording> {
    let mut recording = Recording::default();
    let mut seen = HashSet::new();
    let mut places = HashMap::new();
    for path in paths {
        let file = if path.is_dir() { path.join(RECORDS) } else { path.clone() };
        let canonical = fs::canonicalize(&file).with_context(|| format!("cannot find {}", file.display()))?;
        if seen.insert(canonical) {
            read_file(&file, &mut recording, &mut places)?;
        }
    }
    Ok(recording)
}

fn read_file(file: &Path, into: &mut Recording, places: &mut Places) -> anyhow::Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut repeats = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(line) {
            Ok(record) => {
                if !keep(record, into, places) {
                    repeats.push(index + 1);
                }
            }
            Err(Refusal::Later(schema)) => bail!(
                "{} line {}: this record has form {schema}, and this suite reads forms up to {SCHEMA}; \
                 read it with the suite that wrote it, or a later one",
                file.display(),
                index + 1
            ),
            Err(Refusal::Bad(why)) => {
                into.bad_lines.push(BadLine { file: file.to_owned(), line: index + 1, why });
            }
        }
    }
    if let Some(&line) = repeats.first() {
        let why = format!("{} records from here on repeat ones read before, and count once", repeats.len());
        into.bad_lines.push(BadLine { file: file.to_owned(), line, why });
    }
    Ok(())
}

/// Whether `later` counts instead of `earlier`, a record of the same run, case and repetition: the last attempt that was
/// not disturbed counts, else the last one. A failed attempt is replaced by any that comes after it.
pub fn supersedes(later: &Record, earlier: &Record) -> bool {
    let disturbed = |record: &Record| record.outcome.verdict == Some(Verdict::Disturbed);
    earlier.outcome.status == Status::Failed
        || later.attempt >= earlier.attempt && (disturbed(earlier) || !disturbed(later))
}

/// The records of one run that count, one for each case and repetition, by [`supersedes`].
pub fn counting(records: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let (mut recording, mut places) = (Recording::default(), Places::new());
    for record in records {
        keep(record, &mut recording, &mut places);
    }
    recording.records
}

/// Number of repetitions that were tried again, and of those that were undisturbed in the end, among records that count.
pub fn tried_again(records: &[Record]) -> (usize, usize) {
    let tried = || records.iter().filter(|record| record.attempt > 0);
    (tried().count(), tried().filter(|record| record.outcome.verdict != Some(Verdict::Disturbed)).count())
}

/// Stores a record, if it counts. Returns false for a repeat of an attempt that did not fail.
fn keep(record: Record, into: &mut Recording, places: &mut Places) -> bool {
    let next = into.records.len();
    let place = *places.entry((record.run_id.clone(), record.case_key.clone(), record.repetition)).or_insert(next);
    let Some(earlier) = into.records.get_mut(place) else {
        into.records.push(record);
        return true;
    };
    let another = earlier.outcome.status == Status::Failed || record.attempt > earlier.attempt;
    if supersedes(&record, earlier) {
        *earlier = record;
    }
    another
}

enum Refusal {
    Later(u32),
    Bad(String),
}

fn parse(line: &[u8]) -> Result<Record, Refusal> {
    /// The key that every schema has.
    #[derive(Deserialize)]
    struct Form {
        schema: u32,
    }
    let form: Form = serde_json::from_slice(line).map_err(|e| Refusal::Bad(e.to_string()))?;
    if form.schema > SCHEMA {
        return Err(Refusal::Later(form.schema));
    }
    let record: Record = serde_json::from_slice(line).map_err(|e| Refusal::Bad(e.to_string()))?;
    match record.outcome.contradiction(&record.case, record.count.messages) {
        Some(why) => Err(Refusal::Bad(format!("its numbers cannot be true: {why}"))),
        None => Ok(record),
    }
}
