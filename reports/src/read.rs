//! Reader of recordings: valid lines are used, invalid ones are reported, and later schemas are refused.
//!
//! A killed run or a full disk leaves incomplete lines; all complete records are still read. So are those beside a record
//! whose numbers cannot be true, which is left out by line and reason: the others are no worse for it. Only a file that cannot be opened, or one from a later suite, is an error.

mod parse;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use ipcmark_record::line::{Decoder, Line};
use ipcmark_record::{Machine, Record, SCHEMA, Status, Verdict};

use parse::{Refusal, parse};

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
    let mut places = HashMap::new();
    let mut repeats: BTreeMap<PathBuf, (usize, usize)> = BTreeMap::new();
    let bad_lines = visit(paths, &mut |record, file, line| {
        if !keep(record, &mut recording, &mut places) {
            repeats.entry(file.to_owned()).or_insert((line, 0)).1 += 1;
        }
    })?;
    let repeats = repeats.into_iter().map(|(file, (line, count))| {
        let why = format!("{count} records from here on repeat ones read before, and count once");
        BadLine { file, line, why }
    });
    recording.bad_lines = bad_lines.into_iter().chain(repeats).collect();
    Ok(recording)
}

/// Gives each record of files or run directories to `each`, with its file and line, as soon as it is read. No more than one
/// is in memory at a time, apart from those whose run or case line comes later. Records of one run, case and repetition are
/// all given; see [`supersedes`]. Returns the bad lines.
///
/// Errors: as those of [`read`].
pub fn visit(paths: &[PathBuf], each: &mut dyn FnMut(Record, &Path, usize)) -> anyhow::Result<Vec<BadLine>> {
    let mut reader = Reader::default();
    let mut seen = HashSet::new();
    for path in paths {
        let file = if path.is_dir() { path.join(RECORDS) } else { path.clone() };
        let canonical = fs::canonicalize(&file).with_context(|| format!("cannot find {}", file.display()))?;
        if seen.insert(canonical) {
            let input = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
            reader.read(&file, BufReader::new(input), each)?;
        }
    }
    Ok(reader.finish())
}

/// Reads recordings, which may be joined or split in any way.
#[derive(Debug, Default)]
pub struct Reader {
    decoder: Decoder<(Arc<Path>, usize)>,
    bad_lines: Vec<BadLine>,
}

impl Reader {
    /// Reads one stream, which bad lines call `file`.
    ///
    /// Errors: it cannot be read, or has a record of a later schema.
    pub fn read(
        &mut self,
        file: &Path,
        mut input: impl BufRead,
        each: &mut dyn FnMut(Record, &Path, usize),
    ) -> anyhow::Result<()> {
        let file: Arc<Path> = file.into();
        let mut text = vec![];
        for number in 1.. {
            text.clear();
            if input.read_until(b'\n', &mut text).with_context(|| format!("cannot read {}", file.display()))? == 0 {
                break;
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(&text) {
                Ok(line) => self.add(line, (file.clone(), number), each),
                Err(Refusal::Later(schema)) => bail!(
                    "{} line {number}: this record has form {schema}, and this suite reads forms up to {SCHEMA}; \
                     read it with the suite that wrote it, or a later one",
                    file.display(),
                ),
                Err(Refusal::Bad(why)) => {
                    self.bad_lines.push(BadLine { file: file.to_path_buf(), line: number, why });
                }
            }
        }
        Ok(())
    }

    /// First numbers of a part and of a case that no line of the run has.
    pub fn free(&self, run_id: &str) -> (u32, u32) {
        self.decoder.free(run_id)
    }

    /// The bad lines, with those of trials whose run or case is missing.
    pub fn finish(self) -> Vec<BadLine> {
        let mut bad_lines = self.bad_lines;
        let mut left: BTreeMap<(PathBuf, String), (usize, usize)> = BTreeMap::new();
        for (run_id, (file, line)) in self.decoder.left() {
            let (first, count) = left.entry((file.to_path_buf(), run_id)).or_insert((line, 0));
            (*first, *count) = (line.min(*first), *count + 1);
        }
        bad_lines.extend(left.into_iter().map(|((file, run_id), (line, count))| {
            let why = format!("{count} records from here on name a line of run {run_id} that is missing");
            BadLine { file, line, why }
        }));
        bad_lines
    }

    fn add(&mut self, line: Line, at: (Arc<Path>, usize), each: &mut dyn FnMut(Record, &Path, usize)) {
        let bad_lines = &mut self.bad_lines;
        self.decoder.add(line, at, &mut |record, (file, line)| match record.and_then(possible) {
            Ok(record) => each(record, &file, line),
            Err(why) => bad_lines.push(BadLine { file: file.to_path_buf(), line, why }),
        });
    }
}

/// The record, if its numbers can be true.
fn possible(record: Record) -> Result<Record, String> {
    match record.outcome.contradiction(&record.case, record.count.messages) {
        Some(why) => Err(format!("its numbers cannot be true: {why}")),
        None => Ok(record),
    }
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
