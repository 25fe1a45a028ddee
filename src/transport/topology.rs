//! How many ends a channel of each kind can have: checked before any process starts.

use super::{Delivery, Roles, Topology, Transport};
use crate::control::MAX_SLOTS;
use crate::record::{Case, Measure, Touch};

/// A stamp needs a word, and where a receiver cannot know which message is next, the message must say it.
const STAMP_BYTES: u64 = 8;

/// Errors: the reason why `case` cannot have so many ends on a channel of `T`, or so many channels.
pub(super) fn supports<T: Transport>(case: &Case) -> Result<(), String> {
    let roles = Roles::of(case);
    let (producers, consumers) = (roles.senders_each, roles.receivers_each);
    let less = case.params.touch.is_some_and(|touch| touch != Touch::All);
    if less && (T::SOLO || case.measure == Measure::Stream && T::DELIVERY != Delivery::Exact) {
        return Err(format!("every byte of a message over `{}` is written and read", case.row()));
    }
    if roles.is_pair() && case.params.pairs.is_none() {
        return Ok(());
    }
    if case.measure != Measure::Stream {
        return Err(format!("`{}` is asked of one sender and one receiver", case.measure));
    }
    if producers == 0 || consumers == 0 || roles.channels == 0 || roles.count() > MAX_SLOTS {
        return Err(format!("a trial has 2 to {MAX_SLOTS} roles, at least one on each side"));
    }
    if case.params.pairs.is_some() && (producers, consumers) != (1, 1) {
        return Err("independent pairs are 1:1 each".to_owned());
    }
    let refused = match T::TOPOLOGY {
        _ if T::SOLO => "both sides in one thread",
        Topology::OneToOne if producers > 1 || consumers > 1 => "one sender and one receiver",
        Topology::ManyToOne if consumers > 1 => "any number of senders and one receiver",
        Topology::Broadcast if producers > 1 => "one sender and any number of receivers",
        _ => return fits(case, producers > 1 || consumers > 1),
    };
    Err(format!("a channel of `{}` has {refused}, not {producers}:{consumers}", case.row()))
}

fn fits(case: &Case, shared: bool) -> Result<(), String> {
    if shared && case.params.message_bytes.unwrap_or(0) < STAMP_BYTES {
        return Err(format!("a message on a shared channel says whose it is, in its first {STAMP_BYTES} bytes"));
    }
    if case.params.touch.is_some_and(|touch| touch != Touch::All) {
        return Err("with several ends on a channel every byte is read".to_owned());
    }
    Ok(())
}
