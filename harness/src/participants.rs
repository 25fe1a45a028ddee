//! Participants: programs in other languages that follow the worker protocol and run in place of this one. They are declared
//! in the built-in `participants.toml` and in files of the user, and asked once for their version.
//!
//! Errors in a file name the line and the accepted values, as for plans.

mod probe;
mod source;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow};
use ipcmark::family::{self, Variant};

use self::source::Source;
use crate::plan::{Text, text};
use crate::supervise::Program;

/// The built-in file.
const EMBEDDED: (&str, &str) = ("participants.toml", include_str!("../participants.toml"));

/// The built-in adapters, by name.
const ADAPTERS: &[(&str, &str)] = &[("ipcmark_worker.py", include_str!("../adapters/python/ipcmark_worker.py"))];

/// Stands for the adapter's path in a participant's command.
const ADAPTER: &str = "{adapter}";

/// Every participant, probed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Participants(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    participants: Vec<Participant>,
    variants: Vec<Variant>,
}

/// One program, and how to start it.
#[derive(Debug)]
struct Participant {
    name: String,
    /// As its probe printed it.
    version: Option<String>,
    command: Vec<String>,
    adapter: Option<Adapter>,
}

/// The script that an interpreter runs.
#[derive(Clone, Debug)]
enum Adapter {
    /// Written into the run's directory when it is needed.
    BuiltIn(&'static str, &'static str),
    /// Used where it is.
    File(PathBuf),
}

impl Participants {
    /// The built-in participants, probed once per process.
    ///
    /// # Panics
    ///
    /// If the built-in file is broken, which a test excludes.
    pub fn embedded() -> Self {
        static ONCE: OnceLock<Participants> = OnceLock::new();
        let read = || Self::of(&[]).expect("the participants built in are well formed");
        ONCE.get_or_init(read).clone()
    }

    /// The built-in participants and those of `files`.
    ///
    /// Errors: the first mistake, with file, line and accepted values.
    pub fn with(files: &[Text]) -> anyhow::Result<Self> {
        if files.is_empty() { Ok(Self::embedded()) } else { Self::of(files) }
    }

    fn of(files: &[Text]) -> anyhow::Result<Self> {
        let mut known = Known::default();
        let built_in = Text { file: EMBEDDED.0.to_owned(), text: EMBEDDED.1.to_owned() };
        for text in std::iter::once(&built_in).chain(files) {
            Source::read(text)?.add_to(&mut known)?;
        }
        Ok(Self(Arc::new(known)))
    }

    /// Reads a file of the user. Its path is made absolute, so that a run can be resumed from another directory.
    ///
    /// Errors: there is no such file.
    pub fn read(path: &Path) -> anyhow::Result<Text> {
        let shown = path.display();
        let text = text::read_file("file of participants", path)?;
        let file = std::path::absolute(path).with_context(|| format!("`{shown}` is no path"))?;
        Ok(Text { file: file.display().to_string(), text })
    }

    /// The participants' variants, with the reason for each that this machine cannot run.
    pub fn variants(&self) -> &[Variant] {
        &self.0.variants
    }

    /// All variants, this program's first.
    pub fn all_variants(&self) -> Vec<Variant> {
        let mut all = family::variants();
        all.extend_from_slice(self.variants());
        all
    }

    /// Version of the participant `name`, if its probe printed one.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.0.participants.iter().find(|participant| participant.name == name)?.version.as_deref()
    }

    /// The command of the participant `name`. A built-in adapter is written to the run's directory `home`.
    ///
    /// Errors: there is no such participant, or the adapter cannot be written.
    pub(crate) fn program(&self, name: &str, home: &Path) -> anyhow::Result<Program> {
        let found = self.0.participants.iter().find(|participant| participant.name == name);
        let participant = found.ok_or_else(|| anyhow!("there is no participant `{name}`"))?;
        let adapter = participant.adapter.as_ref().map(|adapter| adapter.path_in(home)).transpose()?;
        let with_adapter = |word: &String| match &adapter {
            Some(path) if word == ADAPTER => path.clone().into_os_string(),
            _ => OsString::from(word),
        };
        let mut words = participant.command.iter().map(with_adapter);
        let file = words.next().ok_or_else(|| anyhow!("the command of `{name}` is empty"))?.into();
        Ok(Program { file, arguments: words.collect(), shown_as: None })
    }
}

