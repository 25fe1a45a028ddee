//! Descriptions of libraries behind a cargo feature, and code shared by their transports.

use crate::record::Wait;

/// Description of a library that may be built in.
#[cfg_attr(
    all(feature = "peer-zeromq", feature = "peer-nng"),
    expect(dead_code, reason = "with all features on, no library is missing")
)]
pub trait Library: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Wait strategy of an idle endpoint.
    const WAIT: Wait;
    /// Cargo feature of the library.
    const FEATURE: &'static str;
    /// Build requirements beyond a C compiler, with the Debian package; may be empty.
    const NEEDS: &'static str;
}

/// Description of ZeroMQ.
pub struct AboutZeroMq;

impl Library for AboutZeroMq {
    const SUMMARY: &'static str = "ZeroMQ PUSH to PULL over ipc://, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peer-zeromq";
    const NEEDS: &'static str = "a C++ compiler (Debian: g++)";
}

/// Description of nng.
pub struct AboutNng;

impl Library for AboutNng {
    const SUMMARY: &'static str = "nng PUSH to PULL over ipc://, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peer-nng";
    const NEEDS: &'static str = "cmake (Debian: cmake)";
}

/// Maximum length of a Unix socket's path: unix(7).
#[cfg(any(feature = "peer-zeromq", feature = "peer-nng"))]
const PATH_BYTES_MAX: usize = 107;

/// Returns an unused `ipc://` URL: a Unix socket in the worker's TMPDIR, which is removed with the trial.
///
/// Errors: the path is too long for a socket, or is not UTF-8.
#[cfg(any(feature = "peer-zeromq", feature = "peer-nng"))]
pub fn fresh_ipc_url() -> std::io::Result<String> {
    use std::sync::atomic::{AtomicU32, Ordering};

    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("s{}.{number}", std::process::id()));
    match path.to_str() {
        Some(text) if text.len() <= PATH_BYTES_MAX => Ok(format!("ipc://{text}")),
        _ => {
            let why = format!(
                "the path of a Unix socket has at most {PATH_BYTES_MAX} bytes of UTF-8, not {}",
                path.display()
            );
            Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why))
        }
    }
}
