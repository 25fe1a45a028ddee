//! Names that outlive their maker: how each kind is listed in a lease, and removed.

use std::ffi::CString;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::num::NonZeroI32;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::{sysv_msg, sysv_sem, sysv_shm};

/// Kinds of names that outlive their maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// `shm_open`.
    PosixShm,
    /// Everything in /dev/shm whose name begins so: what a library makes there of its own accord.
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
    /// A file in the directory for temporary files that the workers of a trial share, and which is removed whole.
    TrialFile,
}

/// What one kind of names needs.
struct KindRow {
    kind: NameKind,
    /// What its lines in a lease file begin with.
    word: &'static str,
    /// Removes what has the name; that it is gone already is fine.
    remove: fn(&str),
    /// True when something may have the name already, so that a lease on it would remove what is not ours.
    taken: fn(&str) -> bool,
    /// True when removal ends the object for those who use it too, and not only for those who would look for it.
    ends_with_name: bool,
}

/// Every kind, one row each.
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
    /// True when removal ends the object for those who use it too.
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

/// Removes what lies in /dev/shm under names that begin with `prefix`, directories with all they hold. A prefix that was
/// cut short would begin the names of other runs too, and removes nothing.
fn remove_beginning_with(prefix: &str) {
    let random = prefix.rsplit('.').next().unwrap_or_default();
    if random.len() != RANDOM_DIGITS || !random.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return;
    }
    let found = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    for entry in found.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())) {
        let path = entry.path();
        // A link is removed as one, wherever it leads.
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

/// Where there is no such file, as in the harness, whose temporary files are elsewhere, nothing happens.
fn remove_trial_file(name: &str) {
    let _ = std::fs::remove_file(std::env::temp_dir().join(name));
}

fn sysv_sem_is_taken(name: &str) -> bool {
    sysv_key(name).is_none_or(|key| sysv_sem::exists(key).unwrap_or(true))
}

/// The key of a System V object by its name; none where the digits are missing or all 0, which is no key.
pub fn sysv_key(name: &str) -> Option<NonZeroI32> {
    let digits = name.len().checked_sub(8).and_then(|start| name.get(start..))?;
    NonZeroI32::new(u32::from_str_radix(digits, 16).ok()?.cast_signed())
}

/// A leased name: `ipcmark.<run>.<random>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// What it names.
    pub kind: NameKind,
    /// The name itself, without a leading slash.
    pub name: String,
}

impl Name {
    /// Removes the object; that it is gone already is fine.
    pub fn remove(&self) {
        (self.kind.row().remove)(&self.name);
    }

    /// One line of a lease file.
    pub fn to_line(&self) -> String {
        format!("{} {}\n", self.kind.row().word, self.name)
    }

    /// Reads a line of a lease file. Only names of ours are accepted, so a damaged lease removes nothing else.
    pub fn from_line(line: &str) -> Option<Self> {
        let (word, name) = line.trim_end().split_once(' ')?;
        let ours = name.starts_with("ipcmark.") && !name.contains('/');
        let row = KINDS.iter().find(|row| ours && row.word == word)?;
        Some(Self { kind: row.kind, name: name.to_owned() })
    }
}

/// Where a worker puts the names that it makes itself on record: a file of this name in its directory for temporary
/// files, which the harness reads before it removes the directory.
pub const WORKER_LEASE: &str = "names.lease";

/// Random names that are tried before all of them are taken to be in use.
const DRAWS: usize = 16;

/// Digits that end a name.
const RANDOM_DIGITS: usize = 16;

static LEASE: Mutex<Option<(String, File)>> = Mutex::new(None);

/// Names made from now on belong to `run_id` and are written to `file` first.
pub fn lease_to(run_id: &str, file: File) {
    *LEASE.lock().expect("no holder panics") = Some((run_id.to_owned(), file));
}

/// The same in a worker that makes objects itself: to [`WORKER_LEASE`] among its temporary files.
pub fn lease_as_worker(run_id: &str) -> io::Result<()> {
    let names = std::env::temp_dir().join(WORKER_LEASE);
    lease_to(run_id, File::options().create(true).append(true).open(names)?);
    Ok(())
}

/// A fresh name, on record in the lease file before the object exists.
///
/// Errors: every name drawn may be somebody else's, as where the kernel refuses to look; the lease cannot be written.
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
