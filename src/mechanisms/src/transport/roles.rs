//! Roles of a one-way trial (channels, with senders and receivers of each), and their support by a transport.

use super::{Delivery, Topology, Transport};
use crate::address::Endpoint;
use crate::control::MAX_SLOTS;
use crate::record::{Case, Measure, Touch};

/// Roles of a one-way trial. Slots number the senders first, channel by channel, then the receivers.
///
/// ```
/// use ipcmark_core::address::Endpoint;
/// use ipcmark_mechanisms::transport::Roles;
///
/// let roles = Roles { channels: 1, senders_each: 3, receivers_each: 1 };
/// assert_eq!(roles.count(), 4);
/// assert_eq!(roles.endpoint(3).end, Endpoint::Receiver);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Independent channels.
    pub channels: u32,
    /// Senders of each channel.
    pub senders_each: u32,
    /// Receivers of each channel.
    pub receivers_each: u32,
}

/// Endpoint of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointId {
    /// Number of the channel.
    pub channel: u32,
    /// Endpoint of the channel.
    pub end: Endpoint,
    /// Index among the endpoints of its kind, from 0.
    pub index: u32,
}

impl Roles {
    /// Roles of `case`.
    pub fn of(case: &Case) -> Self {
        Self {
            channels: case.params.pairs.unwrap_or(1),
            senders_each: case.pattern().senders,
            receivers_each: case.pattern().receivers,
        }
    }

    /// Number of senders.
    pub fn senders(&self) -> u32 {
        self.channels * self.senders_each
    }

    /// Number of receivers.
    pub fn receivers(&self) -> u32 {
        self.channels * self.receivers_each
    }

    /// Number of roles.
    pub fn count(&self) -> u32 {
        self.senders() + self.receivers()
    }

    /// True if there are one sender and one receiver.
    pub fn is_pair(&self) -> bool {
        self.count() == 2
    }

    /// Index of the role on `slot` in the list of CPUs; the roles of an independent pair take neighbouring CPUs.
    pub fn turn(&self, slot: u32) -> u32 {
        let EndpointId { channel, end, .. } = self.endpoint(slot);
        match end {
            _ if self.channels == 1 => slot,
            Endpoint::Sender => 2 * channel,
            Endpoint::Receiver => 2 * channel + 1,
        }
    }

    /// Endpoint of the role on `slot`.
    pub fn endpoint(&self, slot: u32) -> EndpointId {
        match slot.checked_sub(self.senders()) {
            None => {
                EndpointId { channel: slot / self.senders_each, end: Endpoint::Sender, index: slot % self.senders_each }
            }
            Some(at) => EndpointId {
                channel: at / self.receivers_each,
                end: Endpoint::Receiver,
                index: at % self.receivers_each,
            },
        }
    }
}

/// Size of the stamp that identifies a message if a receiver cannot predict the next one.
const STAMP_BYTES: u64 = 8;

/// Errors: a channel of `T` does not support the roles of `case`.
pub fn supports<T: Transport>(case: &Case) -> Result<(), String> {
    let roles = Roles::of(case);
    let (producers, consumers) = (roles.senders_each, roles.receivers_each);
    let less = case.params.touch.is_some_and(|touch| touch != Touch::All);
    if less && (T::SOLO || case.measure == Measure::Stream && T::DELIVERY != Delivery::Exact) {
        return Err(format!("every byte of a message over `{}` is written and read", case.row()));
    }
    if roles.is_pair() && case.params.pairs.is_none() {
        return Ok(());
    }
    if !matches!(case.measure, Measure::Stream | Measure::Paced) {
        return Err(format!("`{}` needs one sender and one receiver", case.measure));
    }
    if case.params.pairs.is_some() && case.measure == Measure::Paced {
        return Err(format!("`{}` has one channel; `pairs` fits only streams", case.measure));
    }
    if producers == 0 || consumers == 0 || roles.channels == 0 || roles.count() > MAX_SLOTS {
        return Err(format!("a trial has 2 to {MAX_SLOTS} roles, with at least one sender and one receiver"));
    }
    if case.params.pairs.is_some() && (producers, consumers) != (1, 1) {
        return Err("independent pairs have one sender and one receiver each".to_owned());
    }
    let refused = match T::TOPOLOGY {
        _ if T::SOLO => "both endpoints in one thread",
        Topology::OneToOne if producers > 1 || consumers > 1 => "one sender and one receiver",
        Topology::ManyToOne if consumers > 1 => "any number of senders and one receiver",
        Topology::Broadcast if producers > 1 => "one sender and any number of receivers",
        _ => return fits(case, producers > 1 || consumers > 1),
    };
    Err(format!("a channel of `{}` has {refused}, not {producers}:{consumers}", case.row()))
}

fn fits(case: &Case, shared: bool) -> Result<(), String> {
    if shared && case.params.message_bytes.unwrap_or(0) < STAMP_BYTES {
        return Err(format!("a message on a shared channel needs {STAMP_BYTES} bytes to identify its sender"));
    }
    if case.params.touch.is_some_and(|touch| touch != Touch::All) {
        return Err("with several senders or receivers on a channel, every byte is read".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_roles_of_a_pair_take_neighbouring_cpus() {
        let pairs = Roles { channels: 3, senders_each: 1, receivers_each: 1 };
        let turns: Vec<_> = (0..6).map(|slot| pairs.turn(slot)).collect();
        assert_eq!(turns, [0, 2, 4, 1, 3, 5]);
        let shared = Roles { channels: 1, senders_each: 2, receivers_each: 2 };
        assert!((0..4).all(|slot| shared.turn(slot) == slot));
    }

    #[test]
    fn slots_number_senders_first_and_each_endpoint_once() {
        let roles = Roles { channels: 2, senders_each: 2, receivers_each: 3 };
        let endpoints: Vec<_> = (0..roles.count()).map(|slot| roles.endpoint(slot)).collect();
        assert!(endpoints[..4].iter().all(|endpoint| endpoint.end == Endpoint::Sender));
        assert!(endpoints[4..].iter().all(|endpoint| endpoint.end == Endpoint::Receiver));
        assert_eq!(endpoints[1], EndpointId { channel: 0, end: Endpoint::Sender, index: 1 });
        assert_eq!(endpoints[9], EndpointId { channel: 1, end: Endpoint::Receiver, index: 2 });
        for (at, endpoint) in endpoints.iter().enumerate() {
            assert!(!endpoints[..at].contains(endpoint));
        }
    }
}
