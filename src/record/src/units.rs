//! Units of numbers in plans: a number alone, or with a unit that people write.

/// Unit of a parameter's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    None,
    /// Bytes: `64`, `8 B`, `1 KiB`, `4 MiB`, `1 GiB`.
    Bytes,
    /// Nanoseconds: `500`, `500 ns`, `10 us`, `1 ms`, `1 s`.
    Nanoseconds,
    /// Per second: `1000`.
    PerSecond,
    /// Percent: `95`.
    Percent,
}

impl Unit {
    /// Units that a plan may write behind a number, the smallest first.
    const fn spellings(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Bytes => &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
            Self::Nanoseconds => &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)],
            Self::None | Self::PerSecond | Self::Percent => &[],
        }
    }

    /// What a number of this unit looks like in a plan.
    pub const fn examples(self) -> &'static str {
        match self {
            Self::Bytes => "64, `8 B`, `1 KiB` or `4 MiB`",
            Self::Nanoseconds => "500, `500 ns`, `10 us` or `1 ms`",
            Self::None | Self::PerSecond | Self::Percent => "a whole number",
        }
    }

    /// The number that `text` spells.
    ///
    /// Errors: a sentence that says which spellings are right.
    ///
    /// ```
    /// use ipcmark_record::Unit;
    /// assert_eq!(Unit::Bytes.read("4 KiB"), Ok(4096));
    /// assert_eq!(Unit::Nanoseconds.show(10_000), "10 us");
    /// assert!(Unit::Bytes.read("4 furlongs").is_err());
    /// ```
    pub fn read(self, text: &str) -> Result<u64, String> {
        let wrong = || format!("`{text}` is no number; write {}", self.examples());
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = text[digits..].trim();
        let factor = match unit {
            "" => 1,
            _ if digits == 0 => return Err(wrong()),
            _ => {
                let known = self.spellings().iter().find(|(name, _)| *name == unit);
                known.ok_or_else(|| format!("unknown unit `{unit}` in `{text}`; write {}", self.examples()))?.1
            }
        };
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        Ok(number.saturating_mul(factor))
    }

    /// `number` in the largest unit that divides it.
    pub fn show(self, number: u64) -> String {
        let fitting = self.spellings().iter().rev().find(|(_, factor)| number.is_multiple_of(*factor) && number > 0);
        match (fitting, self) {
            (Some((unit, factor)), _) => format!("{} {unit}", number / factor),
            (None, Self::Bytes) => "0 B".to_owned(),
            (None, Self::Nanoseconds) => "0 ns".to_owned(),
            (None, _) => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, bytes) in [("0", 0), ("64", 64), ("8 B", 8), ("1KiB", 1024), ("1 MiB", 1 << 20), ("1 GiB", 1 << 30)]
        {
            assert_eq!(Unit::Bytes.read(text), Ok(bytes));
        }
        for (text, ns) in [("500", 500), ("10 us", 10_000), ("1ms", 1_000_000)] {
            assert_eq!(Unit::Nanoseconds.read(text), Ok(ns));
        }
        for wrong in ["1 kB", "", "KiB", "-1", "99999999999999999999", "1 us"] {
            assert!(Unit::Bytes.read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Unit::Bytes.read("99999999999 GiB"), Ok(u64::MAX));
        assert!(Unit::None.read("1 B").is_err());
    }

    #[test]
    fn numbers_are_shown_as_they_are_written() {
        assert_eq!(Unit::Bytes.show(1 << 30), "1 GiB");
        assert_eq!(Unit::Bytes.show(1025), "1025 B");
        assert_eq!(Unit::Nanoseconds.show(10_000), "10 us");
        assert_eq!(Unit::None.show(7), "7");
    }
}
