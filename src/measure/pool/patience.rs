//! Waiting for what ought to come, but may not: never for good.

use std::thread;

use crate::measure::MeasureError;
use crate::{abort, clock};

/// Looks until `look` finds something, or `ns` nanoseconds have passed: nothing then. Between two looks others may have the
/// CPU.
///
/// Errors: those of `look`, and `Interrupted` when the trial is called off.
pub(crate) fn within<T>(
    ns: u64,
    mut look: impl FnMut() -> Result<Option<T>, MeasureError>,
) -> Result<Option<T>, MeasureError> {
    let deadline_ns = clock::now_ns() + ns;
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if abort::requested() {
            return Err(abort::error().into());
        }
        if clock::now_ns() > deadline_ns {
            return Ok(None);
        }
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_found_and_what_does_not_is_given_up() {
        let mut looks = 0;
        let third = within(1_000_000_000, || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(third.expect("no trouble"), Some(3));
        assert_eq!(within::<()>(1_000_000, || Ok(None)).expect("no trouble"), None);
        assert!(within::<()>(1_000_000_000, || Err("broken".to_owned().into())).is_err());
    }
}
