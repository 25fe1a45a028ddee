//! Where ZeroMQ and nng meet: `ipc://` and the path of a Unix socket below the worker's TMPDIR, which goes with the trial.

use std::io;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Longest path of a Unix socket: unix(7).
const PATH_BYTES_MAX: usize = 107;

/// A URL that nothing listens at yet.
///
/// Errors: the temporary directory's path is too long for a socket in it, or is no text.
pub fn fresh() -> io::Result<String> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("s{}.{number}", process::id()));
    match path.to_str() {
        Some(text) if text.len() <= PATH_BYTES_MAX => Ok(format!("ipc://{text}")),
        _ => {
            let why = format!("a Unix socket's path is text of at most {PATH_BYTES_MAX} bytes, not {}", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, why))
        }
    }
}
