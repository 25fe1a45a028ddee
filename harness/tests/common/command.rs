//! The command as a test calls it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::PROGRAM;

/// The command in `folder`.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder);
    command
}

/// What the command did in `folder`.
pub fn ipcmark(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the command exists")
}

/// A directory that goes with the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What it said on stderr.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it printed on stdout.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
