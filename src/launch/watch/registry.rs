//! The only list of ways to watch.

use super::{Visitor, join, pidfd, signalfd, waitpid, waitpid_timeout};
use crate::variant::registry;

registry! {
    "waitpid" => waitpid::Waitpid,
    "waitpid-timeout" => waitpid_timeout::WaitpidTimeout,
    "signalfd" => signalfd::Signalfd,
    "pidfd" => pidfd::Pidfd,
    "join" => join::Join,
}
