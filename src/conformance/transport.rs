//! Conformance of transports, between two endpoints:
//!
//! 1. one message arrives complete;
//! 2. a receiver that comes first waits (empty);
//! 3. a sender that is faster than the receiver waits and loses nothing (full); order and every byte are checked;
//! 4. a message larger than agreed is refused with the limit named, or transferred completely;
//! 5. afterwards, messages still arrive.
//!
//! A transport that may lose, overwrite or merge messages must keep its own guarantee: order, the newest message, or at
//! least one message.
//!
//! The harness tests the death of peers for every transport.

use std::io;
use std::ops::Range;
use std::time::Duration;

use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase};
use crate::payload::{check, fill, parts, stamp, stamp_of};
use crate::protocol::Report;
use crate::transport::erased::{AnyReceiver, AnySender};
use crate::transport::{Delivery, Receiver, Sender};
use crate::{abort, clock};

const ONE: u32 = 40;
const EMPTY: u32 = 41;
const FULL: u32 = 42;
const OVERSIZE: u32 = 43;
const AGAIN: u32 = 44;

const SENDER_SLOT: u32 = 0;
const RECEIVER_SLOT: u32 = 1;
/// Bytes that fill the buffers of any transport several times.
const FLOOD_BYTES: usize = 8 << 20;
/// Maximum of messages sent after the receiver began to read from a full transport: many times the slots of a queue.
const BEYOND_FULL: u64 = 2_000;
/// Posted by the receiver when it reads from a full transport.
const READING: u64 = 1;
/// Time after which a receiver in a phase waits for its message.
const ASLEEP: Duration = Duration::from_millis(5);
/// Time without progress after which a sender is waiting.
const QUIET: Duration = Duration::from_millis(10);
/// Posted by the sender when the transport accepted a message larger than agreed.
const CARRIED: u64 = 1;
const PRODUCER: u16 = 5;

/// Runs the sender.
pub fn lead(mut sender: AnySender, leader: &mut Leader, task: &Task, delivery: Delivery) -> MeasureResult {
    let bytes = task.message_bytes();
    let mut sent = 0;
    let mut send = |sender: &mut AnySender, page: &Page| {
        sender.send(bytes, |room| fill(room, stamp(PRODUCER, sent)))?;
        sent += 1;
        page.set_progress(SENDER_SLOT, sent);
        Ok::<(), MeasureError>(())
    };
    let page = leader.page().clone();
    let again = if delivery == Delivery::Coalescing || nameless(delivery, bytes) { 1 } else { 10 };
    for (kind, count) in [(ONE, 1), (EMPTY, 1), (FULL, flood(bytes)), (OVERSIZE, 1), (AGAIN, again)] {
        if kind == FULL && nameless(delivery, bytes) {
            continue;
        }
        leader.open(kind, count)?;
        match kind {
            EMPTY => {
                // The receiver is waiting by now: it has entered the phase and has no other work.
                std::thread::sleep(ASLEEP);
                send(&mut sender, &page)?;
            }
            FULL if delivery == Delivery::Exact => overfill(&page, count, || send(&mut sender, &page))?,
            OVERSIZE => {
                let carried = offer_oversize(&mut sender, bytes)?;
                page.set_progress(SENDER_SLOT, if carried { CARRIED } else { 0 });
                // A second phase, so that the receiver sees the result of the first.
                leader.close()?;
                leader.open(OVERSIZE, 2)?;
            }
            _ => (0..count).try_for_each(|_| send(&mut sender, &page))?,
        }
        leader.close()?;
    }
    leader.open(phase::END, 0)?;
    leader.close()?;
    page.set_count(1);
    Ok(Report { messages: 1, chosen_by: "fixed".into(), ..Report::default() })
}

/// Runs the receiver.
pub fn follow(mut receiver: AnyReceiver, member: &mut Member, task: &Task, delivery: Delivery) -> MeasureResult {
    let bytes = task.message_bytes();
    let mut verified = 0;
    loop {
        let open = member.enter()?;
        match open.kind {
            phase::END => {
                member.leave()?;
                return Ok(Report { messages: 1, ..Report::default() });
            }
            OVERSIZE => {
                if open.count == 2 && member.page().progress(SENDER_SLOT) == CARRIED {
                    receiver
                        .receive(|seen| check(seen, bytes + 1, stamp(PRODUCER, 0)))?
                        .map_err(MeasureError::Invalid)?;
                }
            }
            kind => {
                if kind == FULL {
                    await_standstill(member.page());
                    member.page().post(RECEIVER_SLOT, READING);
                }
                let owed = verified..verified + open.count;
                verified = owed.end;
                match delivery {
                    Delivery::Exact if kind == FULL => {
                        verified = owed.start;
                        while member.page().posted(SENDER_SLOT) != verified {
                            receiver
                                .receive(|seen| check(seen, bytes, stamp(PRODUCER, verified)))?
                                .map_err(MeasureError::Invalid)?;
                            verified += 1;
                        }
                    }
                    Delivery::Coalescing => {
                        await_progress(member.page(), owed.end)?;
                        receiver
                            .receive(|seen| check(seen, bytes, stamp(PRODUCER, owed.end - 1)))?
                            .map_err(MeasureError::Invalid)?;
                    }
                    Delivery::Lossy | Delivery::Latest => {
                        let all_sent = || member.page().progress(SENDER_SLOT) >= owed.end;
                        some_of(&mut receiver, bytes, owed.clone(), &all_sent)?;
                    }
                    Delivery::Exact => {
                        for sequence in owed {
                            receiver
                                .receive(|seen| check(seen, bytes, stamp(PRODUCER, sequence)))?
                                .map_err(MeasureError::Invalid)?;
                        }
                    }
                }
            }
        }
        member.leave()?;
    }
}

