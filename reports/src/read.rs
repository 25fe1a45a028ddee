//! Reader of recordings: whole records are used, all else is reported, and later schemas are refused.
//!
//! A killed run or a full disk leaves incomplete records; all complete ones are still read. So are those beside a record
//! whose numbers cannot be true, which is left out by line and reason: the others are no worse for it. Only what cannot be
//! opened, or comes from a later suite, is an error.
//!
//! A recording is read in one pass, so that it may be a pipe, and of its text only one record is in memory at a time.

mod objects;
mod parse;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Display};
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use ipcmark_record::line::{Decoder, Line};
use ipcmark_record::{Outcome, Record, SCHEMA, Status, Verdict};

use objects::{Content, Objects};
use parse::{Refusal, not_a_record, parse, parse_joined};

use crate::identity;

/// Bad lines reported for one file, after which they are only counted.
const BAD_LINES_MAX: usize = 5;

/// Contents of one or more files.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Valid records, file by file, in the order written.
    pub records: Vec<Record>,
    /// Invalid lines.
    pub bad_lines: Vec<BadLine>,
}

impl Recording {
    /// Machines of the records: host names, processor, kernel.
    pub fn machines(&self) -> BTreeSet<String> {
        identity::named(&self.records)
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

impl Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {} is left out: {}", self.file.display(), self.line, self.why)
    }
}

/// Index in the recording by run, case key and repetition.
type Places = HashMap<(String, String, u32), usize>;

/// Reads files, pipes and `-`, the standard input; run directories with a `records.jsonl`, and directories of such; plain
/// or compressed with gzip or zstd. A file named twice is read once. Of several records of one run, case and repetition one
/// counts, by [`supersedes`]; repeats of successful trials are reported as one bad line per file.
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

/// Gives each record at `paths` to `each`, with its file and line, as soon as it is read. No more than one is in memory at a
/// time, apart from those whose run or case line comes later. Records of one run, case and repetition are all given; see
/// [`supersedes`]. Returns the bad lines.
///
/// Errors: as those of [`read`].
pub fn visit(paths: &[PathBuf], each: &mut dyn FnMut(Record, &Path, usize)) -> anyhow::Result<Vec<BadLine>> {
    let mut reader = Reader::default();
    let mut seen = HashSet::new();
    for path in paths {
        for file in source::files(path)? {
            // A pipe has no name of its own.
            let is_new = fs::canonicalize(&file).map_or(true, |canonical| seen.insert(canonical));
            if is_new {
                reader.read(&file, source::open(&file)?, each)?;
            }
        }
    }
    Ok(reader.finish())
}

/// Reads recordings, which may be joined or cut anywhere.
#[derive(Debug, Default)]
pub struct Reader {
    decoder: Decoder<At>,
    bad_lines: Vec<BadLine>,
}

/// File and line.
type At = (Arc<Path>, usize);

impl Reader {
    /// Reads one stream, which bad lines call `file`.
    ///
    /// Errors: it cannot be read, or has a record of a later schema.
    pub fn read(
        &mut self,
        file: &Path,
        input: impl BufRead,
        each: &mut dyn FnMut(Record, &Path, usize),
    ) -> anyhow::Result<()> {
        let shown = file.display();
        let at: Arc<Path> = file.into();
        let mut objects = Objects::new(input);
        let (mut bad, mut lines) = (vec![], 0);
        while let Some(piece) = objects.next(|text| parse(text).ok()).with_context(|| format!("cannot read {shown}"))? {
            let (found, refusals) = match piece.content {
                Content::Line(line) => (vec![line], vec![]),
                Content::Object(text) => parse_joined(&text),
                Content::Other(text) => (vec![], vec![not_a_record(&text)]),
            };
            for refusal in refusals {
                match refusal {
                    Refusal::Later(schema) => bail!(
                        "{shown} line {}: this record has form {schema}, and this suite reads forms up to {SCHEMA}; \
                         read it with the suite that wrote it, or a later one",
                        piece.line
                    ),
                    Refusal::Bad(why) => bad.push(BadLine { file: file.to_owned(), line: piece.line, why }),
                }
            }
            lines += found.len();
            for line in found {
                self.add(line, (at.clone(), piece.line), &mut bad, each);
            }
        }
        if let Some(what) = source::looks_like(&objects.head).filter(|_| lines == 0 && !bad.is_empty()) {
            let why = format!("there is no record in this file; it looks like {what}");
            bad = vec![BadLine { file: file.to_owned(), line: 1, why }];
        }
        self.bad_lines.extend(shortened(bad));
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

    fn add(&mut self, line: Line, at: At, bad: &mut Vec<BadLine>, each: &mut dyn FnMut(Record, &Path, usize)) {
        self.decoder.add(line, at, &mut |record, (file, line)| match record.and_then(possible) {
            Ok(record) => each(record, &file, line),
            Err(why) => bad.push(BadLine { file: file.to_path_buf(), line, why }),
        });
    }
}

/// What is bad in a file: one report for each line, and after some lines only their number.
fn shortened(mut bad: Vec<BadLine>) -> Vec<BadLine> {
    bad.dedup_by(|later, earlier| later.line == earlier.line && later.file == earlier.file);
    if bad.len() > BAD_LINES_MAX {
        let more = bad.split_off(BAD_LINES_MAX - 1);
        let why = format!("{} lines from here on hold no record, or a damaged one", more.len());
        bad.extend(more.into_iter().next().map(|first| BadLine { why, ..first }));
    }
    bad
}

/// The record, if its numbers can be true.
fn possible(record: Record) -> Result<Record, String> {
    match record.outcome.contradiction(&record.case, record.count.messages) {
        Some(why) => Err(format!("its numbers cannot be true: {why}")),
        None => Ok(record),
    }
}

/// Whether `later` counts instead of `earlier`, a record of the same run, case and repetition. The last attempt that was
/// not disturbed counts, else the last one; a failed attempt is replaced by any that comes after it.
pub fn supersedes(later: &Record, earlier: &Record) -> bool {
    Attempt::of(later).supersedes(Attempt::of(earlier))
}

/// What decides between attempts at one repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    number: u32,
    failed: bool,
    disturbed: bool,
}

impl Attempt {
    /// The attempt that a record is.
    pub(crate) fn of(record: &Record) -> Self {
        let Outcome { status, verdict, .. } = &record.outcome;
        let (failed, disturbed) = (*status == Status::Failed, *verdict == Some(Verdict::Disturbed));
        Self { number: record.attempt, failed, disturbed }
    }

    /// The rule of [`supersedes`].
    pub(crate) fn supersedes(self, earlier: Self) -> bool {
        earlier.failed || self.number >= earlier.number && (earlier.disturbed || !self.disturbed)
    }
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
