//! Axes with custom ticks, since a log axis of `plotters` has no labels within one decade.

use crate::format::Quantity;

/// Scale of one direction of a plot, with its ticks.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: Scale,
    /// Low end after scaling.
    low: f64,
    high: f64,
    words: Words,
    /// Values with a grid line and a label.
    pub ticks: Vec<(f64, String)>,
}

/// How a value of an axis is written.
#[derive(Clone, Copy, Debug)]
enum Words {
    /// As a quantity.
    Quantity(fn(f64) -> Quantity),
    /// As the label of its tick.
    Ticks,
    /// Share or percentile in percent.
    Percent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// `log10(1 / (1 - q))`: 90 to 99 % and 99 to 99.9 % have equal length.
    Percentile,
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Percentile => -(1.0 - value).max(1e-12).log10(),
        }
    }
}

impl Axis {
    /// Linear from 0 to a little above `high`, with about `wanted` round ticks.
    pub fn linear(high: f64, wanted: usize, show: fn(f64) -> Quantity) -> Self {
        let high = if high > 0.0 { high * 1.04 } else { 1.0 };
        let step = round_step(high / wanted.max(1) as f64);
        let steps = (high / step).floor() as usize;
        let ticks = (0..=steps).map(|i| (i as f64 * step, label(show(i as f64 * step)))).collect();
        Self { scale: Scale::Linear, low: 0.0, high, words: Words::Quantity(show), ticks }
    }

    /// Shares from 0 to 1 in quarters.
    pub fn shares() -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| (q, format!("{:.0}\u{202f}%", q * 100.0)));
        Self { scale: Scale::Linear, low: 0.0, high: 1.0, words: Words::Percent, ticks: ticks.to_vec() }
    }

    /// Index up to 1, from a round value below all `values`, with a small margin at both ends.
    pub fn index(values: impl IntoIterator<Item = f64>) -> Self {
        let least = values.into_iter().filter(|value| value.is_finite()).fold(0.98, f64::min).max(0.0);
        let step = round_step((1.0 - least) / 5.0);
        let steps = ((1.0 - least) / step).ceil() as u32;
        let low = 1.0 - f64::from(steps) * step;
        let tick = |at| 1.0 - f64::from(at) * step;
        let ticks = (0..=steps).rev().map(|at| (tick(at), crate::format::ratio(tick(at)).to_string())).collect();
        let words = Words::Quantity(crate::format::ratio);
        Self { scale: Scale::Linear, low: low - 0.03 * (1.0 - low), high: 1.0 + 0.06 * (1.0 - low), words, ticks }
    }

    /// Logarithmic over all `values`, with a small margin. Ticks are at powers of ten, with 2 and 5 or 3 between them
    /// if they fit, and at even steps within one decade.
    pub fn log(values: impl IntoIterator<Item = f64>, show: fn(f64) -> Quantity) -> Self {
        let (low, high) = span(values);
        let (low, high) = (low.log10() - 0.06, high.log10() + 0.06);
        let factors: &[f64] = match high - low {
            decades if decades < 2.6 => &[1.0, 2.0, 5.0],
            decades if decades < 4.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let wanted: Vec<f64> = if high - low < 1.0 {
            let (from, to) = (10f64.powf(low), 10f64.powf(high));
            let step = round_step((to - from) / 5.0);
            (1..=(to / step) as usize).map(|steps| steps as f64 * step).collect()
        } else {
            let decades = (low.floor() as i32)..=(high.ceil() as i32);
            decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10f64.powi(decade))).collect()
        };
        let inside = wanted.into_iter().filter(|value| (low..=high).contains(&value.log10()));
        let ticks = inside.map(|value| (value, label(show(value)))).collect();
        Self { scale: Scale::Log, low, high, words: Words::Quantity(show), ticks }
    }

    /// Logarithmic with ticks at the measured values.
    pub fn places(places: &[u64], label: impl Fn(u64) -> String) -> Self {
        // 0 has no logarithm; it is drawn at 1.
        let place = |place: u64| place.max(1) as f64;
        let (low, high) = span(places.iter().map(|&at| place(at)));
        let (low, high) =
            if low < high { (low.log10(), high.log10()) } else { (low.log10() - 0.5, high.log10() + 0.5) };
        let ticks = places.iter().map(|&at| (place(at), label(at))).collect();
        Self { scale: Scale::Log, low, high, words: Words::Ticks, ticks }
    }

    /// Evenly spaced labels at positions 0, 1, 2 and so on.
    pub fn even(labels: Vec<String>) -> Self {
        let last = labels.len().saturating_sub(1).max(1) as f64;
        let ticks = labels.into_iter().enumerate().map(|(at, label)| (at as f64, label)).collect();
        Self { scale: Scale::Linear, low: 0.0, high: last, words: Words::Ticks, ticks }
    }

    /// Percentiles up to `highest`, with evenly spaced nines.
    pub fn percentiles(highest: f64) -> Self {
        let known = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];
        let ticks = known.iter().filter(|&&q| q <= highest + 1e-9);
        let ticks = ticks.map(|&q| (q, format!("{}", (q * 1e7).round() / 1e5))).collect();
        let high = Scale::Percentile.apply(highest.max(0.9));
        Self { scale: Scale::Percentile, low: 0.0, high, words: Words::Percent, ticks }
    }

    /// A value in words.
    pub fn text(&self, value: f64) -> String {
        match self.words {
            Words::Quantity(show) => show(value).to_string(),
            Words::Percent => format!("{}\u{202f}%", (value * 1e5).round() / 1e3),
            Words::Ticks => {
                let off = |tick: &&(f64, String)| (tick.0 - value).abs();
                let nearest = self.ticks.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
                nearest.map_or_else(String::new, |(_, label)| label.clone())
            }
        }
    }

    /// A value and its interval in words: `349 ns (335 to 362 ns)`.
    pub fn estimate(&self, value: f64, interval: Option<(f64, f64)>) -> String {
        let ends = interval.map(|(low, high)| match self.words {
            Words::Quantity(show) => crate::format::span(low, high, show),
            _ => format!("{} to {}", self.text(low), self.text(high)),
        });
        self.text(value) + &ends.map_or_else(String::new, |ends| format!(" ({ends})"))
    }

    /// Position of `value`: 0 at the low end, 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        (self.scale.apply(value) - self.low) / (self.high - self.low)
    }

    /// Removes ticks closer together than `apart`, a share of the axis length.
    pub fn thin(mut self, apart: f64) -> Self {
        let mut last = f64::NEG_INFINITY;
        let (scale, low, high) = (self.scale, self.low, self.high);
        self.ticks.retain(|(value, _)| {
            let place = (scale.apply(*value) - low) / (high - low);
            let keep = place - last >= apart - 1e-9;
            if keep {
                last = place;
            }
            keep
        });
        self
    }
}

