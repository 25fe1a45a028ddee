//! System V message queues: the four system calls, which nix and rustix lack. A queue is identified by a key, outlives
//! all processes that use it, and its removal ends it for all of them. Source: sysvipc(7), msgget(2), msgop(2),
//! msgctl(2).
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long};
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroI32;
use std::ptr;

use nix::errno::Errno;

/// Key of a queue. Never 0, which is `IPC_PRIVATE` and would create a queue instead of finding one.
pub type Key = NonZeroI32;

/// Creates a new queue, for this user only.
const MAKE: c_int = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;

/// File with the largest size of a message's text in bytes.
pub const MESSAGE_BYTES_MAX: &str = "/proc/sys/kernel/msgmax";
/// File with the largest size of a queue in bytes.
pub const QUEUE_BYTES_MAX: &str = "/proc/sys/kernel/msgmnb";

/// Removes the queue of `key`, even if it is in use.
///
/// Errors: `NotFound` if there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let MessageQueue(id) = MessageQueue::open(key)?;
    // SAFETY: IPC_RMID reads no buffer.
    Errno::result(unsafe { libc::msgctl(id, libc::IPC_RMID, ptr::null_mut()) })?;
    Ok(())
}

/// True if a queue has this key.
///
/// Errors: the kernel refuses the call, because it was built without System V objects or a filter forbids it.
pub fn exists(key: Key) -> io::Result<bool> {
    match MessageQueue::open(key) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A queue of another user, which this process may not open.
            Some(libc::EACCES) => Ok(true),
            _ => Err(error),
        },
    }
}

/// Message queue, by its id.
#[derive(Clone, Copy, Debug)]
pub struct MessageQueue(c_int);

impl MessageQueue {
    /// Creates the queue of `key`.
    ///
    /// Errors: `AlreadyExists`; `StorageFull` (ENOSPC) if the machine has `kernel.msgmni` queues already.
    pub fn create(key: Key) -> io::Result<Self> {
        get_queue(key, MAKE)
    }

    /// Opens the queue of `key`.
    ///
    /// Errors: `NotFound`.
    pub fn open(key: Key) -> io::Result<Self> {
        get_queue(key, 0)
    }

    /// Limits the bytes in the queue, and thereby its messages.
    ///
    /// Errors: `PermissionDenied` above `kernel.msgmnb` without CAP_SYS_RESOURCE.
    pub fn limit_bytes(self, bytes: usize) -> io::Result<()> {
        let mut state = self.state()?;
        state.msg_qbytes = bytes as libc::msglen_t;
        // SAFETY: IPC_SET only reads `state`.
        Errno::result(unsafe { libc::msgctl(self.0, libc::IPC_SET, &raw mut state) })?;
        Ok(())
    }

    /// Sends the first `len` bytes of the text, once the queue has space.
    ///
    /// Errors: `Interrupted` by a signal; EIDRM if the queue was removed.
    #[inline]
    pub fn send(self, message: &Message, len: usize) -> io::Result<()> {
        assert!(len <= message.room, "{len} bytes of a text of {}", message.room);
        // SAFETY: the words hold the type and at least `room` bytes, of which `len` are read.
        Errno::result(unsafe { libc::msgsnd(self.0, message.words.as_ptr().cast(), len, 0) })?;
        Ok(())
    }

    /// Sends if the queue has space now; false if it has none.
    ///
    /// Errors: as for [`send`](Self::send), except `Interrupted`.
    #[inline]
    pub fn try_send(self, message: &Message, len: usize) -> io::Result<bool> {
        assert!(len <= message.room, "{len} bytes of a text of {}", message.room);
        // SAFETY: as in `send`.
        let sent = unsafe { libc::msgsnd(self.0, message.words.as_ptr().cast(), len, libc::IPC_NOWAIT) };
        match Errno::result(sent) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Waits for the oldest message and returns the length of its text.
    ///
    /// Errors: E2BIG if it exceeds the space in `message`; `Interrupted` and EIDRM as in [`send`](Self::send).
    #[inline]
    pub fn receive(self, message: &mut Message) -> io::Result<usize> {
        // SAFETY: the words have space for the type and `room` bytes of text; the kernel writes no more.
        let got = unsafe { libc::msgrcv(self.0, message.words.as_mut_ptr().cast(), message.room, 0, 0) };
        Ok(Errno::result(got)?.cast_unsigned())
    }

    /// Takes the oldest message if there is one now, and returns the length of its text.
    ///
    /// Errors: as for [`receive`](Self::receive), except `Interrupted`.
    #[inline]
    pub fn try_receive(self, message: &mut Message) -> io::Result<Option<usize>> {
        let (words, room) = (message.words.as_mut_ptr().cast(), message.room);
        // SAFETY: as in `receive`.
        match Errno::result(unsafe { libc::msgrcv(self.0, words, room, 0, libc::IPC_NOWAIT) }) {
            Ok(got) => Ok(Some(got.cast_unsigned())),
            Err(Errno::ENOMSG) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Number of messages in the queue.
    pub fn waiting(self) -> io::Result<u64> {
        Ok(self.state()?.msg_qnum)
    }

    fn state(self) -> io::Result<libc::msqid_ds> {
        let mut state = MaybeUninit::uninit();
        // SAFETY: IPC_STAT writes a msqid_ds.
        Errno::result(unsafe { libc::msgctl(self.0, libc::IPC_STAT, state.as_mut_ptr()) })?;
        // SAFETY: the call succeeded, so all of it is initialised.
        Ok(unsafe { state.assume_init() })
    }
}

fn get_queue(key: Key, flags: c_int) -> io::Result<MessageQueue> {
    // SAFETY: all arguments and the result are plain numbers.
    Ok(MessageQueue(Errno::result(unsafe { libc::msgget(key.get(), flags) })?))
}

/// Message in the kernel's format: its type, then its text.
#[derive(Debug)]
pub struct Message {
    words: Vec<c_long>,
    room: usize,
}

impl Message {
    /// Message with space for a text of `room` bytes.
    pub fn new(room: usize) -> Self {
        let mut words = vec![0; 1 + room.div_ceil(size_of::<c_long>())];
        // A type must be positive.
        words[0] = 1;
        Self { words, room }
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        // SAFETY: the words after the first have at least `room` bytes, and any bytes are valid.
        unsafe { std::slice::from_raw_parts(self.words[1..].as_ptr().cast(), self.room) }
    }

    /// The text, for writing.
    #[inline]
    pub fn text_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `text`; any bytes are valid words.
        unsafe { std::slice::from_raw_parts_mut(self.words[1..].as_mut_ptr().cast(), self.room) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_keeps_boundaries_and_order_and_refuses_what_exceeds_its_space() {
        let key = Key::new((std::process::id() << 8 | 1).cast_signed()).expect("not 0");
        let queue = MessageQueue::create(key).expect("System V queues work");
        assert!(exists(key).expect("an answer") && MessageQueue::create(key).is_err());
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
        assert_eq!(queue.waiting().expect("a queue of ours"), 1);
        assert_eq!(queue.try_receive(&mut message).expect("as above"), Some(13));
        assert_eq!(queue.try_receive(&mut message).expect("as above"), None);
        queue.limit_bytes(13).expect("less than before");
        assert!(queue.try_send(&message, 13).expect("as above"));
        assert!(!queue.try_send(&message, 1).expect("as above"));
        remove(key).expect("removed");
        assert!(!exists(key).expect("an answer") && remove(key).is_err());
    }
}
