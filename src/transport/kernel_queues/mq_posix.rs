//! POSIX message queue: the kernel keeps up to `msg_max` messages, highest priority first; we give all the same. It needs
//! no mounted mqueue file system. Cost: a system call and a copy on each side, a wake and a switch when the reader sleeps.
//! Both sides block with a time limit, which arms a timer when they do. Source: mq_overview(7), mq_timedsend(3),
//! getrlimit(2) on `RLIMIT_MSGQUEUE`.
#![allow(unsafe_code)]

use std::ffi::c_long;
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_close, mq_getattr, mq_open, mq_timedreceive};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::time::ClockId;

use super::{anatomy, limit, too_long};
use crate::address::{Address, Name, NameKind, fresh_name};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::slice::Until;
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

const MESSAGES_MAX: &str = "/proc/sys/fs/mqueue/msg_max";
const MESSAGE_BYTES_MAX: &str = "/proc/sys/fs/mqueue/msgsize_max";
/// What `RLIMIT_MSGQUEUE` counts for each message beside its bytes: `struct msg_msg` and `struct posix_msg_tree_node`.
const OVERHEAD_BYTES: u64 = 48 + 48;

/// The transport.
pub struct MqPosix;

/// One open end, and the buffer a message is built in or read into.
pub struct Queue {
    descriptor: Option<MqdT>,
    buffer: Vec<u8>,
    until: Until,
}

/// The kernel wants room for a byte where ours may have none.
fn slot_bytes(shape: &Shape) -> usize {
    shape.message_bytes.max(1)
}

/// As deep as the administrator allows, where the plan leaves it open.
fn depth(shape: &Shape) -> Result<usize, String> {
    if shape.depth > 0 { Ok(shape.depth as usize) } else { limit(MESSAGES_MAX) }
}

impl Transport for MqPosix {
    const SUMMARY: &'static str = "POSIX message queue, blocking";
    const GROUP: Group = Group::KernelQueues;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Queue;
    type Receiver = Queue;

    fn unavailable() -> Option<String> {
        limit(MESSAGES_MAX).err().map(|why| format!("this system has no POSIX message queues: {why}"))
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        let (bytes, depth) = (slot_bytes(shape), depth(shape)?);
        let (bytes_max, depth_max) = (limit(MESSAGE_BYTES_MAX)?, limit(MESSAGES_MAX)?);
        if bytes > bytes_max {
            return Err(format!("a message has at most {bytes_max} bytes (fs.mqueue.msgsize_max), not {bytes}"));
        }
        if depth > depth_max {
            return Err(format!("a queue holds at most {depth_max} messages (fs.mqueue.msg_max), not {depth}"));
        }
        let (allowed, _) = getrlimit(Resource::RLIMIT_MSGQUEUE).map_err(|e| format!("RLIMIT_MSGQUEUE: {e}"))?;
        // A round trip has two queues.
        let wanted = 2 * depth as u64 * (bytes as u64 + OVERHEAD_BYTES);
        if allowed != RLIM_INFINITY && wanted > allowed {
            return Err(format!(
                "a user's queues take at most {allowed} bytes (RLIMIT_MSGQUEUE), and two of {depth} messages of {bytes} \
                 bytes take {wanted}"
            ));
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        depth(shape).ok().map(|messages| messages as u32)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = depth(shape).map_err(io::Error::other)?;
        let name = fresh_name(NameKind::Mqueue)?;
        let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
        let attributes = MqAttr::new(0, depth.cast_signed() as c_long, slot_bytes(shape).cast_signed() as c_long, 0);
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let made = mq_open(slashed(&name).as_str(), flags, mode, Some(&attributes)).map_err(refused)?;
        mq_close(made)?;
        Ok(Address::Named(name))
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address.name()?, MQ_OFlag::O_WRONLY, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address.name()?, MQ_OFlag::O_RDONLY, shape)
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        anatomy(shape)
    }
}

/// The name as the C library wants it.
fn slashed(name: &Name) -> String {
    format!("/{}", name.name)
}

/// What the system calls "too many open files" here is a limit of bytes, which the user's other queues share.
fn refused(error: Errno) -> io::Error {
    match error {
        Errno::EMFILE => io::Error::other("this user's queues would take more than RLIMIT_MSGQUEUE allows"),
        other => other.into(),
    }
}

impl Queue {
    fn open(name: &Name, access: MQ_OFlag, shape: &Shape) -> io::Result<Self> {
        let descriptor = mq_open(slashed(name).as_str(), access | MQ_OFlag::O_CLOEXEC, Mode::empty(), None)?;
        let queue = Self {
            descriptor: Some(descriptor),
            buffer: vec![0; slot_bytes(shape)],
            until: Until::on(ClockId::CLOCK_REALTIME)?,
        };
        let made_for = mq_getattr(queue.descriptor()?)?.msgsize();
        if made_for != slot_bytes(shape).cast_signed() as c_long {
            let why = format!("the queue is made for {made_for} bytes where {} were agreed", slot_bytes(shape));
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(queue)
    }

    #[inline]
    fn descriptor(&self) -> io::Result<&MqdT> {
        self.descriptor.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Passes the first `len` bytes of the buffer on, or gives up at the end of the slice.
    #[inline]
    fn try_send(&self, len: usize) -> io::Result<nix::Result<()>> {
        let (number, text) = (self.descriptor()?.as_raw_fd(), &self.buffer[..len]);
        let until = self.until.moment().as_ref();
        // SAFETY: the descriptor is open, the text is readable for its length, and both it and the moment outlive the call.
        let sent = unsafe { libc::mq_timedsend(number, text.as_ptr().cast(), text.len(), 0, until) };
        Ok(Errno::result(sent).map(drop))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            // It was open, and closing has no other way to fail.
            let _ = mq_close(descriptor);
        }
    }
}

impl Sender for Queue {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.buffer.len() {
            return Err(too_long(len, self.buffer.len()));
        }
        fill(&mut self.buffer[..len]);
        loop {
            match self.try_send(len)? {
                Ok(()) => return Ok(()),
                Err(Errno::ETIMEDOUT | Errno::EINTR) => self.until.passed()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Receiver for Queue {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let mut priority = 0;
        loop {
            let descriptor = self.descriptor.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            match mq_timedreceive(descriptor, &mut self.buffer, &mut priority, self.until.moment()) {
                Ok(len) => return Ok(read(&self.buffer[..len])),
                Err(Errno::ETIMEDOUT | Errno::EINTR) => self.until.passed()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}
