//! Where a run is kept: `records.jsonl`, one line per trial as soon as it exists, below those of the run and the case, and
//! `run.json`, what `--resume` needs to go on.
//!
//! A crash loses at most one trial. The file is locked while a run writes it, so that a second run, or a resume of a run in
//! progress, cannot add lines.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use ipcmark::record::Record;
use ipcmark::record::line::Encoder;
use ipcmark_reports::Reader;
use serde::{Deserialize, Serialize};

use crate::plan::Text;

/// Name of the records file inside a run's directory.
pub const RECORDS: &str = "records.jsonl";
/// Name of the page drawn from the records.
pub const PAGE: &str = "index.html";
/// Name of the file with the run's options.
pub const SETTINGS: &str = "run.json";

/// Marks the pages that ipcmark wrote.
const GENERATOR: &str = r#"<meta name="generator" content="ipcmark">"#;

/// Options of a run: everything that determines its schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Names the run in records and leases.
    pub run_id: String,
    /// The plan as it was.
    pub plan: Text,
    /// Files of participants beside those built in, as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Text>,
    /// Its hash as run, changes applied.
    pub plan_hash: String,
    /// `--only`.
    pub only: Option<String>,
    /// `--placement`.
    pub placement: Option<String>,
    /// `--repetitions`.
    pub repetitions: Option<u32>,
    /// `--until-stable`.
    #[serde(default)]
    pub until_stable: Option<String>,
    /// `--budget`.
    #[serde(default)]
    pub budget: Option<String>,
    /// Seed of the shuffle.
    pub seed: u64,
    /// Time that disturbed trials may take when they are tried again.
    #[serde(default)]
    pub retry_budget_ms: u64,
    /// Time spent on trying again so far.
    #[serde(default)]
    pub retried_ms: u64,
    /// Time spent on added repetitions so far.
    #[serde(default)]
    pub added_ms: u64,
}

/// An open records file.
#[derive(Debug)]
pub struct Store {
    file: File,
    directory: PathBuf,
    encoder: Encoder,
}

/// A run found in a directory, ready to be continued.
#[derive(Debug)]
pub struct Resumed {
    /// Open at its end.
    pub store: Store,
    /// How it was called.
    pub settings: Settings,
    /// Every good line.
    pub records: Vec<Record>,
    /// What was wrong with the file, in sentences for the user.
    pub notes: Vec<String>,
}

impl Store {
    /// Makes `directory` and an empty records file in it.
    ///
    /// Errors: the directory holds a run already, or cannot be written.
    pub fn create(directory: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let shown = directory.display();
        let other = "is not ours to replace; name another directory with --out";
        match fs::read(directory.join(SETTINGS)) {
            Ok(text) => {
                let ours = serde_json::from_slice::<Settings>(&text).is_ok();
                ensure!(ours, "{} {other}", directory.join(SETTINGS).display());
            }
            Err(error) => ensure!(is_absent(&error), "{}: {error}; it {other}", directory.join(SETTINGS).display()),
        }
        claim_page(directory)?;
        fs::create_dir_all(directory).with_context(|| format!("cannot make the directory {shown}"))?;
        let store = Self::open(directory)?;
        let length = store.file.metadata().map_or(0, |metadata| metadata.len());
        ensure!(
            length == 0,
            "{shown} holds a run already; continue it with `--resume {shown}`, or name another directory with --out"
        );
        store.save(settings)?;
        Ok(store)
    }

