//! Who plays in a one-way trial: how many channels, and how many ends each has.

use crate::address::End;
use crate::record::Case;

/// The roles of a one-way trial. Slots number the senders first, channel by channel, then the receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Channels side by side, independent of each other.
    pub channels: u32,
    /// Sending ends of each.
    pub senders_each: u32,
    /// Receiving ends of each.
    pub receivers_each: u32,
}

/// The place of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Which channel.
    pub channel: u32,
    /// Which end of it.
    pub end: End,
    /// Which of its ends of that kind, from 0.
    pub index: u32,
}

impl Cast {
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
    pub fn roles(&self) -> u32 {
        self.senders() + self.receivers()
    }

    /// True for the ordinary trial of one sender and one receiver.
    pub fn is_pair(&self) -> bool {
        self.roles() == 2
    }

    /// Which of the CPUs dealt out in turn the role on `slot` takes: each pair side by side takes the next two.
    pub fn turn(&self, slot: u32) -> u32 {
        let Seat { channel, end, .. } = self.seat(slot);
        match end {
            _ if self.channels == 1 => slot,
            End::Sender => 2 * channel,
            End::Receiver => 2 * channel + 1,
        }
    }

    /// The place of the role on `slot`.
    pub fn seat(&self, slot: u32) -> Seat {
        match slot.checked_sub(self.senders()) {
            None => Seat { channel: slot / self.senders_each, end: End::Sender, index: slot % self.senders_each },
            Some(at) => Seat { channel: at / self.receivers_each, end: End::Receiver, index: at % self.receivers_each },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_of_a_pair_take_neighbouring_turns() {
        let pairs = Cast { channels: 3, senders_each: 1, receivers_each: 1 };
        let turns: Vec<_> = (0..6).map(|slot| pairs.turn(slot)).collect();
        assert_eq!(turns, [0, 2, 4, 1, 3, 5]);
        let shared = Cast { channels: 1, senders_each: 2, receivers_each: 2 };
        assert!((0..4).all(|slot| shared.turn(slot) == slot));
    }

    #[test]
    fn senders_come_first_and_every_seat_is_taken_once() {
        let cast = Cast { channels: 2, senders_each: 2, receivers_each: 3 };
        let seats: Vec<_> = (0..cast.roles()).map(|slot| cast.seat(slot)).collect();
        assert!(seats[..4].iter().all(|seat| seat.end == End::Sender));
        assert!(seats[4..].iter().all(|seat| seat.end == End::Receiver));
        assert_eq!(seats[1], Seat { channel: 0, end: End::Sender, index: 1 });
        assert_eq!(seats[9], Seat { channel: 1, end: End::Receiver, index: 2 });
        for (at, seat) in seats.iter().enumerate() {
            assert!(!seats[..at].contains(seat));
        }
    }
}
