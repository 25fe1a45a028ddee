//! waitpid(2): blocking, or repeated without blocking until a time-out. It works for children only, and waits for
//! nothing else at the same time. Source: wait(2).

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Body, Watch, start_process, watched};
use crate::abort;
use crate::launch::process::Process;
use crate::launch::{End, Started};

const FIRST_SLEEP: Duration = Duration::from_micros(500);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Far longer than any wait here.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Blocks until the child has ended, and reaps it.
pub struct Waitpid {
    process: Option<Process>,
}

impl Watch for Waitpid {
    const SUMMARY: &'static str = "blocks in waitpid, which also reaps";
    const COLLECTS_APART: bool = false;

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None })
    }

    fn start(&mut self, body: Body) -> io::Result<()> {
        self.process = Some(start_process(body)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        Ok(watched(&mut self.process)?.look()?.is_none())
    }

    fn await_end(&mut self) -> io::Result<()> {
        self.collect().map(drop)
    }

    fn collect(&mut self) -> io::Result<End> {
        watched(&mut self.process)?.collect()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        watched(&mut self.process)?.signal(signal)
    }
}

/// A wait with a time-out, which waitpid lacks: calls with WNOHANG, and sleeps between them of half a millisecond,
/// doubling up to 50 ms, as portable programs do. The sleeper is not woken, so it learns of the end half a sleep late
/// on average. Source: `subprocess.Popen.wait(timeout)` of Python, which uses these times.
pub struct WaitpidTimeout {
    process: Option<Process>,
}

impl Watch for WaitpidTimeout {
    const SUMMARY: &'static str = "waitpid with WNOHANG and sleeps of 0.5 ms and longer, until a time-out";
    const COLLECTS_APART: bool = false;

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None })
    }

    fn start(&mut self, body: Body) -> io::Result<()> {
        self.process = Some(start_process(body)?);
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
