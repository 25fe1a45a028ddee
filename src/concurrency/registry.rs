//! The only list of ways for two to share work.

use super::{Visitor, alternating, independent};

macro_rules! registry {
    ($($name:literal => $company:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$company>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "independent" => independent::Independent,
    "alternating" => alternating::Alternating,
}