/// Runs both roles in one thread, with the checks that need no wait.
pub fn solo(mut sender: AnySender, mut receiver: AnyReceiver, page: &Page, task: &Task) -> MeasureResult {
    let bytes = task.message_bytes();
    for sequence in 0..100 {
        sender.send(bytes, |room| fill(room, stamp(PRODUCER, sequence)))?;
        receiver.receive(|seen| check(seen, bytes, stamp(PRODUCER, sequence)))?.map_err(MeasureError::Invalid)?;
    }
    page.set_count(1);
    Ok(Report { messages: 1, chosen_by: "fixed".into(), ..Report::default() })
}

/// True if messages may be lost and are too short to identify themselves.
fn nameless(delivery: Delivery, bytes: usize) -> bool {
    matches!(delivery, Delivery::Lossy | Delivery::Latest) && bytes < 8
}

/// Receives the messages in `owed` that arrive, complete and in order, until the last one or a time-out after all were
/// sent.
fn some_of(
    receiver: &mut AnyReceiver,
    bytes: usize,
    mut owed: Range<u64>,
    all_sent: &dyn Fn() -> bool,
) -> Result<(), MeasureError> {
    let mut done = false;
    while !owed.is_empty() {
        let seen = receiver.receive(|seen| {
            let claimed = stamp_of(seen).map_or(owed.start, |stamp| parts(stamp).1);
            let due = if owed.contains(&claimed) { claimed } else { owed.start };
            check(seen, bytes, stamp(PRODUCER, due)).map(|()| due)
        });
        match seen {
            Ok(sequence) => owed.start = sequence.map_err(MeasureError::Invalid)? + 1,
            Err(silence) if silence.kind() == io::ErrorKind::TimedOut && done => return Ok(()),
            // Messages sent between the time-out and this check may still arrive.
            Err(silence) if silence.kind() == io::ErrorKind::TimedOut && !abort::requested() => done = all_sent(),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// Waits until the sender has sent `sent` messages.
fn await_progress(page: &Page, sent: u64) -> io::Result<()> {
    while page.progress(SENDER_SLOT) < sent {
        if abort::requested() {
            return Err(abort::error());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// Sends until the receiver has read from a full transport for a while, or `most` messages if it never fills. Posts the
/// total before the last message, so that the receiver never waits for more.
fn overfill(page: &Page, most: u64, mut send: impl FnMut() -> Result<(), MeasureError>) -> Result<(), MeasureError> {
    let mut sent = page.progress(SENDER_SLOT);
    let (mut end, mut is_posted) = (sent + most, false);
    while sent < end {
        if !is_posted && (page.posted(RECEIVER_SLOT) == READING || sent + 1 == end) {
            end = end.min(sent + BEYOND_FULL);
            page.post(SENDER_SLOT, end);
            is_posted = true;
        }
        send()?;
        sent += 1;
    }
    Ok(())
}

fn flood(bytes: usize) -> u64 {
    ((FLOOD_BYTES / bytes.max(64)) as u64).max(16)
}

/// True if the transport accepted a message one byte larger than agreed.
fn offer_oversize(sender: &mut AnySender, agreed: usize) -> Result<bool, MeasureError> {
    match sender.send(agreed + 1, |room| fill(room, stamp(PRODUCER, 0))) {
        Ok(()) => Ok(true),
        Err(refused) if refused.kind() == io::ErrorKind::InvalidInput => {
            let (text, limit) = (refused.to_string(), agreed.to_string());
            if text.split(|c: char| !c.is_ascii_digit()).any(|number| number == limit) {
                Ok(false)
            } else {
                invalid(format!("the error does not name the limit: {text}"))
            }
        }
        Err(other) => Err(other.into()),
    }
}

/// Waits until the sender makes no progress: its transport is full, or it has finished.
fn await_standstill(page: &Page) {
    let mut last = (page.progress(SENDER_SLOT), clock::now_ns());
    while clock::now_ns() - last.1 < QUIET.as_nanos() as u64 {
        std::thread::yield_now();
        let progress = page.progress(SENDER_SLOT);
        if progress != last.0 {
            last = (progress, clock::now_ns());
        }
    }
}