impl Adapter {
    fn path_in(&self, home: &Path) -> anyhow::Result<PathBuf> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::BuiltIn(name, text) => {
                let path = home.join(name);
                if !path.exists() {
                    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                }
                Ok(path)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let text = Text { file: "mine.toml".into(), text: text.into() };
        Participants::with(&[text]).expect_err("something is wrong").to_string()
    }

    const HEAD: &str = "[[participants]]\nname = \"mine\"\ncommand = [\"true\"]\n";

    fn row(line: &str) -> String {
        let row = "[[participants.variants]]\nfamily = \"transport\"\nmechanism = \"mine-pipe\"\nsummary = \"x\"\ngroup = \"pipes\"\n";
        format!("{HEAD}{row}{line}\n")
    }

    #[test]
    fn the_built_in_participants_are_well_formed() {
        let all = Participants::embedded();
        assert!(!all.variants().is_empty());
        assert!(all.variants().iter().all(|row| row.program == Some("python")));
        let runs = all.variants().iter().all(|row| row.unavailable.is_none());
        assert_eq!(all.version("python").is_some_and(|version| version.starts_with("3.")), runs);
        let home = tempfile::tempdir().expect("a folder");
        let program = all.program("python", home.path()).expect("it is known");
        let adapter = PathBuf::from(program.arguments.last().expect("the adapter"));
        assert!(adapter.starts_with(home.path()) && adapter.exists());
    }

    #[test]
    fn errors_name_the_line() {
        for (text, due) in [
            ("nonsense = 1".to_owned(), "mine.toml:1: unknown key `nonsense`"),
            (String::new(), "no participants; add at least one [[participants]] block"),
            (HEAD.replace("[\"true\"]", "[]"), "mine.toml:3: `command` is empty"),
            (HEAD.replace("mine", "python"), "mine.toml:2: there is a participant `python` already"),
            (HEAD.to_owned(), "mine.toml:2: `mine` has no variants"),
            (row("measures = [\"strem\"]"), "mine.toml:9: unknown measure `strem`; did you mean `stream`?"),
            (row("measures = []"), "mine.toml:9: `measures` is an empty list"),
            (row("measures = [\"stream\"]\nwait = \"nap\""), "mine.toml:10: unknown kind of wait `nap`"),
            (
                row("measures = [\"stream\"]").replace("\"transport\"", "\"transports\""),
                "mine.toml:5: unknown family `transports`; did you mean `transport`?",
            ),
            (
                row("measures = [\"stream\"]").replace("mine-pipe", "python-pipe"),
                "mine.toml:6: the family `transport` has a `python-pipe/block` already",
            ),
            (
                row("measures = [\"stream\"]").replace("[\"true\"]", "[\"sh\", \"{adapter}\"]"),
                "mine.toml:3: `command` names `{adapter}`, but `adapter` is missing",
            ),
        ] {
            let said = wrong(&text);
            assert!(said.contains(due), "{said}\nwhere this was due: {due}");
        }
    }

    #[test]
    fn a_program_that_is_missing_or_too_old_makes_its_rows_unavailable() {
        for (probe, due) in [
            ("command = [\"ipcmark-no-such-program\"]", "`ipcmark-no-such-program` cannot be started"),
            (
                "command = [\"sh\", \"-c\", \"echo 3.8.10\"]\nat_least = \"3.9\"",
                "it is version 3.8.10, and 3.9 is wanted",
            ),
            ("command = [\"sh\", \"-c\", \"exit 3\"]", "ended with status 3"),
            ("command = [\"sh\", \"-c\", \"echo so\"]\nat_least = \"3.9\"", "`so` is no version"),
        ] {
            let text = row("measures = [\"stream\"]").replace(
                "[[participants.variants]]",
                &format!("[participants.probe]\n{probe}\n[[participants.variants]]"),
            );
            let text = Text { file: "mine.toml".into(), text };
            let all = Participants::with(&[text]).expect("well formed");
            let mine = all.variants().iter().find(|row| row.mechanism == "mine-pipe").expect("my row");
            let why = mine.unavailable.as_deref().unwrap_or("it is available");
            assert!(why.starts_with("mine: ") && why.contains(due), "{why}\nwhere this was due: {due}");
        }
    }
}
