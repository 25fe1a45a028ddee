//! A wait that can give up, made of looks that do not wait and sleeps between them: half a millisecond, then twice as long each
//! time, up to 50 ms. waitpid has no time-out, so this is what portable programs do. Nobody wakes the sleeper: he knows late,
//! by half of his sleep on average. Source: wait(2); `subprocess.Popen.wait(timeout)` of Python, whose times these are.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Life, Watch, start_process, watched};
use crate::abort;
use crate::launch::process::Process;
use crate::launch::{End, Started};

const FIRST_SLEEP: Duration = Duration::from_micros(500);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Far beyond any end that is waited for here.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Looks and sleeps in turn.
pub struct WaitpidTimeout {
    process: Option<Process>,
}

impl Watch for WaitpidTimeout {
    const SUMMARY: &'static str = "waits with a time-out: looks, and sleeps of 0.5 ms and longer between them";
    const COLLECTS_APART: bool = false;

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None })
    }

    fn start(&mut self, life: Life) -> io::Result<()> {
        self.process = Some(start_process(life)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        Ok(watched(&mut self.process)?.look()?.is_none())
    }

    /// Errors: `TimedOut` after ten seconds.
    fn await_end(&mut self) -> io::Result<()> {
        let process = watched(&mut self.process)?;
        let (deadline, mut sleep) = (Instant::now() + TIME_OUT, FIRST_SLEEP);
        while process.look()?.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if abort::requested() {
                return Err(abort::error());
            }
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(sleep.min(left));
            sleep = (2 * sleep).min(LONGEST_SLEEP);
        }
        Ok(())
    }

    fn collect(&mut self) -> io::Result<End> {
        watched(&mut self.process)?.collect()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        watched(&mut self.process)?.signal(signal)
    }
}
