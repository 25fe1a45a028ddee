//! Kernel limits that the administrator may change, read from `/proc`.

use std::fs;

/// The number in `file`.
///
/// Errors: the file cannot be read because the kernel lacks the feature or hides the file.
pub fn read(file: &str) -> Result<usize, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    text.trim().parse().map_err(|_| format!("{file} contains `{}`, which is not a number", text.trim()))
}
