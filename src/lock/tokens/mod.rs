//! A token that whoever holds it took out of a pipe or an eventfd. The kernel puts one to sleep who finds none. What makes it
//! handy is that it can be waited for with poll(2) and handed down to any child; what a dead owner took is gone for good.

pub(super) mod eventfd;
pub(super) mod pipe;

use super::Cost;
use crate::record::Counts;

/// A read of `bytes` takes the token, a write puts it back and wakes who waits in his read.
fn cost(bytes: f64) -> Cost {
    let call = Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() };
    Cost {
        alone: Counts { system_calls: 2.0, copied_bytes: 2.0 * bytes, ..Counts::default() },
        release: Counts { wakes: 1.0, ..call.clone() },
        acquire: Counts { context_switches: 1.0, ..call },
    }
}
