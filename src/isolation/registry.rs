//! The only list of what may stand between two.

use super::{Sharing, after_fork, shared_mapping, thread};
use crate::variant::registry;

registry! {
    <S: Sharing>
    "after-fork" => after_fork::AfterFork,
    "shared-mapping" => shared_mapping::SharedMapping,
    "thread" => thread::Thread,
}
