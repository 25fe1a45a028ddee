//! The only list of ways to watch.

use super::{Visitor, join, pidfd, signalfd, waitpid, waitpid_timeout};

macro_rules! registry {
    ($($name:literal => $way:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$way>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "waitpid" => waitpid::Waitpid,
    "waitpid-timeout" => waitpid_timeout::WaitpidTimeout,
    "signalfd" => signalfd::Signalfd,
    "pidfd" => pidfd::Pidfd,
    "join" => join::Join,
}
