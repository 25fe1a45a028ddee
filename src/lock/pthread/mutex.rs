//! What the kinds of pthread mutexes have in common: one object, made with the attributes of its kind. Not a mechanism.

use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;

use super::sleeping_cost;
use crate::address::Address;
use crate::lock::placed::{Placed, done};
use crate::lock::{Acquired, Cost, Holder, Lock, Seat};
use crate::record::{Group, Wait};

/// A kind of mutex.
pub(in crate::lock) trait Kind: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What is asked of the library.
    const ATTRIBUTES: Attributes;
    /// How one who has to wait does it.
    const WAIT: Wait = Wait::Block;
    /// Whether letting it go is an atomic instruction and then, if somebody sleeps, a system call.
    const WAKES: bool = true;

    /// What one acquisition should cost.
    fn cost() -> Cost {
        sleeping_cost()
    }
}

/// What a mutex shared between processes can be made with.
pub(in crate::lock) struct Attributes {
    /// `PTHREAD_MUTEX_NORMAL`, ...
    pub(super) kind: c_int,
    /// The next owner is told when one died.
    pub(super) robust: bool,
    /// The owner runs with the priority of the most urgent one who waits.
    pub(super) inherits: bool,
}

impl Attributes {
    /// Nothing special.
    pub(super) const PLAIN: Self = Self { kind: libc::PTHREAD_MUTEX_NORMAL, robust: false, inherits: false };

    /// Makes a free mutex with these attributes at `place`, which nobody else uses yet.
    ///
    /// Errors: `Unsupported` when the library or the kernel has no such mutexes.
    fn make(&self, place: *mut libc::pthread_mutex_t) -> io::Result<()> {
        let attributes = Initialised::of(self)?;
        // SAFETY: the caller gives an aligned place for a mutex, in mapped memory that nobody else uses yet; the
        // attributes are initialised.
        done(unsafe { libc::pthread_mutex_init(place, &raw const attributes.0) })
    }
}

/// An attribute object that was initialised, and is destroyed in the end.
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
        // SAFETY: `object` points to attributes that were just initialised and that nobody else knows.
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

/// The mutex of kind `K`, in a segment of its own.
pub struct Mutex<K>(PhantomData<K>);

/// A mapping of it.
pub struct Mapped<K> {
    mutex: Placed<libc::pthread_mutex_t>,
    kind: PhantomData<K>,
}

impl<K: Kind> Lock for Mutex<K> {
    const SUMMARY: &'static str = K::SUMMARY;
    const GROUP: Group = Group::PthreadLocks;
    const WAIT: Option<Wait> = Some(K::WAIT);
    const WAKES: bool = K::WAKES;
    type Holder = Mapped<K>;

    fn unavailable() -> Option<String> {
        let why = Self::create(1).err()?;
        Some(format!("such a mutex cannot be made here: {why}"))
    }

    fn create(_: u32) -> io::Result<Address> {
        Placed::create(|place| K::ATTRIBUTES.make(place))
    }

    fn attach(address: &Address, _: Seat) -> io::Result<Mapped<K>> {
        Ok(Mapped { mutex: Placed::attach(address)?, kind: PhantomData })
    }

    fn cost() -> Cost {
        K::cost()
    }
}

impl<K: Kind> Holder for Mapped<K> {
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
    /// Runs `critical` under the mutex, which this thread has just got, and lets it go.
    #[inline]
    fn pass<R>(&self, critical: impl FnOnce(Acquired) -> R, acquired: Acquired) -> io::Result<R> {
        let result = critical(acquired);
        // SAFETY: `create` made the mutex, it is mapped, and this thread holds it.
        done(unsafe { libc::pthread_mutex_unlock(self.mutex.get()) })?;
        Ok(result)
    }

    /// What `code` means, which is not 0: `EOWNERDEAD` that this thread has the mutex, and the last owner died with it. It
    /// is made consistent at once, or nobody could have it after this one.
    #[cold]
    fn after_death(&self, code: c_int) -> io::Result<Acquired> {
        if code != libc::EOWNERDEAD {
            return Err(io::Error::from_raw_os_error(code));
        }
        // SAFETY: `create` made the mutex, it is mapped, and EOWNERDEAD says that this thread holds it.
        done(unsafe { libc::pthread_mutex_consistent(self.mutex.get()) })?;
        Ok(Acquired { owner_died: true })
    }
}
