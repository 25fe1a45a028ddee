//! Names that outlive their creator: how each kind is listed in a lease and removed.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::num::NonZeroI32;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::{sysv_msg, sysv_sem, sysv_shm};

/// Kinds of names that outlive their creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// `shm_open`.
    PosixShm,
    /// All entries of /dev/shm with this prefix: objects that a library creates there itself.
    PosixShmPrefix,
    /// `shmget`: the key is the name's last eight hex digits.
    SysvShm,
    /// `sem_open`.
    PosixSem,
    /// `mq_open`.
    Mqueue,
    /// `msgget`: the key as above.
    SysvMsg,
    /// `semget`: the key as above.
    SysvSem,
    /// A file in the temporary directory that the workers of a trial share and that is removed as a whole.
    TrialFile,
}

/// Properties of one kind of name.
struct KindRow {
    kind: NameKind,
    /// First word of its lines in a lease file.
    word: &'static str,
    /// Removes the named object; a missing object is no error.
    remove: fn(&str),
    /// True if the name may already exist, so that a lease on it would remove a foreign object.
    taken: fn(&str) -> bool,
    /// True if removal ends the object for its current users, and not only the name.
    ends_with_name: bool,
}

/// All kinds.
const KINDS: &[KindRow] = &[
    KindRow {
        kind: NameKind::PosixShm,
        word: "posix-shm",
        remove: unlink_posix_shm,
        taken: |_| false,
        ends_with_name: false,
    },
    KindRow {
        kind: NameKind::PosixShmPrefix,
        word: "posix-shm-prefix",
        remove: remove_beginning_with,
        taken: |_| false,
        ends_with_name: true,
    },
    KindRow {
        kind: NameKind::SysvShm,
        word: "sysv-shm",
        remove: remove_sysv_shm,
        taken: sysv_shm_is_taken,
        ends_with_name: false,
    },
    KindRow {
        kind: NameKind::PosixSem,
        word: "posix-sem",
        remove: unlink_posix_sem,
        taken: |_| false,
        ends_with_name: false,
    },
    KindRow { kind: NameKind::Mqueue, word: "mqueue", remove: unlink_mqueue, taken: |_| false, ends_with_name: false },
    KindRow {
        kind: NameKind::SysvMsg,
        word: "sysv-msg",
        remove: remove_sysv_msg,
        taken: sysv_msg_is_taken,
        ends_with_name: true,
    },
    KindRow {
        kind: NameKind::SysvSem,
        word: "sysv-sem",
        remove: remove_sysv_sem,
        taken: sysv_sem_is_taken,
        ends_with_name: true,
    },
    KindRow {
        kind: NameKind::TrialFile,
        word: "trial-file",
        remove: remove_trial_file,
        taken: |_| false,
        ends_with_name: true,
    },
];

impl NameKind {
    /// True if removal ends the object for its current users.
    pub(super) fn ends_with_name(self) -> bool {
        self.row().ends_with_name
    }

    fn row(self) -> &'static KindRow {
        KINDS.iter().find(|row| row.kind == self).expect("every kind has a row")
    }
}

fn unlink_posix_shm(name: &str) {
    let _ = nix::sys::mman::shm_unlink(format!("/{name}").as_str());
}

