//! Reference for start-up: posix_spawn, read of a byte and wait, as in a C program. It uses the program and pipes of
//! `posix-spawn`, but no types of this suite, no message, and one wait that also collects. The difference to
//! `posix-spawn` is the suite's overhead.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{pipe2, read};

use super::resident::{Resident, shortage};
use super::summary::{Course, Life, report};
use crate::clock;
use crate::control::Page;
use crate::launch::Program;
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, count, invalid};
use crate::protocol::Report;

/// Runs the trial.
///
/// Errors: `Invalid` for a wrong word or status.
pub fn start_up(program: &Program, task: &Task, page: &Page) -> MeasureResult {
    let bytes = task.case.params.parent_rss_bytes.unwrap_or(0);
    if let Some(why) = shortage(bytes)? {
        return Ok(Report { skipped: Some(why), ..Report::default() });
    }
    let environment = crate::launch::process::environment()?;
    let attributes = PosixSpawnAttr::init().map_err(io::Error::from)?;
    let _resident = Resident::of(bytes)?;
    let once = || one(program, &environment, &attributes);
    let derived = count::derive(&task.timing, |lives| (0..lives).try_for_each(|_| once().map(drop)))?;
    let mut lives = Vec::with_capacity(derived.count as usize);
    page.set_hot(true);
    let meter = Meter::start();
    let sliced =
        count::in_slices(derived.count, |slice| (0..slice).try_for_each(|_| once().map(|life| lives.push(life))))?;
    let cost = meter.stop(task, derived.count);
    page.set_hot(false);
    page.set_count(derived.count);
    let (chosen_by, warm_up_ns) = (derived.chosen_by, derived.warm_up_ns);
    let alive_ns = lives.iter().map(|life| life.life_ns).sum();
    Ok(report(&lives, Course { at_once: 1, alive_ns, chosen_by, warm_up_ns, sliced, cost }))
}

fn one(program: &Program, environment: &[CString], attributes: &PosixSpawnAttr) -> Result<Life, MeasureError> {
    let (input, orders) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
    let (words, output) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;

    let called_ns = clock::now_ns();
    let mut actions = PosixSpawnFileActions::init().map_err(io::Error::from)?;
    actions.add_dup2(input.as_raw_fd(), libc::STDIN_FILENO).map_err(io::Error::from)?;
    actions.add_dup2(output.as_raw_fd(), libc::STDOUT_FILENO).map_err(io::Error::from)?;
    let exe = program.exe.as_c_str();
    let pid = posix_spawn(exe, &actions, attributes, &program.args, environment).map_err(io::Error::from)?;
    drop((input, output));
    let returned_ns = clock::now_ns();
    let mut word = [0];
    let bytes = read(&words, &mut word).map_err(io::Error::from)?;
    let heard_ns = clock::now_ns();
    // The child exits at the end of its input.
    drop(orders);
    let end = waitpid(pid, None).map_err(io::Error::from)?;
    let ended_ns = clock::now_ns();

    if (bytes, word) != (1, [super::started::FIRST_WORD]) {
        return invalid(format!("the first word of a started worker was {bytes} bytes, {word:?}"));
    }
    if !matches!(end, WaitStatus::Exited(_, 0)) {
        return invalid(format!("a started worker ended as {end:?}"));
    }
    Ok(Life {
        call_ns: returned_ns - called_ns,
        first_word_ns: heard_ns - called_ns,
        message_ns: None,
        // This wait also collects.
        exit_ns: Some(ended_ns - heard_ns),
        reap_ns: None,
        life_ns: ended_ns - called_ns,
    })
}
