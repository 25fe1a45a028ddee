//! Calls of the command.

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

/// Runs the command in `folder` and returns its output.
pub fn ipcmark(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the command exists")
}

/// A temporary directory, removed at the end of the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Its stderr as text.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Its stdout as text.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
