//! Probe of a program: whether it exists and is new enough. A command prints its version.

use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time limit of a probe: an interpreter on a slow disk takes a second.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Version of the program that `command` probes: the first word of its output, which is compared with `at_least` if that is
/// given.
///
/// Errors: why it cannot take part.
pub(super) fn version(command: &[String], at_least: Option<&str>) -> Result<String, String> {
    let version = first_word(command)?;
    let Some(wanted) = at_least else { return Ok(version) };
    match (numbers(&version), numbers(wanted)) {
        (Some(found), Some(least)) if found >= least => Ok(version),
        (Some(_), Some(_)) => Err(format!("it is version {version}, and {wanted} is wanted")),
        _ => Err(format!("`{version}` is no version; {wanted} or later is wanted")),
    }
}

/// `3.11.7` as numbers that compare in order; what follows them, as in `3.14.0rc1`, does not count.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    let end = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    version[..end].split('.').map(|part| part.parse().ok()).collect()
}

fn first_word(command: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = command.split_first() else { return Err("it has no command".to_owned()) };
    let mut asked = Command::new(program);
    asked.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = asked.spawn().map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    let told = ended(&mut child).and_then(|status| {
        let mut said = String::new();
        if let Some(mut out) = child.stdout.take() {
            out.read_to_string(&mut said)?;
        }
        Ok((status, said))
    });
    match told {
        Ok((0, said)) => Ok(said.split_whitespace().next().unwrap_or_default().to_owned()),
        Ok((status, _)) => Err(format!("`{}` ended with status {status}", command.join(" "))),
        Err(error) => Err(format!("`{}` told nothing: {error}", command.join(" "))),
    }
}

/// Waits for the end of `child`, and kills one that takes too long.
fn ended(child: &mut Child) -> io::Result<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code().unwrap_or(-1));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("3.11.7") > numbers("3.9"));
        assert!(numbers("3.9") >= numbers("3.9"));
        assert!(numbers("3.14.0rc1") > numbers("3.13.9"));
        assert_eq!((numbers(""), numbers("so"), numbers("3.")), (None, None, None));
    }

    #[test]
    fn an_existing_program_needs_no_version() {
        assert_eq!(version(&["true".to_owned()], None).as_deref(), Ok(""));
    }
}
