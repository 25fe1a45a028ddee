//! Limits that the administrator may change, read from the files in which the kernel keeps them.

use std::fs;

/// The number in `file`.
///
/// Errors: it cannot be read: the kernel was built without what it limits, or hides it from us.
pub fn read(file: &str) -> Result<usize, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    text.trim().parse().map_err(|_| format!("{file} says `{}`, which is no number", text.trim()))
}
