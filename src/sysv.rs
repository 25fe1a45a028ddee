//! System V message queues and semaphores, found by key. An id outlives every process that knows it, so whoever makes an
//! object puts its key on record first, and removing one ends it at once for all who use it.
//!
//! Source: sysvipc(7), msgget(2), msgop(2), msgctl(2), semget(2), semop(2), semctl(2).
#![allow(unsafe_code)]

use std::ffi::c_long;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

/// By what unrelated processes find the same object. 0 is `IPC_PRIVATE`, which nobody finds again.
pub type Key = libc::key_t;

const OWNER_ONLY: libc::c_int = 0o600;
const MAKE: libc::c_int = libc::IPC_CREAT | libc::IPC_EXCL | OWNER_ONLY;

unsafe extern "C" {
    /// The libc crate leaves it out; glibc and musl have it with these types, semop(2).
    fn semtimedop(
        id: libc::c_int,
        steps: *mut libc::sembuf,
        count: libc::size_t,
        limit: *const libc::timespec,
    ) -> libc::c_int;
}

/// A message queue, by its id.
#[derive(Clone, Copy, Debug)]
pub struct MessageQueue(libc::c_int);

impl MessageQueue {
    /// Makes the queue of `key`.
    ///
    /// Errors: `AlreadyExists`; `StorageFull` (ENOSPC) when the machine has `kernel.msgmni` queues already.
    pub fn create(key: Key) -> io::Result<Self> {
        get_queue(key, MAKE)
    }

    /// The queue that was made for `key`.
    ///
    /// Errors: `NotFound`.
    pub fn open(key: Key) -> io::Result<Self> {
        get_queue(key, 0)
    }

    /// Limits the bytes that wait in the queue, and with them its messages.
    ///
    /// Errors: `PermissionDenied` when that is more than `kernel.msgmnb` and the caller has no CAP_SYS_RESOURCE.
    pub fn limit_bytes(self, bytes: usize) -> io::Result<()> {
        // SAFETY: zero bytes are a msqid_ds.
        let mut state: libc::msqid_ds = unsafe { std::mem::zeroed() };
        // SAFETY: `state` is writable and lives through the call.
        Errno::result(unsafe { libc::msgctl(self.0, libc::IPC_STAT, &raw mut state) })?;
        state.msg_qbytes = bytes as libc::msglen_t;
        // SAFETY: IPC_SET only reads `state`, which IPC_STAT filled.
        Errno::result(unsafe { libc::msgctl(self.0, libc::IPC_SET, &raw mut state) })?;
        Ok(())
    }

    /// Passes the first `len` bytes of the text on, once the queue has room.
    ///
    /// Errors: `Interrupted` when the process was stopped meanwhile; EIDRM when the queue was removed.
    #[inline]
    pub fn send(self, message: &Message, len: usize) -> io::Result<()> {
        assert!(len <= message.room, "{len} bytes of a text of {}", message.room);
        // SAFETY: the words hold the type and at least `room` bytes, of which `len` are read.
        Errno::result(unsafe { libc::msgsnd(self.0, message.words.as_ptr().cast(), len, 0) })?;
        Ok(())
    }

    /// Waits for the oldest message and gives the length of its text.
    ///
    /// Errors: E2BIG when the text has no room for it; `Interrupted` and EIDRM as in [`send`](Self::send).
    #[inline]
    pub fn receive(self, message: &mut Message) -> io::Result<usize> {
        // SAFETY: the words have room for the type and `room` bytes of text; the kernel writes no more.
        let got = unsafe { libc::msgrcv(self.0, message.words.as_mut_ptr().cast(), message.room, 0, 0) };
        Ok(Errno::result(got)?.cast_unsigned())
    }

    /// Whether some queue has `key`, anybody's.
    pub fn is_taken(key: Key) -> bool {
        is_somebodys(&get_queue(key, 0))
    }

    /// Removes the queue of `key`, in use or not; that it is gone already is fine.
    pub fn remove(key: Key) {
        if let Ok(Self(id)) = Self::open(key) {
            // SAFETY: IPC_RMID takes no buffer.
            unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
        }
    }
}

fn get_queue(key: Key, flags: libc::c_int) -> io::Result<MessageQueue> {
    // SAFETY: plain numbers go in and one comes out.
    Ok(MessageQueue(Errno::result(unsafe { libc::msgget(key, flags) })?))
}

/// Found, or hidden from us.
fn is_somebodys<T>(found: &io::Result<T>) -> bool {
    found.as_ref().err().is_none_or(|refused| refused.raw_os_error() == Some(libc::EACCES))
}

/// A message as the kernel wants it: its type, then its text.
#[derive(Debug)]
pub struct Message {
    words: Vec<c_long>,
    room: usize,
}

