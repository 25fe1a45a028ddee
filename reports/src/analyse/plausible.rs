//! Check for rates above the copy rate of one core. Such a rate holds only for messages whose bytes were not touched;
//! the report marks it.

use ipcmark_record::{Floors, SizedFloor, Touch};

/// Rate divided by the copy rate of one core at this size; `None` for empty messages and for sizes below all measured
/// ones.
pub fn times_one_core(floors: &Floors, bytes: u64, rate_per_s: f64) -> Option<f64> {
    Some(rate_per_s * copy_ns(&floors.copy, bytes)? / 1e9)
}

/// Fastest copy of this size, interpolated on logarithmic axes and proportional to size above the largest; `None` below
/// the smallest.
pub fn copy_ns(floors: &[SizedFloor], bytes: u64) -> Option<f64> {
    let ends = |below: bool| {
        let side = floors.iter().filter(move |floor| if below { floor.bytes <= bytes } else { floor.bytes >= bytes });
        let near = |a: &&SizedFloor, b: &&SizedFloor| {
            let distance = |floor: &SizedFloor| floor.bytes.abs_diff(bytes);
            distance(a).cmp(&distance(b)).then(a.ns.total_cmp(&b.ns))
        };
        side.filter(|floor| floor.bytes > 0).min_by(near)
    };
    let low = ends(true).filter(|_| bytes > 0)?;
    let Some(high) = ends(false).filter(|high| high.bytes > low.bytes) else {
        return Some(low.ns * bytes as f64 / low.bytes as f64);
    };
    let logs = [bytes, low.bytes, high.bytes].map(|size| (size as f64).ln());
    let along = (logs[0] - logs[1]) / (logs[2] - logs[1]);
    Some((low.ns.ln() + along * (high.ns.ln() - low.ns.ln())).exp())
}

/// Explanation of a rate above one core's copy rate, by touch mode.
pub fn beyond_one_core(touch: Option<Touch>) -> &'static str {
    match touch {
        Some(Touch::Sample | Touch::None) => "above what one core can copy: the bytes were not read",
        Some(Touch::All) | None => {
            "above what one core can copy: two cores shared the work, and every byte was verified"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(bytes: u64, ns: f64) -> SizedFloor {
        SizedFloor { bytes, footprint_bytes: bytes, ns }
    }

    #[test]
    fn between_sizes_a_straight_line_on_logarithmic_axes() {
        let floors = [floor(64, 2.0), floor(64, 3.0), floor(6400, 200.0)];
        let copy = |bytes| copy_ns(&floors, bytes).map(|ns| (ns * 1e6).round() / 1e6);
        assert_eq!(
            [copy(64), copy(640), copy(6400), copy(64_000)],
            [Some(2.0), Some(20.0), Some(200.0), Some(2_000.0)]
        );
        assert_eq!([copy(8), copy(0)], [None, None]);
    }
}
