//! The keeper: a small process that applies a setting before a trial and restores it afterwards, whatever happens.
//!
//! It runs all commands one after the other, so a restore never overtakes the command before it. End of file on its stdin
//! means that `ipcmark ab` has ended, perhaps killed; then it restores what is still applied. It is in a session of its
//! own, so that Ctrl-C does not reach it, and it survives the signals that ask to end. If a restore fails with nobody left
//! to be told, the reason goes into the file [`FAILED`].

use std::ffi::OsStr;
use std::io::{self, BufReader, Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ipcmark::protocol;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::PidfdFlags;
use serde::{Deserialize, Serialize};

use crate::janitor::apart;
use crate::signals::Signals;

/// File in the directory of an `ab` run: why a restore failed after `ab` was killed.
pub const FAILED: &str = "restore-failed.txt";
/// The hidden first argument.
const KEEPER: &str = "keeper";
/// Time limit of a command.
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of a command's output that are shown.
const SHOWN: u64 = 400;

#[derive(Serialize, Deserialize)]
enum Ask {
    Apply { command: String, restore: String },
    Restore,
}

/// The keeper, as `ab` sees it. Dropping it waits until everything is restored.
#[derive(Debug)]
pub struct Keeper {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Keeper {
    /// Starts `program` as the keeper of the run in `directory`.
    pub fn start(program: &Path, directory: &Path) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory)?;
        let mut child = apart(program, KEEPER, &directory)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the keeper of settings")?;
        let (to, from) = child.stdin.take().zip(child.stdout.take()).context("the keeper has no pipes")?;
        Ok(Self { child, to: Some(to), from: BufReader::new(from) })
    }

    /// Runs `command`; from now on `restore` is due.
    ///
    /// Errors: the command failed. Nevertheless the setting is to be restored.
    pub fn apply(&mut self, command: &str, restore: &str) -> anyhow::Result<()> {
        self.ask(&Ask::Apply { command: command.to_owned(), restore: restore.to_owned() })
            .with_context(|| format!("the command before a trial failed: `{command}`"))
    }

    /// Restores the setting.
    ///
    /// Errors: the command failed, so the setting may still be applied.
    pub fn restore(&mut self, restore: &str) -> anyhow::Result<()> {
        self.ask(&Ask::Restore).with_context(|| {
            format!("the setting may still be applied, since the command to restore it failed: `{restore}`")
        })
    }

    fn ask(&mut self, ask: &Ask) -> anyhow::Result<()> {
        let to = self.to.as_mut().context("the keeper of settings has ended")?;
        protocol::send(to, ask).context("the keeper of settings has ended")?;
        let result: Result<(), String> =
            protocol::receive(&mut self.from).context("the keeper of settings has ended")?;
        result.map_err(anyhow::Error::msg)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}

/// Runs the keeper and exits if this process was started as one. Called early in `main`.
pub fn run_if_keeper() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(KEEPER)) {
        return;
    }
    let Some(directory) = arguments.next() else { return };
    // Signals that ask to end only set a flag.
    let _signals = Signals::listen();
    keep(&PathBuf::from(directory));
    std::process::exit(0)
}

fn keep(directory: &Path) {
    let mut asked = io::stdin().lock();
    let mut due: Option<String> = None;
    while let Ok(ask) = protocol::receive::<Ask>(&mut asked) {
        let command = match ask {
            Ask::Apply { command, restore } => {
                due = Some(restore);
                Some(command)
            }
            Ask::Restore => due.take(),
        };
        let result = command.map_or(Ok(()), |command| perform(&command)).map_err(|error| format!("{error:#}"));
        // If `ab` has ended meanwhile, so does the loop.
        let _ = protocol::send(&mut io::stdout(), &result);
    }
    if let Some(restore) = due
        && let Err(error) = perform(&restore)
    {
        let text = format!("`{restore}` failed: {error:#}\n");
        let _ = std::fs::write(directory.join(FAILED), text);
    }
}

/// Runs a command line in the shell.
///
/// Errors: its status with the end of its output, or that it did not end in time.
fn perform(line: &str) -> anyhow::Result<()> {
    let mut output = tempfile::tempfile().context("no temporary file for its output")?;
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).process_group(0).stdin(Stdio::null());
    command.stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = command.spawn().context("cannot start the shell")?;
    let ended = ends_within(&child, LIMIT);
    if !matches!(ended, Ok(true)) {
        let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    }
    let status = child.wait()?;
    if !ended? {
        bail!("it did not end within {} s and was killed", LIMIT.as_secs());
    }
    if status.success() {
        return Ok(());
    }
    let length = output.metadata()?.len();
    output.seek(io::SeekFrom::Start(length.saturating_sub(SHOWN)))?;
    let mut said = vec![];
    output.read_to_end(&mut said)?;
    bail!("{status}: {}", String::from_utf8_lossy(&said).trim())
}

fn ends_within(child: &Child, limit: Duration) -> anyhow::Result<bool> {
    let pid = rustix::process::Pid::from_child(child);
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).context("cannot watch it")?;
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    loop {
        match poll(&mut [PollFd::new(std::os::fd::AsFd::as_fd(&pidfd), PollFlags::POLLIN)], limit) {
            Ok(events) => return Ok(events > 0),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
