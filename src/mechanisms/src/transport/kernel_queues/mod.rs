//! Message queues of the kernel, which copies messages in and out, keeps their boundaries, and limits size and number.

pub(super) mod mq_posix;
pub(super) mod mq_sysv;

use std::io;

use super::Shape;
use crate::record::{CostModel, Counts};

/// Cost model: one call and one copy at each endpoint. In a closed loop the receiver sleeps before each message.
fn cost_model(shape: &Shape) -> CostModel {
    let bytes = shape.message_bytes as f64;
    let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
    CostModel {
        sender: Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() },
        receiver: Counts {
            system_calls: 1.0,
            copied_bytes: bytes,
            moved_bytes: bytes,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
        unexplained: Some(shape.sleepers_reason().into()),
    }
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("a message of {len} bytes on a queue of messages of up to {agreed} bytes");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
