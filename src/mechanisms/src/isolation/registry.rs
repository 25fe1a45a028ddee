//! Registry of isolation rows.

use super::{Sharing, sharing};
use crate::variant::registry;

registry! {
    <S: Sharing>
    "after-fork" => sharing::AfterFork,
    "shared-mapping" => sharing::SharedMapping,
    "thread" => sharing::Thread,
}
