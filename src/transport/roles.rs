//! Who plays in a one-way trial: how many channels, and how many ends each has.

use crate::address::Endpoint;
use crate::record::Case;

/// The roles of a one-way trial. Slots number the senders first, channel by channel, then the receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Channels side by side, independent of each other.
    pub channels: u32,
    /// Sending ends of each.
    pub senders_each: u32,
    /// Receiving ends of each.
    pub receivers_each: u32,
}

/// The place of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointId {
    /// Which channel.
    pub channel: u32,
    /// Which end of it.
    pub end: Endpoint,
    /// Which of its ends of that kind, from 0.
    pub index: u32,
}

impl Roles {
    /// What `case` asks for.
    pub fn of(case: &Case) -> Self {
        Self {
            channels: case.params.pairs.unwrap_or(1),
            senders_each: case.pattern().senders,
            receivers_each: case.pattern().receivers,
        }
    }

    /// All sending roles.
    pub fn senders(&self) -> u32 {
        self.channels * self.senders_each
    }

    /// All receiving roles.
    pub fn receivers(&self) -> u32 {
        self.channels * self.receivers_each
    }

    /// All roles.
    pub fn count(&self) -> u32 {
        self.senders() + self.receivers()
    }

    /// True for the ordinary trial of one sender and one receiver.
    pub fn is_pair(&self) -> bool {
        self.count() == 2
    }

    /// Which of the CPUs dealt out in turn the role on `slot` takes: each pair side by side takes the next two.
    pub fn turn(&self, slot: u32) -> u32 {
        let EndpointId { channel, end, .. } = self.endpoint(slot);
        match end {
            _ if self.channels == 1 => slot,
            Endpoint::Sender => 2 * channel,
            Endpoint::Receiver => 2 * channel + 1,
        }
    }

    /// The place of the role on `slot`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_of_a_pair_take_neighbouring_turns() {
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
