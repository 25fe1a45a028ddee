//! Message queues that the kernel keeps: it copies each message in and out, keeps it whole, and limits size and number.

pub(super) mod mq_posix;
pub(super) mod mq_sysv;

use std::fs;
use std::io;

use super::Shape;
use crate::record::{Anatomy, Counts};

/// A limit that the administrator may change, from its file.
///
/// Errors: it cannot be read: the kernel was built without such queues, or they are hidden from us.
fn limit(file: &str) -> Result<usize, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    text.trim().parse().map_err(|_| format!("{file} says `{}`, which is no number", text.trim()))
}

/// One call and one copy each way. In a closed loop each message finds its reader asleep.
fn anatomy(shape: &Shape) -> Anatomy {
    let bytes = shape.message_bytes as f64;
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    Anatomy {
        sender: Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() },
        receiver: Counts {
            system_calls: 1.0,
            copied_bytes: bytes,
            moved_bytes: bytes,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    }
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("a message of {len} bytes on a queue made for {agreed} at most");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
