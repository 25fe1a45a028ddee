//! Endpoints, pairs and CPU hogs of a trial. Charts show one sender and one receiver without hogs unless their title
//! says otherwise.

use std::fmt;

use ipcmark_record::Case;

/// Roles of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Crowd {
    /// Senders on one channel.
    pub producers: u32,
    /// Receivers on one channel.
    pub consumers: u32,
    /// Channels in use at the same time.
    pub pairs: u32,
    /// CPU hogs that run beside the endpoints.
    pub hogs: u32,
}

/// Pattern that grows with k.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GrowingPattern {
    /// k senders, one receiver, one channel.
    ManyToOne,
    /// One sender, k receivers, one channel.
    OneToMany,
    /// k senders and k receivers on one channel.
    ManyToMany,
    /// k channels of one sender and one receiver each.
    Pairs,
}

impl GrowingPattern {
    /// Every pattern, in the order of panels.
    pub const ALL: [Self; 4] = [Self::ManyToOne, Self::OneToMany, Self::ManyToMany, Self::Pairs];

    /// Name in headings and tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ManyToOne => "k senders, 1 receiver",
            Self::OneToMany => "1 sender, k receivers",
            Self::ManyToMany => "k senders, k receivers",
            Self::Pairs => "k pairs",
        }
    }

    /// Roles of a trial with this k.
    pub const fn roles(self, k: u32) -> u32 {
        match self {
            Self::ManyToOne | Self::OneToMany => k + 1,
            Self::ManyToMany | Self::Pairs => 2 * k,
        }
    }
}

impl Crowd {
    /// Roles of a case; an absent parameter counts as one.
    pub fn of(case: &Case) -> Self {
        Self {
            producers: case.pattern().senders,
            consumers: case.pattern().receivers,
            pairs: case.params.pairs.unwrap_or(1),
            hogs: case.params.hogs.unwrap_or(0),
        }
    }

    /// One sender, one receiver, no CPU hogs.
    pub fn plain(self) -> bool {
        self == Self { producers: 1, consumers: 1, pairs: 1, hogs: 0 }
    }

    /// The k of a pattern, if it has these roles; a single pair is the first point of every pattern.
    pub fn k(self, pattern: GrowingPattern) -> Option<u32> {
        match (pattern, self.producers, self.consumers, self.pairs) {
            (GrowingPattern::Pairs, 1, 1, k)
            | (_, 1, 1, k @ 1)
            | (GrowingPattern::ManyToOne, k, 1, 1)
            | (GrowingPattern::OneToMany, 1, k, 1) => Some(k),
            (GrowingPattern::ManyToMany, k, same, 1) if k == same => Some(k),
            _ => None,
        }
    }
}

/// `4:1`, `2 pairs`, `1:1 beside 1 hog`.
impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pairs {
            1 => write!(f, "{}:{}", self.producers, self.consumers)?,
            pairs => write!(f, "{pairs} pairs")?,
        }
        match self.hogs {
            0 => Ok(()),
            1 => f.write_str(" beside 1 hog"),
            hogs => write!(f, " beside {hogs} hogs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_is_the_first_point_of_every_topology() {
        let crowd = |producers, consumers, pairs| Crowd { producers, consumers, pairs, hogs: 0 };
        let in_all = |crowd: Crowd| GrowingPattern::ALL.map(|pattern| crowd.k(pattern));
        assert_eq!(in_all(crowd(1, 1, 1)), [Some(1); 4]);
        assert_eq!(in_all(crowd(4, 1, 1)), [Some(4), None, None, None]);
        assert_eq!(in_all(crowd(1, 4, 1)), [None, Some(4), None, None]);
        assert_eq!(in_all(crowd(4, 4, 1)), [None, None, Some(4), None]);
        assert_eq!(in_all(crowd(1, 1, 4)), [None, None, None, Some(4)]);
        assert_eq!(in_all(crowd(2, 3, 1)), [None; 4]);
    }
}
