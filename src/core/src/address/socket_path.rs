//! Paths of unix sockets. A socket address holds fewer bytes than a path may have, and a temporary directory may be
//! deeply nested. Source: unix(7).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Longest path that fits a socket address (`sun_path`), without the terminating zero.
const PATH_BYTES_MAX: usize = 107;

/// Calls `act` with a form of `path` that fits a socket address: the path itself, or, if it is too long, a path through
/// an open descriptor of its directory.
///
/// Errors: `InvalidInput` for a long path without directory or name; those of `act`.
pub fn shortened<R>(path: &Path, act: impl FnOnce(&Path) -> io::Result<R>) -> io::Result<R> {
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return act(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket's path has a directory and a name"));
    };
    let folder = File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_path_too_long_for_an_address_can_be_bound_and_connected() {
        let deep = tempfile::tempdir().expect("a directory");
        let folder = deep.path().join("d".repeat(PATH_BYTES_MAX));
        fs::create_dir(&folder).expect("a deep directory");
        let path = folder.join("s");
        assert!(UnixListener::bind(&path).is_err(), "the path should not fit");
        let listener = shortened(&path, |short| UnixListener::bind(short)).expect("bound");
        let mut caller = shortened(&path, |short| UnixStream::connect(short)).expect("found");
        let (mut called, _) = listener.accept().expect("a call");
        caller.write_all(b"here").expect("sent");
        let mut seen = [0; 4];
        called.read_exact(&mut seen).expect("received");
        assert_eq!(&seen, b"here");
    }
}
