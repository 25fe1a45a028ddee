//! Pthread mutex with the attributes of its kind. Not a mechanism.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;

use super::sleeping_cost;
use crate::address::Address;
use crate::lock::placed::{Placed, done};
use crate::lock::{Acquired, ContenderId, Cost, Handle, Lock};
use crate::record::{Group, Wait};

/// Kind of mutex.
pub(in crate::lock) trait Kind: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Attributes of the mutex.
    const ATTRIBUTES: Attributes;
    /// How a waiter waits.
    const WAIT: Wait = Wait::Block;
    /// Whether a release is an atomic instruction and then, with a sleeper, a system call.
    const WAKES: bool = true;

    /// Declared cost of one acquisition.
    fn cost() -> Cost {
        sleeping_cost()
    }
}

/// Attributes of a mutex shared between processes.
pub(in crate::lock) struct Attributes {
    /// `PTHREAD_MUTEX_NORMAL`, ...
    pub(super) kind: c_int,
    /// The death of an owner is reported to the next owner.
    pub(super) robust: bool,
    /// The owner inherits the priority of the most urgent waiter.
    pub(super) inherits: bool,
}

impl Attributes {
    /// Default attributes.
    pub(super) const PLAIN: Self = Self { kind: libc::PTHREAD_MUTEX_NORMAL, robust: false, inherits: false };

    /// Initialises a free mutex with these attributes at `place`, which no other process uses yet.
    ///
    /// Errors: `Unsupported` when the library or the kernel has no such mutexes.
    fn make(&self, place: *mut libc::pthread_mutex_t) -> io::Result<()> {
        let attributes = Initialised::of(self)?;
        // SAFETY: the caller gives an aligned address for a mutex, in mapped memory that no other process uses yet; the
        // attributes are initialised.
        done(unsafe { libc::pthread_mutex_init(place, &raw const attributes.0) })
    }
}

/// Initialised attributes, destroyed on drop.
struct Initialised(libc::pthread_mutexattr_t);

impl Initialised {
    fn of(wanted: &Attributes) -> io::Result<Self> {
        // SAFETY: the object is plain bytes, and initialised before its first use.
        let mut made = unsafe {
            let mut object = std::mem::zeroed();
            done(libc::pthread_mutexattr_init(&raw mut object))?;
            Self(object)
        };
        let object = &raw mut made.0;
        // SAFETY: `object` points to attributes that were just initialised and are not used elsewhere.
        unsafe {
            done(libc::pthread_mutexattr_setpshared(object, libc::PTHREAD_PROCESS_SHARED))?;
            done(libc::pthread_mutexattr_settype(object, wanted.kind))?;
            if wanted.robust {
                done(libc::pthread_mutexattr_setrobust(object, libc::PTHREAD_MUTEX_ROBUST))?;
            }
            if wanted.inherits {
                done(libc::pthread_mutexattr_setprotocol(object, libc::PTHREAD_PRIO_INHERIT))?;
            }
        }
        Ok(made)
    }
}

impl Drop for Initialised {
    fn drop(&mut self) {
        // SAFETY: initialised by `of`, and not used after this.
        unsafe { libc::pthread_mutexattr_destroy(&raw mut self.0) };
    }
}

/// Mutex of kind `K`, in its own segment.
pub struct Mutex<K>(PhantomData<K>);

/// Mapping of the mutex.
pub struct Mapped<K> {
    mutex: Placed<libc::pthread_mutex_t>,
    kind: PhantomData<K>,
}

impl<K: Kind> Lock for Mutex<K> {
    const SUMMARY: &'static str = K::SUMMARY;
    const GROUP: Group = Group::PthreadLocks;
    const WAIT: Option<Wait> = Some(K::WAIT);
    const WAKES: bool = K::WAKES;
    type Handle = Mapped<K>;

    fn unavailable() -> Option<String> {
        let why = Self::create(1).err()?;
        Some(format!("such a mutex cannot be created here: {why}"))
    }

    fn create(_: u32) -> io::Result<Address> {
        Placed::create(|place| K::ATTRIBUTES.make(place))
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Mapped<K>> {
        Ok(Mapped { mutex: Placed::attach(address)?, kind: PhantomData })
    }

    fn cost() -> Cost {
        K::cost()
    }
}

impl<K: Kind> Handle for Mapped<K> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        // SAFETY: `create` made the mutex, and it stays mapped while `self` lives.
        let code = unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        let acquired = if code == 0 { Acquired::default() } else { self.after_death(code)? };
        self.pass(critical, acquired)
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        // SAFETY: as in `with_lock`.
        let acquired = match unsafe { libc::pthread_mutex_trylock(self.mutex.get()) } {
            0 => Acquired::default(),
            libc::EBUSY => return Ok(None),
            code => self.after_death(code)?,
        };
        self.pass(critical, acquired).map(Some)
    }
}

impl<K: Kind> Mapped<K> {
    /// Runs `critical` under the mutex, which this thread has just acquired, and releases it.
    #[inline]
    fn pass<R>(&self, critical: impl FnOnce(Acquired) -> R, acquired: Acquired) -> io::Result<R> {
        let result = critical(acquired);
        // SAFETY: `create` made the mutex, it is mapped, and this thread holds it.
        done(unsafe { libc::pthread_mutex_unlock(self.mutex.get()) })?;
        Ok(result)
    }

    /// Interprets a non-zero `code`: `EOWNERDEAD` means that this thread holds the mutex and the last owner died with
    /// it. The mutex is made consistent at once; otherwise no later contender could acquire it.
    #[cold]
    fn after_death(&self, code: c_int) -> io::Result<Acquired> {
        if code != libc::EOWNERDEAD {
            return Err(io::Error::from_raw_os_error(code));
        }
        // SAFETY: `create` made the mutex, it is mapped, and EOWNERDEAD means that this thread holds it.
        done(unsafe { libc::pthread_mutex_consistent(self.mutex.get()) })?;
        Ok(Acquired { owner_died: true })
    }
}
