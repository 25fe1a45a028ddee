//! Look of each series, the same in all charts: colour by mechanism, or by kind if there are more mechanisms than
//! colours; marker by manner, dash by variant.
//!
//! The first six colours and grey are distinct for readers with red-, green- or blue-blindness (simulated after
//! Machado, Oliveira & Fernandes 2009; smallest distance 0.105 in Oklab, light and dark). Names and markers repeat what
//! colours show.

use std::fmt::Write as _;

use ipcmark_record::Group;

use super::Key;
use super::canvas::{Dash, Ink, Marker};
use crate::analyse::series::{Manner, Series, group_word};

/// Colours on light and on dark.
const HUES: [(&str, &str); 8] = [
    ("#3e8ed6", "#22b1e6"),
    ("#c86f00", "#edaa69"),
    ("#0d5a2a", "#9bfdb2"),
    ("#7a2a72", "#f8c1fe"),
    ("#925a16", "#d08214"),
    ("#4550b0", "#b07af0"),
    ("#00838a", "#6fdfe0"),
    ("#b3123c", "#ff7a8a"),
];
/// Number of kinds up to which colours denote mechanisms, repeated with dots if there are too few.
const FEW_KINDS: usize = 3;
/// Colour of references and of rows without a lock.
const GREY: (&str, &str) = ("#70757d", "#8d939c");

/// Looks of all series of a report.
#[derive(Debug)]
pub struct Looks {
    each: Vec<Look>,
    /// Whether a colour denotes a kind of mechanism.
    pub by_group: bool,
    /// First series of each kind.
    kinds: Vec<(Group, usize)>,
}

/// Look of one series.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Index on the page.
    index: u16,
    /// Shape of its points.
    pub marker: Marker,
    hue: Option<usize>,
    dash: usize,
}

impl Look {
    /// Ink of the series.
    pub fn ink(self) -> Ink {
        Ink::Series(self.index)
    }

    /// Ink with another dash.
    pub fn stroke(self, dash: Dash) -> Ink {
        Ink::Stroke(self.index, dash)
    }
}

impl Looks {
    /// Assigns colours by mechanism in order of name, so that equal reports have equal colours; with more mechanisms
    /// than colours and several kinds, by kind. Variants that poll before they block are dashed; further variants of
    /// one manner are dotted.
    pub fn of(series: &[Series]) -> Self {
        let coloured = || series.iter().filter(|one| !is_reference(one));
        let mut mechanisms: Vec<&str> = coloured().map(|s| s.mechanism.as_str()).collect();
        mechanisms.sort_unstable();
        mechanisms.dedup();
        let mut groups: Vec<Option<Group>> = coloured().map(|s| s.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let by_group = mechanisms.len() > HUES.len() && groups.len() > FEW_KINDS;
        let hue = |one: &Series| {
            if by_group {
                groups.iter().position(|&group| group == one.group)
            } else {
                mechanisms.iter().position(|&mechanism| mechanism == one.mechanism)
            }
        };
        let round = |one: &Series| hue(one).map_or(0, |hue| hue / HUES.len());
        let look = |(index, one): (usize, &Series)| {
            let hybrid = one.manner == Manner::PollsThenBlocks;
            let alike = |other: &&Series| other.mechanism == one.mechanism && other.manner == one.manner;
            Look {
                index: u16::try_from(index).unwrap_or(u16::MAX),
                marker: marker(one),
                hue: hue(one).filter(|_| !is_reference(one)),
                dash: (series[..index].iter().filter(alike).count() + round(one)).min(1) + if hybrid { 2 } else { 0 },
            }
        };
        let first = |group: Group| series.iter().position(|one| one.group == Some(group) && !is_reference(one));
        let kinds = groups.iter().flatten().filter_map(|&group| Some((group, first(group)?))).collect();
        Self { each: series.iter().enumerate().map(look).collect(), by_group, kinds }
    }

    /// Legend of the kinds, if colours denote kinds.
    pub fn kinds(&self) -> Vec<Key> {
        self.kinds.iter().filter(|_| self.by_group).map(Self::key).collect()
    }

    /// Legend of the kinds in `shown`.
    pub fn kinds_of<'s>(&self, shown: impl Iterator<Item = &'s Series>) -> Vec<Key> {
        let shown: Vec<Group> = shown.filter(|one| !is_reference(one)).filter_map(|one| one.group).collect();
        let known = self.kinds.iter().filter(|_| self.by_group);
        known.filter(|(group, _)| shown.contains(group)).map(Self::key).collect()
    }

    fn key(&(group, at): &(Group, usize)) -> Key {
        Key { class: format!("dot s{at}"), word: group_word(group).into() }
    }

    /// Look of the series with this index.
    pub fn get(&self, index: usize) -> Look {
        self.each[index.min(self.each.len() - 1)]
    }

    /// CSS rules with the colour and dash of each series, for light and for dark.
    pub fn css(&self) -> (String, String) {
        let (mut light, mut dark) = (String::new(), String::new());
        for (index, look) in self.each.iter().enumerate() {
            let hue = look.hue.map_or(GREY, |hue| HUES[hue % HUES.len()]);
            let dash = ["none", "20 30", "70 40", "70 30 20 30"][look.dash.min(3)];
            let _ = writeln!(light, ".s{index}{{--ink:{};--dash:{dash}}}", hue.0);
            let _ = writeln!(dark, ".s{index}{{--ink:{}}}", hue.1);
        }
        (light, dark)
    }
}

/// CSS rules with the colour and dash of each arm of a comparison, for light and for dark; the base is grey.
pub fn arms_css(count: usize) -> (String, String) {
    let (mut light, mut dark) = (String::new(), String::new());
    for arm in 0..count {
        let hue = arm.checked_sub(1).map_or(GREY, |at| HUES[at % HUES.len()]);
        let dash = if arm > HUES.len() { "20 30" } else { "none" };
        let _ = writeln!(light, ".s{arm}{{--ink:{};--dash:{dash}}}", hue.0);
        let _ = writeln!(dark, ".s{arm}{{--ink:{}}}", hue.1);
    }
    (light, dark)
}

fn is_reference(series: &Series) -> bool {
    matches!(series.manner, Manner::Alone | Manner::NeverWaits)
}

fn marker(series: &Series) -> Marker {
    match (series.manner, series.wait) {
        (Manner::Polls, _) => Marker::Circle,
        (Manner::PollsThenBlocks, _) => Marker::Triangle,
        (Manner::Blocks, Some(_)) => Marker::Square,
        _ => Marker::Diamond,
    }
}
