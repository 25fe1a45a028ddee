//! The only list of ways for two to share work.

use super::{Visitor, alternating, independent};
use crate::variant::registry;

registry! {
    "independent" => independent::Independent,
    "alternating" => alternating::Alternating,
}
