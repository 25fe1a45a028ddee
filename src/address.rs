//! How another process finds an object: inherited descriptors, leased names, or a value in this very process.
//!
//! Anonymous objects are preferred: a descriptor vanishes with its last holder. A name outlives its maker, so it is
//! written to the run's lease file before the object is made, and whoever finds a dead lease removes what it lists.
#![allow(unsafe_code)]

use std::any::Any;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which side of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The side that sends, or the first side of a connection that carries both ways.
    Sender,
    /// The side that receives, or the second side.
    Receiver,
}

/// How another process finds an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Descriptors, listed per end: a worker inherits only its own.
    Inherited {
        /// What the sending side needs.
        sender: Vec<Descriptor>,
        /// What the receiving side needs.
        receiver: Vec<Descriptor>,
    },
    /// A leased name.
    Named(Name),
    /// Nothing yet: a live worker will offer it.
    Offered,
    /// A value in this process, for endpoints that cannot be serialised; never sent over a wire.
    #[serde(skip)]
    Here(Here),
}

impl Address {
    /// The address as one end may see it.
    #[must_use]
    pub fn only(&self, end: End) -> Self {
        match (self, end) {
            (Self::Inherited { sender, .. }, End::Sender) => {
                Self::Inherited { sender: sender.clone(), receiver: vec![] }
            }
            (Self::Inherited { receiver, .. }, End::Receiver) => {
                Self::Inherited { sender: vec![], receiver: receiver.clone() }
            }
            (other, _) => other.clone(),
        }
    }

    /// The descriptors of one end.
    ///
    /// Errors: `InvalidInput` when this address has none.
    pub fn descriptors(&self, end: End) -> io::Result<&[Descriptor]> {
        match (self, end) {
            (Self::Inherited { sender: own, .. }, End::Sender)
            | (Self::Inherited { receiver: own, .. }, End::Receiver) => Ok(own),
            _ => Err(mismatch("inherited descriptors")),
        }
    }

    /// The one descriptor of an end that needs exactly one.
    pub fn descriptor(&self, end: End) -> io::Result<&Descriptor> {
        self.descriptors(end)?.first().ok_or_else(|| mismatch("one descriptor"))
    }

    /// The value inside this process.
    pub fn here<T: Any + Send + Sync>(&self) -> io::Result<Arc<T>> {
        match self {
            Self::Here(Here(any)) => Arc::clone(any).downcast().map_err(|_| mismatch("another type")),
            _ => Err(mismatch("a value in this process")),
        }
    }

    /// Wraps a value that stays in this process.
    pub fn from_here<T: Any + Send + Sync>(value: T) -> Self {
        Self::Here(Here(Arc::new(value)))
    }

    /// Removes the name once every role has attached; descriptors need no such thing.
    pub fn release(&self) {
        if let Self::Named(name) = self {
            name.remove();
        }
    }
}

fn mismatch(wanted: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("this mechanism's address should hold {wanted}"))
}

/// A value in this process.
#[derive(Clone)]
pub struct Here(Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Here")
    }
}

/// An open descriptor. On the wire it is its number, which the child finds open under the same number.
#[derive(Clone, Debug)]
pub struct Descriptor(Arc<OwnedFd>);

impl Descriptor {
    /// Takes over an open descriptor.
    pub fn new(fd: impl Into<OwnedFd>) -> Self {
        Self(Arc::new(fd.into()))
    }

    /// Its number.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// A second descriptor for the same open file, owned by the caller.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.number())
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = RawFd::deserialize(deserializer)?;
        if number < 3 || nix::fcntl::fcntl(borrow(number), nix::fcntl::FcntlArg::F_GETFD).is_err() {
            return Err(serde::de::Error::custom(format!("descriptor {number} is not open in this process")));
        }
        // SAFETY: fcntl just found the number open; an order names each number once and nothing else in a worker
        // opened it, since orders are read before anything is opened.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(number) })))
    }
}

fn borrow<'a>(number: RawFd) -> BorrowedFd<'a> {
    // SAFETY: used for one fcntl that tolerates a closed number (EBADF); the number is at least 3, so not -1.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Kinds of names that outlive their maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// `shm_open`.
    PosixShm,
    /// Everything in /dev/shm whose name begins so: what a library makes there of its own accord.
    PosixShmPrefix,
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
        match self.kind {
            NameKind::PosixShm => {
                let _ = nix::sys::mman::shm_unlink(format!("/{}", self.name).as_str());
            }
            NameKind::PosixShmPrefix => remove_beginning_with(&self.name),
        }
    }

    /// One line of a lease file.
    pub fn to_line(&self) -> String {
        let kind = match self.kind {
            NameKind::PosixShm => "posix-shm",
            NameKind::PosixShmPrefix => "posix-shm-prefix",
        };
        format!("{kind} {}\n", self.name)
    }

    /// Reads a line of a lease file. Only names of ours are accepted, so a damaged lease removes nothing else.
    pub fn from_line(line: &str) -> Option<Self> {
        let (kind, name) = line.trim_end().split_once(' ')?;
        let kind = match kind {
            "posix-shm" => NameKind::PosixShm,
            // A line cut short would begin the names of other runs too.
            "posix-shm-prefix" if ends_in_random(name) => NameKind::PosixShmPrefix,
            _ => return None,
        };
        let ours = name.starts_with("ipcmark.") && !name.contains('/');
        ours.then(|| Self { kind, name: name.to_owned() })
    }
}

/// True for names that [`fresh_name`] has ended.
fn ends_in_random(name: &str) -> bool {
    let random = name.rsplit('.').next().unwrap_or_default();
    random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes what lies in /dev/shm under names that begin with `prefix`, directories with all they hold.
fn remove_beginning_with(prefix: &str) {
    let found = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    for entry in found.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())) {
        let path = entry.path();
        // A link is removed as one, wherever it leads.
        let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = if directory { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

/// Where a worker puts the names that it makes itself on record: a file of this name in its directory for temporary
/// files, which the harness reads before it removes the directory.
pub const WORKER_LEASE: &str = "names.lease";

static LEASE: Mutex<Option<(String, File)>> = Mutex::new(None);

/// Names made from now on belong to `run_id` and are written to `file` first.
pub fn lease_to(run_id: &str, file: File) {
    *LEASE.lock().expect("no holder panics") = Some((run_id.to_owned(), file));
}

/// A fresh name, on record in the lease file before the object exists.
pub fn fresh_name(kind: NameKind) -> io::Result<Name> {
    let mut lease = LEASE.lock().expect("no holder panics");
    let random = RandomState::new().build_hasher().finish();
    let run = lease.as_ref().map_or("unleased", |(run, _)| run);
    let name = Name { kind, name: format!("ipcmark.{run}.{random:016x}") };
    if let Some((_, file)) = lease.as_mut() {
        file.write_all(name.to_line().as_bytes())?;
    }
    Ok(name)
}
