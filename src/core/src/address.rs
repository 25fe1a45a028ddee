//! Addresses of objects: inherited descriptors, leased names, or values in this process.
//!
//! Anonymous objects are preferred: a descriptor's object ends with its last user. A name outlives its creator, so it
//! is written to the run's lease file before the object is created, and a later run removes what an abandoned lease
//! lists.
#![allow(unsafe_code)]

mod name;
pub mod socket_path;

use std::any::Any;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use name::{Name, NameKind, WORKER_LEASE, fresh_name, lease_as_worker, lease_to, sysv_key};

/// Endpoint of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The endpoint that sends, or the first endpoint of a bidirectional connection.
    Sender,
    /// The endpoint that receives, or the second endpoint.
    Receiver,
}

/// Address by which another process finds an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Descriptors per endpoint; a worker inherits only its own.
    Inherited {
        /// Descriptors of the sender.
        sender: Vec<Descriptor>,
        /// Descriptors of the receiver.
        receiver: Vec<Descriptor>,
    },
    /// A leased name.
    Named(Name),
    /// Not known yet: a running worker will supply it.
    Offered,
    /// A value in this process, for endpoints that cannot be serialised; never sent to another process.
    #[serde(skip)]
    Here(Here),
}

impl Address {
    /// The address, reduced to what one endpoint may see.
    #[must_use]
    pub fn only(&self, end: Endpoint) -> Self {
        match (self, end) {
            (Self::Inherited { sender, .. }, Endpoint::Sender) => {
                Self::Inherited { sender: sender.clone(), receiver: vec![] }
            }
            (Self::Inherited { receiver, .. }, Endpoint::Receiver) => {
                Self::Inherited { sender: vec![], receiver: receiver.clone() }
            }
            (other, _) => other.clone(),
        }
    }

    /// The descriptors of one endpoint.
    ///
    /// Errors: `InvalidInput` when this address has none.
    pub fn descriptors(&self, end: Endpoint) -> io::Result<&[Descriptor]> {
        match (self, end) {
            (Self::Inherited { sender: own, .. }, Endpoint::Sender)
            | (Self::Inherited { receiver: own, .. }, Endpoint::Receiver) => Ok(own),
            _ => Err(mismatch("inherited descriptors")),
        }
    }

    /// The descriptor of an endpoint that needs exactly one.
    pub fn descriptor(&self, end: Endpoint) -> io::Result<&Descriptor> {
        self.descriptors(end)?.first().ok_or_else(|| mismatch("one descriptor"))
    }

    /// The leased name.
    ///
    /// Errors: `InvalidInput` when this address has none.
    pub fn name(&self) -> io::Result<&Name> {
        match self {
            Self::Named(name) => Ok(name),
            _ => Err(mismatch("a name")),
        }
    }

    /// The value inside this process.
    pub fn here<T: Any + Send + Sync>(&self) -> io::Result<Arc<T>> {
        match self {
            Self::Here(Here(any)) => Arc::clone(any).downcast().map_err(|_| mismatch("another type")),
            _ => Err(mismatch("a value in this process")),
        }
    }

    /// Wraps a value that stays in this process.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use ipcmark_core::address::Address;
    ///
    /// let address = Address::from_here(Mutex::new(5));
    /// assert_eq!(*address.here::<Mutex<i32>>().expect("the same type").lock().unwrap(), 5);
    /// assert!(address.here::<String>().is_err());
    /// ```
    pub fn from_here<T: Any + Send + Sync>(value: T) -> Self {
        Self::Here(Here(Arc::new(value)))
    }

    /// Removes the name once every role has attached; descriptors need no removal. A name whose removal would end the
    /// object is returned instead, to be removed when the roles are done.
    #[must_use]
    pub fn release(self) -> Option<Name> {
        match self {
            Self::Named(name) if name.kind.ends_with_name() => Some(name),
            Self::Named(name) => {
                name.remove();
                None
            }
            _ => None,
        }
    }
}

fn mismatch(wanted: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("this mechanism needs an address that holds {wanted}"))
}

/// A value in this process.
#[derive(Clone)]
pub struct Here(Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Here")
    }
}

/// An open descriptor. Serialised as its number, under which the child process inherits it.
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
        // SAFETY: fcntl just found the number open; an order names each number once, and orders are read before a
        // worker opens anything, so no other value owns it.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(number) })))
    }
}

fn borrow<'a>(number: RawFd) -> BorrowedFd<'a> {
    // SAFETY: used for one fcntl that tolerates a closed number (EBADF); the number is at least 3, so not -1.
    unsafe { BorrowedFd::borrow_raw(number) }
}
