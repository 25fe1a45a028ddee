//! One stage of the examination in a process of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe;
use std::os::fd::AsFd;

use crate::child::{Child, retry_on_eintr};
use crate::measure::MeasureError;

/// How long a stage may take: some hundred times what it does.
const PATIENCE: Duration = Duration::from_secs(15);
/// Opens a verdict without a fault; how many tasks were checked follows.
const WELL: char = '+';
/// Longer sentences are cut: a verdict fits into the pipe at once.
const VERDICT_BYTES: usize = 4000;

/// Runs `stage` in a process of its own and gives what it found: how many tasks it checked.
///
/// Errors: the stage's own, its end without a verdict, or that it was not over in time; all with its name.
pub(super) fn in_a_process(name: &str, stage: impl FnOnce() -> Result<u64, MeasureError>) -> Result<u64, MeasureError> {
    let (ours, theirs) = pipe().map_err(std::io::Error::from)?;
    let mut theirs = File::from(theirs);
    let mut child = Child::start(|| {
        let verdict = match stage() {
            Ok(tasks) => format!("{WELL}{tasks}"),
            Err(trouble) => trouble.to_string(),
        };
        // Who cannot tell is heard by its silence.
        let _ = theirs.write_all(&verdict.as_bytes()[..verdict.len().min(VERDICT_BYTES)]);
    })?;
    drop(theirs);
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    let heard = retry_on_eintr(|| poll(&mut [PollFd::new(ours.as_fd(), PollFlags::POLLIN)], timeout));
    if heard.map_err(std::io::Error::from)? == 0 {
        return Err(format!("{name}: not over within {} seconds", PATIENCE.as_secs()).into());
    }
    let mut verdict = vec![0; VERDICT_BYTES];
    let length = File::from(ours).read(&mut verdict)?;
    child.collect()?;
    let verdict = String::from_utf8_lossy(&verdict[..length]).into_owned();
    match verdict.strip_prefix(WELL).map(str::parse) {
        Some(Ok(tasks)) => Ok(tasks),
        _ if verdict.is_empty() => Err(format!("{name}: no verdict, {}", child.describe_end()).into()),
        _ => Err(format!("{name}: {verdict}").into()),
    }
}
