//! System V message queues: the four calls, which none of our wrapper crates has. A queue is found by a number, its key,
//! outlives every process that knows it, and ends for all who use it when it is removed. Source: sysvipc(7), msgget(2),
//! msgop(2), msgctl(2).
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long};
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroI32;
use std::ptr;

use nix::errno::Errno;

/// What a queue is found by. Never 0, which is `IPC_PRIVATE` and would make a queue instead of finding one.
pub type Key = NonZeroI32;

/// Made here and now, for this user only.
const MAKE: c_int = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;

/// The file with the bytes that the text of a message may have.
pub const MESSAGE_BYTES_MAX: &str = "/proc/sys/kernel/msgmax";
/// The file with the bytes that may wait in a queue.
pub const QUEUE_BYTES_MAX: &str = "/proc/sys/kernel/msgmnb";

/// Removes the queue of `key`, in use or not.
///
/// Errors: `NotFound` when there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let MessageQueue(id) = MessageQueue::open(key)?;
    // SAFETY: IPC_RMID reads no buffer.
    Errno::result(unsafe { libc::msgctl(id, libc::IPC_RMID, ptr::null_mut()) })?;
    Ok(())
}

/// Whether a queue has this key.
///
/// Errors: the kernel does not answer, as where it was built without System V objects or a filter forbids the call.
pub fn exists(key: Key) -> io::Result<bool> {
    match MessageQueue::open(key) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A queue of another user, which we may not open.
            Some(libc::EACCES) => Ok(true),
            _ => Err(error),
        },
    }
}

/// A message queue, by its id.
#[derive(Clone, Copy, Debug)]
pub struct MessageQueue(c_int);

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
        let mut state = self.state()?;
        state.msg_qbytes = bytes as libc::msglen_t;
        // SAFETY: IPC_SET only reads `state`.
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

    /// The same if the queue has room now; false when it has none.
    ///
    /// Errors: as for [`send`](Self::send), but for `Interrupted`.
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

    /// Waits for the oldest message and gives the length of its text.
    ///
    /// Errors: E2BIG when the text has no room for it; `Interrupted` and EIDRM as in [`send`](Self::send).
    #[inline]
    pub fn receive(self, message: &mut Message) -> io::Result<usize> {
        // SAFETY: the words have room for the type and `room` bytes of text; the kernel writes no more.
        let got = unsafe { libc::msgrcv(self.0, message.words.as_mut_ptr().cast(), message.room, 0, 0) };
        Ok(Errno::result(got)?.cast_unsigned())
    }

    /// Takes the oldest message if there is one now, and gives the length of its text.
    ///
    /// Errors: as for [`receive`](Self::receive), but for `Interrupted`.
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

    /// Messages that wait at this moment.
    pub fn waiting(self) -> io::Result<u64> {
        Ok(self.state()?.msg_qnum)
    }

    fn state(self) -> io::Result<libc::msqid_ds> {
        let mut state = MaybeUninit::uninit();
        // SAFETY: IPC_STAT writes a msqid_ds.
        Errno::result(unsafe { libc::msgctl(self.0, libc::IPC_STAT, state.as_mut_ptr()) })?;
        // SAFETY: the call succeeded, so it filled the whole of it.
        Ok(unsafe { state.assume_init() })
    }
}

fn get_queue(key: Key, flags: c_int) -> io::Result<MessageQueue> {
    // SAFETY: plain numbers go in and one comes out.
    Ok(MessageQueue(Errno::result(unsafe { libc::msgget(key.get(), flags) })?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_keeps_messages_whole_and_in_order_and_refuses_what_has_no_room() {
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
