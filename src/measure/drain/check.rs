//! Check of each item by its consumer: every byte, and that the items of each producer arrive once and in order.

use crate::payload::{Known, mix, parts, stamp_of};
use crate::queue::Sides;

/// Producer number of end marks.
pub const END_MARK: u16 = u16::MAX;

/// Items expected by one consumer.
pub struct Check {
    message_bytes: usize,
    /// Lowest sequence number that may follow, per producer.
    next: Vec<u64>,
    /// Whether there are several consumers; a single one gets every item.
    shares: bool,
    /// Sum of the mixed stamps of all items so far.
    sum: u64,
}

impl Check {
    /// Creates the check of one consumer.
    pub fn new(sides: Sides, message_bytes: usize) -> Self {
        Self { message_bytes, next: vec![0; sides.producers as usize], shares: sides.consumers > 1, sum: 0 }
    }

    /// Checks an item; false if it is an end mark.
    ///
    /// Errors: a description of the difference.
    #[inline]
    pub fn look(&mut self, item: &[u8]) -> Result<bool, String> {
        let Some(stamp) = stamp_of(item) else {
            return Err(format!("an item of {} bytes is too short for a stamp", item.len()));
        };
        Known::new(self.message_bytes, stamp).check(item)?;
        let (producer, sequence) = parts(stamp);
        if producer == END_MARK {
            return Ok(false);
        }
        let Some(next) = self.next.get_mut(usize::from(producer)) else {
            return Err(format!("an item has the unknown producer {producer}"));
        };
        if sequence < *next || (sequence > *next && !self.shares) {
            return Err(format!(
                "item {sequence} of producer {producer} came where {next} was expected: lost, repeated or out of order"
            ));
        }
        *next = sequence + 1;
        self.sum = self.sum.wrapping_add(mix(stamp));
        Ok(true)
    }

    /// Sum of the mixed stamps of all items so far.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{CORRUPTIONS, stamp};

    const BYTES: usize = 24;

    fn item(producer: u16, sequence: u64) -> Vec<u8> {
        let mut bytes = vec![0; BYTES];
        Known::new(BYTES, stamp(producer, sequence)).fill(&mut bytes);
        bytes
    }

    fn check(shares: bool) -> Check {
        Check::new(Sides { producers: 2, consumers: if shares { 2 } else { 1 } }, BYTES)
    }

    #[test]
    fn a_single_consumer_detects_lost_repeated_and_reordered_items() {
        let mut check = check(false);
        assert_eq!(check.look(&item(0, 0)), Ok(true));
        assert_eq!(check.look(&item(1, 0)), Ok(true));
        assert!(check.look(&item(0, 2)).unwrap_err().contains("where 1 was expected"));
        assert!(check.look(&item(0, 0)).is_err());
        assert_eq!(check.look(&item(END_MARK, 0)), Ok(false));
        assert_eq!(check.sum(), mix(stamp(0, 0)).wrapping_add(mix(stamp(1, 0))));
    }

    #[test]
    fn every_corruption_of_an_item_is_detected() {
        for (what, change) in CORRUPTIONS {
            let mut item = vec![0; 128];
            Known::new(128, stamp(0, 5)).fill(&mut item);
            change(&mut item);
            let sides = Sides { producers: 2, consumers: 2 };
            assert!(Check::new(sides, 128).look(&item).is_err(), "{what}");
        }
    }

    #[test]
    fn one_of_several_consumers_detects_repeated_and_reordered_items() {
        let mut check = check(true);
        assert_eq!(check.look(&item(0, 3)), Ok(true));
        assert!(check.look(&item(0, 3)).is_err() && check.look(&item(0, 1)).is_err());
        assert!(check.look(&item(2, 0)).unwrap_err().contains("producer 2"));
        let mut torn = item(0, 4);
        torn[23] ^= 1;
        assert!(check.look(&torn).unwrap_err().contains("wrong bytes"));
        assert!(check.look(&item(0, 4)[..7]).is_err());
    }
}
