//! Formatting of numbers: three significant digits, with the unit that keeps them between 1 and 1000.

/// Number with a separate unit, so that tables can align both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Number with three significant digits.
    pub number: String,
    /// Unit: `ns`, `µs`, `M/s`, ...
    pub unit: &'static str,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A narrow no-break space keeps number and unit on one line.
        let space = if self.unit.is_empty() { "" } else { "\u{202f}" };
        write!(f, "{}{space}{}", self.number, self.unit)
    }
}

impl Quantity {
    /// Removes trailing zeros, for axes.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        if self.number.contains('.') {
            self.number.truncate(self.number.trim_end_matches('0').trim_end_matches('.').len());
        }
        self
    }
}

/// Interval with a common unit written once: `201 to 212 ns`.
pub fn span(low: f64, high: f64, show: impl Fn(f64) -> Quantity) -> String {
    let (low, high) = (show(low), show(high));
    if low.unit == high.unit { format!("{} to {high}", low.number) } else { format!("{low} to {high}") }
}

/// Time from nanoseconds.
pub fn time(ns: f64) -> Quantity {
    scaled(ns, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

/// Rate in events a second.
pub fn rate(per_s: f64) -> Quantity {
    scaled(per_s, &[(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")])
}

/// Bandwidth in bytes a second, with decimal units.
pub fn bandwidth(per_s: f64) -> Quantity {
    scaled(per_s, &[(1e15, "PB/s"), (1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")])
}

/// [`time`] as text.
pub fn ns(ns: f64) -> String {
    time(ns).to_string()
}

/// Size in bytes, with a binary unit if it divides evenly.
pub fn bytes(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024 || value % 1024 != 0 {
            break;
        }
        (value, unit) = (value / 1024, larger);
    }
    format!("{value}\u{202f}{unit}")
}

/// Computed size, such as a break-even size: three digits, binary units.
pub fn size(bytes: f64) -> Quantity {
    scaled(bytes, &[(1024f64.powi(3), "GiB"), (1024f64.powi(2), "MiB"), (1024.0, "KiB"), (1.0, "B")])
}

/// [`size`] as text without trailing zeros.
pub fn about_bytes(bytes: f64) -> String {
    size(bytes).trimmed().to_string()
}

/// Ratio: `1.07`, `46.2`, `310`.
pub fn ratio(value: f64) -> Quantity {
    Quantity { number: significant(value), unit: "" }
}

/// Six significant digits, for programs.
pub fn digits(value: f64) -> String {
    if value.fract() == 0.0 {
        return value.to_string();
    }
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// Share as a percentage: `0 %`, `0.4 %`, `37 %`.
pub fn percent(share: f64) -> String {
    self::share(share).to_string()
}

/// [`percent`] with a separate unit.
pub fn share(share: f64) -> Quantity {
    let percent = share * 100.0;
    let number = if percent == 0.0 || percent.abs() >= 9.95 {
        format!("{percent:.0}")
    } else if percent.abs() >= 0.095 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.2}")
    };
    Quantity { number, unit: "%" }
}

/// Share as a percentage without decimals: `4 %`; below one percent with one: `0.4 %`.
pub fn percent_short(share: f64) -> String {
    if share < 0.00995 { format!("{:.1}\u{202f}%", share * 100.0) } else { format!("{:.0}\u{202f}%", share * 100.0) }
}

/// Count for one message: `0`, `1`, `0.02`.
pub fn count(value: f64) -> Quantity {
    let number = if value.fract() == 0.0 && value.abs() < 1e4 { format!("{value:.0}") } else { significant(value) };
    Quantity { number, unit: "" }
}

/// Integer with separated thousands.
pub fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Appends `text` after `head`, in lines of at most `width` where words allow, the later ones indented like the first.
///
/// ```
/// let mut text = String::new();
/// ipcmark_reports::format::wrap(&mut text, 7, "", "a queue of slots");
/// assert_eq!(text, "a queue\nof\nslots\n");
/// ```
pub fn wrap(into: &mut String, width: usize, head: &str, text: &str) {
    let indent = head.chars().count();
    let mut at = indent;
    into.push_str(head);
    for (index, word) in text.split(' ').enumerate() {
        let letters = word.chars().count();
        if index > 0 && at + 1 + letters > width {
            into.push('\n');
            into.extend(std::iter::repeat_n(' ', indent));
            at = indent;
        } else if index > 0 {
            into.push(' ');
            at += 1;
        }
        into.push_str(word);
        at += letters;
    }
    into.push('\n');
}

fn scaled(value: f64, units: &[(f64, &'static str)]) -> Quantity {
    // 999.6 rounds to 1000, so the next unit starts there.
    let fits = |&&(size, _): &&(f64, &'static str)| value.abs() >= size * 0.9995;
    let &(size, unit) = units.iter().find(fits).unwrap_or(&units[units.len() - 1]);
    Quantity { number: significant(value / size), unit }
}

fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "–".into()
    } else if magnitude == 0.0 {
        "0".into()
    } else if magnitude < 0.01 {
        format!("{value:.4}")
    } else if magnitude < 9.995 {
        format!("{value:.2}")
    } else if magnitude < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_the_unit_that_fits() {
        let shown = |ns| time(ns).to_string().replace('\u{202f}', " ");
        assert_eq!(shown(212.4), "212 ns");
        assert_eq!(shown(9.812), "9.81 ns");
        assert_eq!(shown(999.7), "1.00 µs");
        assert_eq!(shown(9_812.0), "9.81 µs");
        assert_eq!(shown(1.25e6), "1.25 ms");
        assert_eq!(shown(-45.0), "-45.0 ns");
        assert_eq!(bandwidth(9.14e9).to_string().replace('\u{202f}', " "), "9.14 GB/s");
    }

    #[test]
    fn an_interval_says_its_unit_once() {
        let shown = |low, high| span(low, high, time).replace('\u{202f}', " ");
        assert_eq!(shown(201.0, 212.0), "201 to 212 ns");
        assert_eq!(shown(980.0, 1_020.0), "980 ns to 1.02 µs");
        assert_eq!(span(0.98, 1.02, ratio), "0.98 to 1.02");
    }

    #[test]
    fn axes_say_no_empty_zeros() {
        let shown = |ns| time(ns).trimmed().to_string().replace('\u{202f}', " ");
        assert_eq!([shown(10.0), shown(1_500.0), shown(100.0)], ["10 ns", "1.5 µs", "100 ns"]);
    }

    #[test]
    fn sizes_are_binary_only_when_they_are_whole() {
        let shown = |size| bytes(size).replace('\u{202f}', " ");
        assert_eq!([shown(8), shown(1024), shown(1500), shown(1 << 20)], ["8 B", "1 KiB", "1500 B", "1 MiB"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(whole(1_234_567).replace('\u{202f}', " "), "1 234 567");
    }
}
