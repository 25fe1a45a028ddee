//! Registry of launch mechanisms.

use super::{Launch, exec, fork, spawn, thread, zygote};
use crate::variant::registry;

registry! {
    <L: Launch>
    "thread" => thread::Thread,
    "fork" => fork::Fork,
    "fork-exec" => exec::ForkExec,
    "vfork-exec" => exec::VforkExec,
    "posix-spawn" => spawn::PosixSpawn,
    "clone3" => fork::Clone3,
    "command" => spawn::Command,
    "zygote" => zygote::Zygote,
}
