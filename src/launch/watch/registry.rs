//! The only list of ways to watch.

use super::{Watch, join, pidfd, signalfd, waitpid, waitpid_timeout};
use crate::variant::registry;

registry! {
    <W: Watch>
    "waitpid" => waitpid::Waitpid,
    "waitpid-timeout" => waitpid_timeout::WaitpidTimeout,
    "signalfd" => signalfd::Signalfd,
    "pidfd" => pidfd::Pidfd,
    "join" => join::Join,
}
