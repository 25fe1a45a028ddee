//! A token in a pipe or an eventfd: the holder has taken it out. The kernel puts a contender to sleep that finds none.
//! It can be waited for with poll(2) and inherited by any child; the token of a dead owner is lost.

pub(super) mod eventfd;
pub(super) mod pipe;

use super::Cost;
use crate::record::Counts;

/// A read of `bytes` takes the token, a write puts it back and wakes a waiting reader.
fn cost(bytes: f64) -> Cost {
    let call = Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() };
    Cost {
        alone: Counts { system_calls: 2.0, copied_bytes: 2.0 * bytes, ..Counts::default() },
        release: Counts { wakes: 1.0, ..call.clone() },
        acquire: Counts { context_switches: 1.0, ..call },
    }
}
