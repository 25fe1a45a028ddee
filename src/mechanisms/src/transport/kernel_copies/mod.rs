//! One copy by the kernel between address spaces. Shared memory holds only a mailbox for the length of a message: full
//! if the payload is ready, empty if its memory may be reused.
#![allow(unsafe_code)]

pub(super) mod readv;
pub(super) mod writev;

use std::io;

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::{Shape, peer};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Operation, Substrate};
use crate::ring::layout::Layout;
use crate::ring::mailbox::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::shm::{self, Segment};
use crate::wait::{Hybrid, Parker};

/// Content of the mailbox: number of bytes.
type Length = [u8; 8];
/// Maximum size of a message.
const BYTES_MAX: usize = 1 << 30;
/// Length that reports a failed copy.
const NOT_COPIED: u64 = u64::MAX;

type Slots = SegmentSlots<Parker, Parker>;
type LengthSender = Producer<Slots, Hybrid>;
type LengthReceiver = Consumer<Slots, Hybrid>;

fn layout() -> Layout {
    Layout::new(1, size_of::<Length>())
}

fn create() -> io::Result<Address> {
    shm::create(Substrate::Memfd, layout().segment_bytes())
}

fn mailbox(address: &Address, end: Endpoint) -> io::Result<Slots> {
    SegmentSlots::new(Segment::attach(address, end, layout().segment_bytes())?, layout(), 0)
}

/// Reason why the kernel does not copy between processes here.
fn unavailable() -> Option<String> {
    // A copy within one process needs the call, but no permission.
    let (from, mut to) = ([1u8], [0u8]);
    let remote = RemoteIoVec { base: from.as_ptr().expose_provenance(), len: 1 };
    match process_vm_readv(Pid::this(), &mut [io::IoSliceMut::new(&mut to)], &[remote]) {
        Ok(_) => peer::access_forbidden(),
        Err(Errno::ENOSYS) => {
            Some("this kernel was built without process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)".into())
        }
        Err(refused) => Some(format!("process_vm_readv is refused, likely by a seccomp filter: {}", refused.desc())),
    }
}

fn supports(shape: &Shape) -> Result<(), String> {
    if shape.depth > 1 {
        return Err(format!("a channel holds one message at a time, not {}", shape.depth));
    }
    if shape.message_bytes > BYTES_MAX {
        return Err(format!("a message has at most {} bytes, not {}", BYTES_MAX, shape.message_bytes));
    }
    Ok(())
}

/// Reason of small messages.
const OTHER_PROCESS: &str = "the price is that of a copy within one process; of another one, the kernel's lock and page tables are \
                             in the other core's cache";

/// Cost model: a call and a copy at `copier`; a transfer of the mailbox's line, and of the copied bytes.
fn cost_model(shape: &Shape, copier: Endpoint) -> CostModel {
    let bytes = shape.message_bytes as f64;
    let side = |end| {
        // An empty message needs no call.
        let mine = if end == copier && shape.message_bytes > 0 { 1.0 } else { 0.0 };
        Counts { system_calls: mine, copied_bytes: mine * bytes, ..Counts::default() }.carrying(
            Operation::ProcessCopy,
            mine,
            bytes,
        )
    };
    let receiver = Counts { line_transfers: 1.0, moved_bytes: bytes, ..side(Endpoint::Receiver) };
    CostModel { sender: side(Endpoint::Sender), receiver, unexplained: Some(OTHER_PROCESS.into()) }
}

/// Repeats `copy`, which may copy only a part, until all `bytes` are copied.
///
/// Errors: those of the call, such as ESRCH if the other process has ended; `WriteZero` if it copies nothing.
#[inline]
fn whole(bytes: usize, mut copy: impl FnMut(usize) -> nix::Result<usize>) -> io::Result<()> {
    let mut done = 0;
    while done < bytes {
        match copy(done) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::WriteZero, "the kernel copied no bytes")),
            Ok(more) => done += more,
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("a message of {len} bytes on a channel of messages of up to {agreed} bytes");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cold]
fn bad_length(claimed: u64, agreed: usize) -> io::Error {
    let why = match claimed {
        NOT_COPIED => "the sender could not copy its message".to_owned(),
        _ => format!("the mailbox announces {claimed} bytes, more than the agreed {agreed}"),
    };
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Length in the mailbox, checked against the agreed size.
#[inline]
fn length(seen: &[u8], agreed: usize) -> io::Result<usize> {
    let claimed = Length::try_from(seen).map_or(NOT_COPIED, u64::from_le_bytes);
    if claimed <= agreed as u64 { Ok(claimed as usize) } else { Err(bad_length(claimed, agreed)) }
}

/// Private mapping whose address another process uses.
struct Area {
    map: MmapRaw,
}

impl Area {
    /// Maps `bytes` zero bytes, with all pages present; otherwise the kernel would fault them in one by one during a
    /// copy.
    fn new(bytes: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(bytes.max(1)).populate().map_anon()?;
        Ok(Self { map: map.into() })
    }

    /// Start address for the other process.
    fn address(&self) -> usize {
        self.map.as_mut_ptr().expose_provenance()
    }

    /// First `len` bytes, writable. Panics if there are fewer.
    ///
    /// # Safety
    /// The other process does not let the kernel read or write them while the slice exists.
    #[inline]
    unsafe fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        assert!(len <= self.map.len());
        // SAFETY: mapped as long as `self` lives; any bytes are valid; by the contract there is no other access.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr(), len) }
    }

    /// First `len` bytes. Panics if there are fewer.
    ///
    /// # Safety
    /// The other process does not let the kernel write them while the slice exists.
    #[inline]
    unsafe fn bytes(&self, len: usize) -> &[u8] {
        assert!(len <= self.map.len());
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), len) }
    }
}
