//! The kernel copies from one address space into another, once: no memory is shared but the word that says when.
//!
//! A mailbox of one length tells that the payload is there; that it is emptied tells that its place may be used again.

mod area;
pub(super) mod readv;
pub(super) mod writev;

use std::io;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::{Shape, peer};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Substrate};
use crate::ring::layout::Layout;
use crate::ring::mailbox::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::shm::{self, Segment};
use crate::wait::{Hybrid, Parker};

/// What the mailbox carries: how many bytes wait.
type Length = [u8; 8];
/// The length in place of a payload that the kernel would not copy.
const NOT_COPIED: u64 = u64::MAX;

type Slots = SegmentSlots<Parker, Parker>;
type Announcer = Producer<Slots, Hybrid>;
type Hearer = Consumer<Slots, Hybrid>;

fn layout() -> Layout {
    Layout::new(1, size_of::<Length>())
}

fn create() -> io::Result<Address> {
    shm::create(Substrate::Memfd, layout().segment_bytes())
}

fn mailbox(address: &Address, end: Endpoint) -> io::Result<Slots> {
    SegmentSlots::new(Segment::attach(address, end, layout().segment_bytes())?, layout(), 0)
}

/// Why the kernel would not copy between two processes here.
fn unavailable() -> Option<String> {
    // Between a process and itself it needs no permission, only the call.
    let (from, mut to) = ([1u8], [0u8]);
    let remote = RemoteIoVec { base: from.as_ptr().expose_provenance(), len: 1 };
    match process_vm_readv(Pid::this(), &mut [io::IoSliceMut::new(&mut to)], &[remote]) {
        Ok(_) => peer::looking_is_forbidden(),
        Err(Errno::ENOSYS) => {
            Some("this kernel was built without process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)".into())
        }
        Err(refused) => Some(format!("process_vm_readv is refused, likely by a seccomp filter: {}", refused.desc())),
    }
}

fn supports(shape: &Shape) -> Result<(), String> {
    if shape.depth > 1 {
        return Err(format!("one payload waits at a time, not {}", shape.depth));
    }
    if shape.message_bytes > area::BYTES_MAX {
        return Err(format!("a side's memory holds at most {} bytes, not {}", area::BYTES_MAX, shape.message_bytes));
    }
    Ok(())
}

/// A call and a copy on the side that makes them; the mailbox's line changes hands, and what was copied arrives with it.
fn anatomy(shape: &Shape, copier: Endpoint) -> Anatomy {
    let bytes = shape.message_bytes as f64;
    let side = |end| {
        // Of nothing, nothing is copied.
        let mine = if end == copier && shape.message_bytes > 0 { 1.0 } else { 0.0 };
        Counts { system_calls: mine, copied_bytes: mine * bytes, ..Counts::default() }
    };
    let receiver = Counts { line_hand_overs: 1.0, moved_bytes: bytes, ..side(Endpoint::Receiver) };
    Anatomy { sender: side(Endpoint::Sender), receiver }
}

/// Repeats a copy that the kernel may do in pieces until all `bytes` are over.
///
/// Errors: those of the call, above all ESRCH when the other process is gone; `WriteZero` when it copies no more.
#[inline]
fn whole(bytes: usize, mut copy: impl FnMut(usize) -> nix::Result<usize>) -> io::Result<()> {
    let mut done = 0;
    while done < bytes {
        match copy(done) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::WriteZero, "the kernel stopped copying")),
            Ok(more) => done += more,
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("a message of {len} bytes between memories of {agreed}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cold]
fn bad_length(claimed: u64, agreed: usize) -> io::Error {
    let why = match claimed {
        NOT_COPIED => "the sender could not copy its message".to_owned(),
        _ => format!("the mailbox claims {claimed} bytes where {agreed} were agreed at most"),
    };
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The length in the mailbox, if a message of that size was agreed on.
#[inline]
fn length(seen: &[u8], agreed: usize) -> io::Result<usize> {
    let claimed = Length::try_from(seen).map_or(NOT_COPIED, u64::from_le_bytes);
    if claimed <= agreed as u64 { Ok(claimed as usize) } else { Err(bad_length(claimed, agreed)) }
}
