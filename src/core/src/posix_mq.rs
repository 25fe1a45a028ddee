//! POSIX message queues: limits, creation by a leased name, and the timed calls, one of which nix lacks. A queue needs
//! no mounted mqueue file system. Source: mq_overview(7), mq_timedsend(3), getrlimit(2) on `RLIMIT_MSGQUEUE`.
#![allow(unsafe_code)]

use std::ffi::c_long;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::ptr;

use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_close, mq_getattr, mq_open, mq_timedreceive};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;

use crate::address::{Name, NameKind, fresh_name};
use crate::limits;

const MESSAGES_MAX: &str = "/proc/sys/fs/mqueue/msg_max";
const MESSAGE_BYTES_MAX: &str = "/proc/sys/fs/mqueue/msgsize_max";
/// Bytes that `RLIMIT_MSGQUEUE` counts for each message besides its text: `struct msg_msg` and `struct
/// posix_msg_tree_node`.
const OVERHEAD_BYTES: u64 = 48 + 48;

/// Capacity of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Largest number of messages.
    pub messages: usize,
    /// Largest message in bytes; at least 1.
    pub message_bytes: usize,
}

/// Access mode of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `O_WRONLY`.
    Send,
    /// `O_RDONLY`.
    Receive,
    /// `O_RDWR`.
    Both,
}

/// Reason why POSIX message queues are unavailable.
pub fn unavailable() -> Option<String> {
    messages_max().err().map(|why| format!("this system has no POSIX message queues: {why}"))
}

/// Largest number of messages that a queue may hold.
///
/// Errors: the limit cannot be read, because the kernel was built without such queues or hides them.
pub fn messages_max() -> Result<usize, String> {
    limits::read(MESSAGES_MAX)
}

impl Size {
    /// Checks that `queues` queues of this size can be created.
    ///
    /// Errors: the reason, with the limit.
    pub fn supports(self, queues: u64) -> Result<(), String> {
        let (bytes, depth) = (self.message_bytes, self.messages);
        let (bytes_max, depth_max) = (limits::read(MESSAGE_BYTES_MAX)?, limits::read(MESSAGES_MAX)?);
        if bytes > bytes_max {
            return Err(format!("a message has at most {bytes_max} bytes (fs.mqueue.msgsize_max), not {bytes}"));
        }
        if depth > depth_max {
            return Err(format!("a queue holds at most {depth_max} messages (fs.mqueue.msg_max), not {depth}"));
        }
        let (allowed, _) = getrlimit(Resource::RLIMIT_MSGQUEUE).map_err(|e| format!("RLIMIT_MSGQUEUE: {e}"))?;
        let wanted = queues * depth as u64 * (bytes as u64 + OVERHEAD_BYTES);
        if allowed != RLIM_INFINITY && wanted > allowed {
            return Err(format!(
                "a user's queues may take {allowed} bytes (RLIMIT_MSGQUEUE), but {queues} of {depth} messages of {bytes} \
                 bytes take {wanted}"
            ));
        }
        Ok(())
    }
}

/// Creates a queue and returns its leased name.
pub fn create(size: Size) -> io::Result<Name> {
    let name = fresh_name(NameKind::Mqueue)?;
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
    let (messages, bytes) = (size.messages.cast_signed() as c_long, size.message_bytes.cast_signed() as c_long);
    let attributes = MqAttr::new(0, messages, bytes, 0);
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let made = mq_open(slashed(&name).as_str(), flags, mode, Some(&attributes)).map_err(refused)?;
    mq_close(made)?;
    Ok(name)
}

/// The name in the form that mq_open(3) requires.
fn slashed(name: &Name) -> String {
    format!("/{}", name.name)
}

/// Translates EMFILE, which here means a limit in bytes that all queues of the user share.
fn refused(error: Errno) -> io::Error {
    match error {
        Errno::EMFILE => io::Error::other("this user's queues would take more than RLIMIT_MSGQUEUE allows"),
        other => other.into(),
    }
}

/// An open queue. Calls time out at a time of `CLOCK_REALTIME`; a time in the past means not to wait.
#[derive(Debug)]
pub struct MessageQueue(ManuallyDrop<MqdT>);

impl MessageQueue {
    /// Opens the queue of this name.
    ///
    /// Errors: `NotFound`; `InvalidData` if it was not made for messages of up to `message_bytes`.
    pub fn open(name: &Name, access: Access, message_bytes: usize) -> io::Result<Self> {
        let access = match access {
            Access::Send => MQ_OFlag::O_WRONLY,
            Access::Receive => MQ_OFlag::O_RDONLY,
            Access::Both => MQ_OFlag::O_RDWR,
        };
        let opened = mq_open(slashed(name).as_str(), access | MQ_OFlag::O_CLOEXEC, Mode::empty(), None)?;
        let queue = Self(ManuallyDrop::new(opened));
        let made_for = mq_getattr(&queue.0)?.msgsize();
        if made_for != message_bytes.cast_signed() as c_long {
            let why = format!("the queue was made for messages of {made_for} bytes, but {message_bytes} were agreed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(queue)
    }

    /// Sends `text` once there is space.
    ///
    /// Errors: `ETIMEDOUT` if there is none until `moment`; `EINTR` if a signal arrived.
    #[inline]
    pub fn send_until(&self, text: &[u8], moment: &TimeSpec) -> nix::Result<()> {
        let (number, moment) = (self.0.as_raw_fd(), ptr::from_ref(moment.as_ref()));
        // SAFETY: the descriptor is open, the text is readable for its length, and both it and the time outlive the
        // call.
        let sent = unsafe { libc::mq_timedsend(number, text.as_ptr().cast(), text.len(), 0, moment) };
        Errno::result(sent).map(drop)
    }

    /// Receives the oldest message into `room`, which has space for the longest, and returns its length.
    ///
    /// Errors: as for [`send_until`](Self::send_until), if there is no message.
    #[inline]
    pub fn receive_until(&self, room: &mut [u8], moment: &TimeSpec) -> nix::Result<usize> {
        mq_timedreceive(&self.0, room, &mut 0, moment)
    }

    /// Number of messages in the queue.
    pub fn waiting(&self) -> io::Result<u64> {
        Ok(mq_getattr(&self.0)?.curmsgs().cast_unsigned())
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // SAFETY: the descriptor is taken once, here, and not used afterwards.
        let queue = unsafe { ManuallyDrop::take(&mut self.0) };
        // It is open, so closing cannot fail.
        let _ = mq_close(queue);
    }
}
