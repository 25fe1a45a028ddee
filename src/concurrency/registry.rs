//! The only list of ways for two to share work.

use super::{Company, alternating, independent};
use crate::variant::registry;

registry! {
    <C: Company>
    "independent" => independent::Independent,
    "alternating" => alternating::Alternating,
}
