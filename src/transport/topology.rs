//! How many ends a channel of each kind can have: checked before any process starts.

use super::{Shape, Topology, Transport};

/// Errors: the reason why a channel of `T` cannot have so many ends.
pub(super) fn supports<T: Transport>(shape: &Shape) -> Result<(), String> {
    let (producers, consumers) = (shape.producers, shape.consumers);
    let refused = match T::TOPOLOGY {
        Topology::OneToOne if producers > 1 || consumers > 1 => "one sender and one receiver",
        Topology::ManyToOne if consumers > 1 => "any number of senders and one receiver",
        Topology::Broadcast if producers > 1 => "one sender and any number of receivers",
        _ => return Ok(()),
    };
    Err(format!("a channel of this kind has {refused}, not {producers}:{consumers}"))
}