impl Message {
    /// With room for a text of `room` bytes.
    pub fn new(room: usize) -> Self {
        let mut words = vec![0; 1 + room.div_ceil(size_of::<c_long>())];
        // A type has to be positive.
        words[0] = 1;
        Self { words, room }
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        // SAFETY: the words after the first have at least `room` bytes, and any bytes are valid.
        unsafe { std::slice::from_raw_parts(self.words[1..].as_ptr().cast(), self.room) }
    }

    /// The text, to be written.
    #[inline]
    pub fn text_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `text`; any bytes are valid words.
        unsafe { std::slice::from_raw_parts_mut(self.words[1..].as_mut_ptr().cast(), self.room) }
    }
}

/// A set of one semaphore, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore(libc::c_int);

impl Semaphore {
    /// The largest value it can have (SEMVMX).
    pub const MAX: u32 = 32_767;

    /// Makes the semaphore of `key`, with the value 0.
    ///
    /// Errors: `AlreadyExists`; `StorageFull` (ENOSPC) when the machine has as many as `kernel.sem` allows.
    pub fn create(key: Key) -> io::Result<Self> {
        get_semaphore(key, MAKE)
    }

    /// The semaphore that was made for `key`.
    ///
    /// Errors: `NotFound`.
    pub fn open(key: Key) -> io::Result<Self> {
        get_semaphore(key, 0)
    }

    /// Adds 1 and wakes a waiter; false when the value is [`MAX`](Self::MAX) already.
    #[inline]
    pub fn post(self) -> io::Result<bool> {
        let mut up = step(1);
        // SAFETY: one operation is read.
        match Errno::result(unsafe { libc::semop(self.0, &raw mut up, 1) }) {
            Ok(_) => Ok(true),
            Err(Errno::ERANGE) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Takes 1 as soon as there is one; false when `limit` passed or the process was stopped meanwhile.
    #[inline]
    pub fn take(self, limit: Duration) -> io::Result<bool> {
        let mut down = step(-1);
        let limit = TimeSpec::from_duration(limit);
        // SAFETY: one operation and the time limit are read.
        match Errno::result(unsafe { semtimedop(self.0, &raw mut down, 1, limit.as_ref()) }) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Whether some set of semaphores has `key`, anybody's.
    pub fn is_taken(key: Key) -> bool {
        is_somebodys(&get_semaphore(key, 0))
    }

    /// Removes the semaphore of `key`, in use or not; that it is gone already is fine.
    pub fn remove(key: Key) {
        if let Ok(Self(id)) = Self::open(key) {
            // SAFETY: IPC_RMID takes no further argument.
            unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
        }
    }
}

fn get_semaphore(key: Key, flags: libc::c_int) -> io::Result<Semaphore> {
    let members = i32::from(flags & libc::IPC_CREAT != 0);
    // SAFETY: plain numbers go in and one comes out.
    Ok(Semaphore(Errno::result(unsafe { libc::semget(key, members, flags) })?))
}

fn step(by: libc::c_short) -> libc::sembuf {
    libc::sembuf { sem_num: 0, sem_op: by, sem_flg: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key nobody else uses: ours by process id.
    fn own_key(salt: u32) -> Key {
        (std::process::id() << 8 | salt).cast_signed()
    }

    #[test]
    fn a_queue_keeps_messages_whole_and_in_order_and_refuses_what_has_no_room() {
        let key = own_key(1);
        let queue = MessageQueue::create(key).expect("System V queues work");
        assert!(MessageQueue::is_taken(key) && MessageQueue::create(key).is_err());
        let mut message = Message::new(13);
        for len in [0, 1, 13] {
            message.text_mut().fill(len as u8);
            queue.send(&message, len).expect("room");
        }
        for len in [0, 1, 13] {
            assert_eq!(queue.receive(&mut message).expect("sent"), len);
            assert!(message.text()[..len].iter().all(|byte| *byte == len as u8));
        }
        queue.send(&message, 13).expect("room");
        assert_eq!(queue.receive(&mut Message::new(12)).unwrap_err().raw_os_error(), Some(libc::E2BIG));
        MessageQueue::remove(key);
        assert!(!MessageQueue::is_taken(key) && MessageQueue::open(key).is_err());
    }

    #[test]
    fn a_semaphore_counts_to_its_limit_and_back() {
        let key = own_key(2);
        let semaphore = Semaphore::create(key).expect("System V semaphores work");
        assert!(!semaphore.take(Duration::from_millis(1)).expect("a limit is no error"));
        for _ in 0..Semaphore::MAX {
            assert!(semaphore.post().expect("posted"));
        }
        assert!(!semaphore.post().expect("full is no error"));
        assert!(semaphore.take(Duration::from_millis(1)).expect("taken"));
        Semaphore::remove(key);
        assert!(!Semaphore::is_taken(key));
    }
}