/// Removes the entries of /dev/shm whose names begin with `prefix`, directories recursively. A truncated prefix would
/// match the names of other runs, and removes nothing.
fn remove_beginning_with(prefix: &str) {
    let random = prefix.rsplit('.').next().unwrap_or_default();
    if random.len() != RANDOM_DIGITS || !random.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return;
    }
    let found = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    for entry in found.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())) {
        let path = entry.path();
        // A symbolic link is removed itself, not its target.
        let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = if directory { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

fn remove_sysv_shm(name: &str) {
    let _ = sysv_key(name).map(sysv_shm::remove);
}

fn sysv_shm_is_taken(name: &str) -> bool {
    sysv_key(name).is_none_or(|key| sysv_shm::exists(key).unwrap_or(true))
}

fn unlink_posix_sem(name: &str) {
    if let Ok(name) = CString::new(format!("/{name}")) {
        // SAFETY: the name is a string that ends with a zero byte.
        unsafe { libc::sem_unlink(name.as_ptr()) };
    }
}

fn unlink_mqueue(name: &str) {
    let _ = nix::mqueue::mq_unlink(format!("/{name}").as_str());
}

fn remove_sysv_msg(name: &str) {
    let _ = sysv_key(name).map(sysv_msg::remove);
}

fn sysv_msg_is_taken(name: &str) -> bool {
    sysv_key(name).is_none_or(|key| sysv_msg::exists(key).unwrap_or(true))
}

fn remove_sysv_sem(name: &str) {
    let _ = sysv_key(name).map(sysv_sem::remove);
}

/// Has no effect where the file does not exist, as in the harness, which has a different temporary directory.
fn remove_trial_file(name: &str) {
    let _ = std::fs::remove_file(std::env::temp_dir().join(name));
}

fn sysv_sem_is_taken(name: &str) -> bool {
    sysv_key(name).is_none_or(|key| sysv_sem::exists(key).unwrap_or(true))
}

/// Key of a System V object from its name; `None` if the digits are missing or all 0, which is no valid key.
pub fn sysv_key(name: &str) -> Option<NonZeroI32> {
    let digits = name.len().checked_sub(8).and_then(|start| name.get(start..))?;
    NonZeroI32::new(u32::from_str_radix(digits, 16).ok()?.cast_signed())
}

/// A leased name: `ipcmark.<run>.<random>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Kind of the named object.
    pub kind: NameKind,
    /// The name, without a leading slash.
    pub name: String,
}

impl Name {
    /// Removes the object; a missing object is no error.
    pub fn remove(&self) {
        (self.kind.row().remove)(&self.name);
    }

    /// The name's line in a lease file.
    pub fn to_line(&self) -> String {
        format!("{} {}\n", self.kind.row().word, self.name)
    }

    /// Parses a line of a lease file. Accepts only names with our prefix, so a damaged lease removes nothing else.
    ///
    /// ```
    /// use ipcmark_core::address::{Name, NameKind};
    ///
    /// let name = Name { kind: NameKind::PosixShm, name: "ipcmark.run.0123456789abcdef".to_owned() };
    /// assert_eq!(Name::from_line(&name.to_line()), Some(name));
    /// assert_eq!(Name::from_line("posix-shm someone-elses-name"), None);
    /// ```
    pub fn from_line(line: &str) -> Option<Self> {
        let (word, name) = line.trim_end().split_once(' ')?;
        let ours = name.starts_with("ipcmark.") && !name.contains('/');
        let row = KINDS.iter().find(|row| ours && row.word == word)?;
        Some(Self { kind: row.kind, name: name.to_owned() })
    }
}

/// Lease file of a worker, in its temporary directory, for names that the worker creates itself. The harness reads it
/// before it removes the directory.
pub const WORKER_LEASE: &str = "names.lease";

/// Random names tried before giving up.
const DRAWS: usize = 16;

/// Number of random hex digits at the end of a name.
const RANDOM_DIGITS: usize = 16;

static LEASE: Mutex<Option<(String, File)>> = Mutex::new(None);

/// Records names created from now on in `file`, as belonging to `run_id`.
pub fn lease_to(run_id: &str, file: File) {
    *LEASE.lock().expect("no holder panics") = Some((run_id.to_owned(), file));
}

/// Like [`lease_to`], for a worker that creates objects itself: records in [`WORKER_LEASE`].
pub fn lease_as_worker(run_id: &str) -> io::Result<()> {
    let names = std::env::temp_dir().join(WORKER_LEASE);
    lease_to(run_id, File::options().create(true).append(true).open(names)?);
    Ok(())
}

/// Returns a fresh name, recorded in the lease file before the object exists.
///
/// Errors: all drawn names may be taken (also if the kernel refuses the check); the lease cannot be written.
pub fn fresh_name(kind: NameKind) -> io::Result<Name> {
    let mut lease = LEASE.lock().expect("no holder panics");
    let run = lease.as_ref().map_or("unleased", |(run, _)| run);
    let name = (0..DRAWS)
        .map(|_| format!("ipcmark.{run}.{:016x}", RandomState::new().build_hasher().finish()))
        .find(|name| !(kind.row().taken)(name))
        .ok_or_else(|| io::Error::other(format!("no free name for {} was found in {DRAWS} draws", kind.row().word)))?;
    let name = Name { kind, name };
    if let Some((_, file)) = lease.as_mut() {
        file.write_all(name.to_line().as_bytes())?;
    }
    Ok(name)
}
