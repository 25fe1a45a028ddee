//! The only list of ways to start somebody.

use super::{Launch, clone3, command, fork, fork_exec, posix_spawn, thread, vfork_exec, zygote};
use crate::variant::registry;

registry! {
    <L: Launch>
    "thread" => thread::Thread,
    "fork" => fork::Fork,
    "fork-exec" => fork_exec::ForkExec,
    "vfork-exec" => vfork_exec::VforkExec,
    "posix-spawn" => posix_spawn::PosixSpawn,
    "clone3" => clone3::Clone3,
    "command" => command::Command,
    "zygote" => zygote::Zygote,
}
