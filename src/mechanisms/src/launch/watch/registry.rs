//! Registry of watch mechanisms.

use super::{Watch, join, pidfd, signalfd, waitpid};
use crate::variant::registry;

registry! {
    <W: Watch>
    "waitpid" => waitpid::Waitpid,
    "waitpid-timeout" => waitpid::WaitpidTimeout,
    "signalfd" => signalfd::Signalfd,
    "pidfd" => pidfd::Pidfd,
    "join" => join::Join,
}