    /// Writes the settings. A temporary file is renamed, so that a full disk keeps the earlier ones.
    ///
    /// Errors: the disk is full, or the like.
    pub fn save(&self, settings: &Settings) -> anyhow::Result<()> {
        let path = self.directory.join(SETTINGS);
        let unfinished = self.directory.join(format!(".{SETTINGS}.tmp"));
        let text = serde_json::to_vec_pretty(settings).context("cannot put the run's settings into JSON")?;
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &path));
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads what a run left in `directory`, and drops a last line that was cut short.
    ///
    /// Errors: no run there, a run that is still going, unreadable files, or records of a later form.
    pub fn resume(directory: &Path) -> anyhow::Result<Resumed> {
        let shown = directory.display();
        ensure!(directory.is_dir(), "there is no run to resume: the directory {shown} is missing");
        ensure!(directory.join(SETTINGS).is_file(), "there is no run to resume in {shown}: it holds no {SETTINGS}");
        let text = fs::read(directory.join(SETTINGS)).with_context(|| format!("cannot read {shown}/{SETTINGS}"))?;
        let settings: Settings =
            serde_json::from_slice(&text).with_context(|| format!("cannot understand {shown}/{SETTINGS}"))?;
        let mut store = Self::open(directory)?;
        let mut bytes = vec![];
        store.file.seek(SeekFrom::Start(0)).context("cannot read the records")?;
        store.file.read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}/{RECORDS}"))?;
        let mut notes = vec![];
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        if whole < bytes.len() {
            store.file.set_len(whole as u64).with_context(|| format!("cannot repair {shown}/{RECORDS}"))?;
            notes.push("the last line was cut short and is dropped".to_owned());
        }
        let (mut reader, mut records) = (Reader::default(), vec![]);
        let read = reader.read(Path::new(RECORDS), &bytes[..whole], &mut |record, _, _| records.push(record));
        read.with_context(|| format!("cannot resume {shown}"))?;
        store.encoder = Encoder::after(reader.free(&settings.run_id));
        notes.extend(reader.finish().iter().map(ToString::to_string));
        Ok(Resumed { store, settings, records, notes })
    }

    /// Writes one record at once, and before it the lines of its run and its case where they are new.
    ///
    /// Errors: the disk is full, or the like.
    pub fn append(&mut self, record: &Record) -> anyhow::Result<()> {
        let mut text = vec![];
        for line in self.encoder.lines(record) {
            serde_json::to_writer(&mut text, &line).context("cannot put a record into JSON")?;
            text.push(b'\n');
        }
        self.file.write_all(&text).with_context(|| format!("cannot write to {}", self.records().display()))
    }

    /// Waits until every line is on the disk.
    pub fn finish(&self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("cannot save {}", self.records().display()))
    }

    /// The run's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn records(&self) -> PathBuf {
        self.directory.join(RECORDS)
    }

    /// Opens the records file for appending and locks it for as long as it stays open.
    fn open(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(RECORDS);
        let shown = path.display();
        let file = OpenOptions::new().create(true).read(true).append(true).open(&path);
        let file = file.with_context(|| format!("cannot write {shown}"))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("another ipcmark is writing {shown}; wait for it, or use another directory")
            }
            // Some network file systems have no locks; a run there is better than none.
            Ok(()) | Err(TryLockError::Error(_)) => {
                Ok(Self { file, directory: directory.to_owned(), encoder: Encoder::default() })
            }
        }
    }
}

/// Checks that the report's page in `directory` may be replaced.
///
/// Errors: there is a page that ipcmark did not write, or one that cannot be read.
pub fn claim_page(directory: &Path) -> anyhow::Result<()> {
    let page = directory.join(PAGE);
    match fs::read(&page) {
        Ok(text) => ensure!(
            String::from_utf8_lossy(&text).contains(GENERATOR),
            "{} was not drawn by ipcmark, so it is not replaced; name another directory with --out",
            page.display()
        ),
        Err(error) => ensure!(is_absent(&error), "cannot draw {}: {error}", page.display()),
    }
    Ok(())
}

/// Whether the file or its directory is missing.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes what an earlier run left in `directory`, for callers whose every run replaces the one before.
///
/// Errors: a run there is still going, or a file cannot be removed.
pub fn discard(directory: &Path) -> anyhow::Result<()> {
    if !directory.join(RECORDS).exists() {
        return Ok(());
    }
    let store = Store::open(directory)?;
    store.file.set_len(0).with_context(|| format!("cannot empty {}", store.records().display()))?;
    for name in [SETTINGS, PAGE] {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(anyhow!(error).context(format!("cannot remove {}", directory.join(name).display())));
            }
            _ => {}
        }
    }
    Ok(())
}
