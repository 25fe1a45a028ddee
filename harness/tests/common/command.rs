//! Calls of the command.

use std::path::{Path, PathBuf};
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

/// Path of an example, which `cargo test` builds beside the command.
pub fn example_path(name: &str) -> PathBuf {
    let program = Path::new(PROGRAM).with_file_name("examples").join(name);
    assert!(program.exists(), "{} is not built; `cargo build -p ipcmark-harness --examples`", program.display());
    program
}

/// Runs an example in `folder` and returns its output.
pub fn example(name: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(example_path(name)).args(arguments).current_dir(folder).output().expect("the example starts")
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
