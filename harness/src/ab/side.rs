//! One side of a comparison in turns: `PROGRAM run --turns` as a child process.

use std::io::{BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail, ensure};
use ipcmark::protocol;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::Stopped;
use crate::run::turns::{Answer, Offer, Request};
use crate::signals::Signals;
use crate::store::{RECORDS, SETTINGS};
use crate::supervise::die_with_caller;

/// How a side is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Program with its leading arguments; this program when absent.
    pub program: Option<String>,
    /// Environment variables, each as `KEY=VALUE`.
    #[serde(default)]
    pub env: Vec<String>,
    /// Command line before each trial, and the one that restores the setting afterwards.
    #[serde(default)]
    pub setting: Option<(String, String)>,
}

impl Variant {
    /// `./ipcmark-new`, `this program with IPCMARK=1`.
    pub fn in_words(&self) -> String {
        let mut words = self.program.clone().unwrap_or_else(|| "this program".to_owned());
        if !self.env.is_empty() {
            words = format!("{words} with {}", self.env.join(" "));
        }
        match &self.setting {
            Some((before, _)) => format!("{words} after `{before}`"),
            None => words,
        }
    }

    /// Program and leading arguments.
    fn command(&self) -> anyhow::Result<Command> {
        let Some(line) = &self.program else {
            return Ok(Command::new(std::env::current_exe().context("cannot find this program")?));
        };
        if Path::new(line).is_file() {
            return Ok(Command::new(std::path::absolute(line)?));
        }
        let mut words = line.split_ascii_whitespace();
        let mut command = Command::new(words.next().context("an empty command is no program")?);
        command.args(words);
        Ok(command)
    }
}

/// A running side.
#[derive(Debug)]
pub struct Side {
    /// `A` or `B`.
    name: &'static str,
    child: Child,
    /// Closed to end it.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Its run.
    pub run_id: String,
    /// Its cases.
    pub cases: Vec<Offer>,
    /// Its directory.
    pub directory: PathBuf,
}

impl Side {
    /// Starts a side with the arguments of a new run, or resumes the run in `directory`, and waits for its floors.
    pub fn start(
        name: &'static str,
        variant: &Variant,
        directory: &Path,
        arguments: &[String],
        signals: &Signals,
    ) -> Result<Self, Stopped> {
        let mut command = variant.command()?;
        command.args(["run", "--turns", "--quiet"]);
        if directory.join(SETTINGS).exists() {
            command.arg("--resume").arg(directory);
        } else {
            command.args(arguments).arg("--out").arg(directory);
        }
        for pair in &variant.env {
            let (key, value) = pair.split_once('=').with_context(|| format!("`{pair}` is not KEY=VALUE"))?;
            command.env(key, value);
        }
        // Ctrl-C reaches this process only, which ends both sides and restores what is applied.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        die_with_caller(&mut command);
        let program = command.get_program().display().to_string();
        let mut child = command.spawn().with_context(|| {
            format!("side {name}: cannot start `{program}`; name a program in PATH, or its path, such as ./ipcmark")
        })?;
        let (to, from) = child.stdin.take().zip(child.stdout.take()).context("a child without pipes")?;
        let from = BufReader::new(from);
        let mut side = Self {
            name,
            child,
            to: Some(to),
            from,
            run_id: String::new(),
            cases: vec![],
            directory: directory.to_owned(),
        };
        match side.answer(signals)? {
            Answer::Ready { run_id, cases } => (side.run_id, side.cases) = (run_id, cases),
            Answer::Done { .. } => {
                return Err(Stopped::Failed(anyhow::anyhow!("side {name} answered before it was asked")));
            }
        }
        Ok(side)
    }

    /// Runs one trial, and returns why it has no numbers, if so.
    pub fn trial(&mut self, request: &Request, signals: &Signals) -> Result<Option<String>, Stopped> {
        let sent = self.to.as_mut().map(|to| protocol::send(to, request));
        if !matches!(sent, Some(Ok(()))) {
            return Err(Stopped::Failed(self.ended()));
        }
        match self.answer(signals)? {
            Answer::Done { why } => Ok(why),
            Answer::Ready { .. } => Err(Stopped::Failed(anyhow::anyhow!("side {} started again by itself", self.name))),
        }
    }

    fn answer(&mut self, signals: &Signals) -> Result<Answer, Stopped> {
        if self.from.buffer().is_empty() && !signals.readable(self.from.get_ref()).context("cannot wait")? {
            return Err(Stopped::Interrupted);
        }
        match protocol::receive(&mut self.from) {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Stopped::Failed(self.ended())),
            Err(error) => Err(Stopped::Failed(anyhow::Error::new(error).context(format!(
                "side {} answers with something else than a line of `ipcmark run --turns`",
                self.name
            )))),
        }
    }

    /// That it has ended, in words.
    fn ended(&mut self) -> anyhow::Error {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let hint = if self.run_id.is_empty() {
            "; its message is above. Both sides must be versions of ipcmark that have the command `ab`"
        } else {
            "; its message is above"
        };
        anyhow::anyhow!("side {} ended too early ({status}){hint}", self.name)
    }

    /// Asks it to end at once, unless it has ended.
    fn abort(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        }
    }

    /// Ends it: it saves its records and draws its page. With `now`, it aborts the trial that is running.
    ///
    /// Errors: it failed.
    pub fn end(mut self, now: bool) -> anyhow::Result<()> {
        self.to = None;
        if now {
            self.abort();
        }
        // What it may still have to say is for nobody.
        let _ = self.from.read_to_end(&mut vec![]);
        let status: ExitStatus = self.child.wait()?;
        ensure!(now || status.success(), "side {} could not finish its run ({status})", self.name);
        if !now && !self.directory.join(RECORDS).exists() {
            bail!("side {} left no records in {}", self.name, self.directory.display());
        }
        Ok(())
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.to = None;
        self.abort();
        let _ = self.child.wait();
    }
}
