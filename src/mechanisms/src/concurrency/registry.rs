//! Registry of pairings.

use super::{Pairing, partners};
use crate::variant::registry;

registry! {
    <P: Pairing>
    "independent" => partners::Independent,
    "alternating" => partners::Alternating,
}