fn label(quantity: Quantity) -> String {
    quantity.trimmed().to_string()
}

/// Smallest and largest finite positive value; 1 to 10 when there is none.
fn span(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) = finite.fold((f64::MAX, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    if high > 0.0 { (low, high) } else { (1.0, 10.0) }
}

/// Smallest of 1, 2 and 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format;

    #[test]
    fn a_log_axis_within_one_decade_has_labels() {
        for (low, high) in [(2_100.0, 2_900.0), (9.3, 9.8), (1.0, 1.01), (5e5, 4e6)] {
            let axis = Axis::log([low, high], format::ratio);
            assert!((2..=12).contains(&axis.ticks.len()), "{low} to {high}: {:?}", axis.ticks);
            assert!(axis.ticks.iter().all(|(value, _)| (0.0..=1.0).contains(&axis.place(*value))));
        }
    }

    #[test]
    fn one_value_and_no_value_still_make_an_axis() {
        for values in [vec![5.0], vec![], vec![0.0, f64::NAN]] {
            let axis = Axis::log(values, format::ratio);
            assert!(axis.place(5.0).is_finite());
        }
        assert!(Axis::places(&[8], format::bytes).place(8.0).is_finite());
        assert!(Axis::linear(0.0, 4, format::ratio).place(0.0).is_finite());
    }

    #[test]
    fn an_index_ends_at_one_and_starts_below_the_least() {
        for least in [0.97, 0.51, 0.126, 0.0, 1.0] {
            let axis = Axis::index([least, 1.0]);
            assert!((3..=7).contains(&axis.ticks.len()), "{least}: {:?}", axis.ticks);
            assert!((0.0..=1.0).contains(&axis.place(least)) && axis.place(1.0) < 1.0);
        }
    }

    #[test]
    fn nines_are_evenly_apart() {
        let axis = Axis::percentiles(0.999);
        let steps = [0.9, 0.99, 0.999].map(|q| axis.place(q));
        assert!((steps[1] - steps[0] - (steps[2] - steps[1])).abs() < 1e-9);
    }
}
