//! The only list of what may stand between two.

use super::{Visitor, after_fork, shared_mapping, thread};

macro_rules! registry {
    ($($name:literal => $sharing:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$sharing>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "after-fork" => after_fork::AfterFork,
    "shared-mapping" => shared_mapping::SharedMapping,
    "thread" => thread::Thread,
}
