//! The only list of ways to start somebody.

use super::{Visitor, clone3, command, fork, fork_exec, posix_spawn, thread, vfork_exec, zygote};

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
    "thread" => thread::Thread,
    "fork" => fork::Fork,
    "fork-exec" => fork_exec::ForkExec,
    "vfork-exec" => vfork_exec::VforkExec,
    "posix-spawn" => posix_spawn::PosixSpawn,
    "clone3" => clone3::Clone3,
    "command" => command::Command,
    "zygote" => zygote::Zygote,
}
