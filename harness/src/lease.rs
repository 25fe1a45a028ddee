//! Leases: which names and directories a run has created, and whether that run is still alive.
//!
//! A lease is a file `<run>.lease` that the harness keeps locked while it lives. Everything that outlives a process is listed
//! there before it is created. The kernel drops the lock when the harness dies, so a lease that can be locked is dead, and
//! the run's janitor or the next run removes what it lists. The lock is also how two runs on one machine notice each other.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ipcmark::address::{Name, WORKER_LEASE};

/// How a lease's line about a directory begins. All other lines are [`Name`]s.
const DIRECTORY: &[u8] = b"directory ";

/// Sockets in a trial's directory have paths of at most 107 bytes, and this is one part of them.
const RUN_ID_MAX: usize = 40;

/// Prefix of our directories' names; nothing else is ever removed.
const OURS: &str = "ipcmark.";

/// A live run's lease: locked until the process dies, or until it is dropped, which also removes all that it lists.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    /// Holds the lock, and is written to.
    file: File,
}

impl Lease {
    /// Creates and locks the lease of `run_id` in `folder`.
    ///
    /// Errors: a run of that id is alive, the id is no plain file name, or the file cannot be made.
    pub fn take(folder: &Path, run_id: &str) -> anyhow::Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        ensure!(
            !run_id.is_empty() && run_id.len() <= RUN_ID_MAX && run_id.chars().all(plain),
            "a run's id is at most {RUN_ID_MAX} letters, digits, dashes and underscores, not `{run_id}`"
        );
        let path = folder.join(format!("{run_id}.lease"));
        // Another run may take the new file for a dead one and remove it before it is locked; then create another.
        for _ in 0..100 {
            let file = appending(&path).with_context(|| format!("making the lease {}", path.display()))?;
            match file.try_lock() {
                Ok(()) if file.metadata()?.nlink() > 0 => return Ok(Self { path, file }),
                Ok(()) | Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(e)) => return Err(e).context(format!("locking the lease {}", path.display())),
            }
        }
        bail!("a run with the id `{run_id}` is alive on this machine")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second open file for [`ipcmark::address::lease_to`]. It does not carry the lock.
    pub fn for_names(&self) -> io::Result<File> {
        appending(&self.path)
    }

    /// Puts a directory on record, before it is made.
    ///
    /// Errors: `InvalidInput` when it would not be removed later: not absolute, or not named like ours.
    pub fn list_directory(&self, directory: &Path) -> io::Result<()> {
        let mut line = DIRECTORY.to_vec();
        line.extend_from_slice(directory.as_os_str().as_bytes());
        if line.contains(&b'\n') || directory_of(&line).is_none() {
            let why = format!("{} is no directory a lease may list", directory.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        line.push(b'\n');
        (&self.file).write_all(&line)
    }
}

impl Drop for Lease {
    /// Removes what is listed, then the lease.
    fn drop(&mut self) {
        clear(&self.path);
    }
}

/// Opens a lease for appending; others may read it, to see whether it is locked.
fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o644).open(path)
}

/// Opens a lease in a directory that another user may own, where a FIFO would block the open and a link could lead anywhere.
///
/// Errors: `InvalidInput` for anything but a plain file.
fn reading(path: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// This user's folder of leases, made if need be: `$XDG_RUNTIME_DIR/ipcmark`, else `ipcmark-<uid>` among the temporary
/// files.
///
/// Errors: neither can be created, or both belong to other users, which could make us remove foreign files.
pub fn folder() -> anyhow::Result<PathBuf> {
    let mut refusals = Vec::new();
    for candidate in candidates() {
        match claim(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(why) => refusals.push(format!("{}: {why}", candidate.display())),
        }
    }
    bail!("no place for this run's lease ({}); set TMPDIR to a directory you own", refusals.join("; "))
}

fn candidates() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let uid = rustix::process::geteuid().as_raw();
    runtime
        .map(|folder| folder.join("ipcmark"))
        .into_iter()
        .chain([std::env::temp_dir().join(format!("ipcmark-{uid}"))])
        .collect()
}

fn claim(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    let own = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    own.then_some(()).ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, "others may write to it"))
}

/// Clears every dead lease in `folder`.
pub fn sweep(folder: &Path) {
    for path in leases_in(folder) {
        if let Ok(file) = reading(&path)
            && file.try_lock().is_ok()
        {
            clear(&path);
        }
    }
}

/// Clears a lease as soon as its lock is free. Does nothing if the lease no longer exists.
pub fn clear_once_dead(path: &Path) {
    if let Ok(file) = reading(path)
        && file.lock().is_ok()
    {
        clear(path);
    }
}

/// Whether another run than `ignored` holds a lease on this machine that this user can see.
pub fn another_is_held(own: &Lease, ignored: Option<&str>) -> bool {
    another_in(&visible_folders(), own, ignored)
}

fn another_in(folders: &[PathBuf], own: &Lease, ignored: Option<&str>) -> bool {
    let identity = |file: &File| file.metadata().map(|found| (found.dev(), found.ino())).ok();
    let mine = identity(&own.file);
    let counts = |path: &PathBuf| ignored.is_none_or(|run_id| path.file_stem() != Some(OsStr::new(run_id)));
    folders.iter().flat_map(|folder| leases_in(folder)).filter(counts).any(|path| {
        reading(&path).is_ok_and(|file| {
            identity(&file) != mine && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
        })
    })
}

/// Folders of leases, our own and those of other users that can be read.
fn visible_folders() -> Vec<PathBuf> {
    let temporary = entries(&std::env::temp_dir());
    let others = temporary
        .into_iter()
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("ipcmark-")));
    let runtime = entries(Path::new("/run/user")).into_iter().map(|user| user.join("ipcmark"));
    let mut all: Vec<_> = candidates().into_iter().chain(others).chain(runtime).collect();
    all.sort();
    all.dedup();
    all
}

fn leases_in(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension() == Some(OsStr::new("lease"))).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|found| found.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Removes all that a lease lists, then the lease. Only its holder may call this.
fn clear(path: &Path) {
    let listed = read(path);
    for line in listed.split(|&byte| byte == b'\n') {
        if let Some(directory) = directory_of(line) {
            for trial in entries(directory) {
                remove_names(&trial);
            }
            remove_directory(directory);
        }
        remove_name(line);
    }
    let _ = fs::remove_file(path);
}

/// Removes the names that a trial's workers made themselves and put on record in the trial's directory.
pub fn remove_names(trial: &Path) {
    read(&trial.join(WORKER_LEASE)).split(|&byte| byte == b'\n').for_each(remove_name);
}

fn remove_name(line: &[u8]) {
    if let Some(name) = std::str::from_utf8(line).ok().and_then(Name::from_line) {
        name.remove();
    }
}

/// Content of a lease, empty on errors, cut at 64 MiB.
fn read(path: &Path) -> Vec<u8> {
    let mut listed = Vec::new();
    if let Ok(file) = reading(path) {
        let _ = file.take(64 << 20).read_to_end(&mut listed);
    }
    listed
}

/// The directory that a line lists, if it is one of ours, so that a damaged lease removes nothing else.
fn directory_of(line: &[u8]) -> Option<&Path> {
    let path = Path::new(OsStr::from_bytes(line.strip_prefix(DIRECTORY)?));
    let straight = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let ours = path.file_name()?.to_str()?.starts_with(OURS);
    (path.is_absolute() && straight && ours).then_some(path)
}

/// Removes a directory with its contents. Retries, because a dying worker may still create a file.
fn remove_directory(directory: &Path) {
    for _ in 0..100 {
        match fs::remove_dir_all(directory) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(10)),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
