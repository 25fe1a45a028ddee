//! Readers and writers of a protected state: each read sees a single version, and never an older one than before.

use std::sync::atomic::Ordering;

use super::{Examined, Extent};
use crate::control::Page;
use crate::lock::{COPIES, Handle};
use crate::measure::locks::ProtectedState;
use crate::measure::locks::protected_state::WORDS;
use crate::measure::{MeasureError, invalid};

/// Accesses per write.
const WRITES_EVERY: u64 = 4;

impl Examined {
    pub(super) fn read_and_write(&mut self, page: &Page) -> Result<(), MeasureError> {
        let (extent, mut written) = (Extent::of_reading(), 0);
        for access in 0.. {
            if extent.is_reached(access) {
                break;
            }
            if (access + u64::from(self.slot)).is_multiple_of(WRITES_EVERY) {
                self.write()?;
                written += 1;
            } else {
                self.read()?;
            }
        }
        page.set_progress(self.slot, written);
        Ok(())
    }

    /// Writes the next version of the protected state.
    fn write(&mut self) -> Result<(), MeasureError> {
        let protected = self.critical.protected();
        self.version = self.holder.write(|copy| {
            let version = newest(protected) + 1;
            (0..WORDS).for_each(|at| protected.state(copy)[at].store(version, Ordering::Relaxed));
            version
        })?;
        Ok(())
    }

    /// Reads the protected state.
    ///
    /// Errors: its words are of different versions, or the version is older than one seen before.
    fn read(&mut self) -> Result<(), MeasureError> {
        let (protected, mut words) = (self.critical.protected(), [0; WORDS]);
        self.holder.read(|copy| {
            for (at, word) in words.iter_mut().enumerate() {
                *word = protected.state(copy)[at].load(Ordering::Relaxed);
            }
        })?;
        let version = words[0];
        if let Some(other) = words.iter().find(|word| **word != version) {
            return invalid(format!("a reader saw parts of version {version} and of version {other}"));
        }
        if version < self.version {
            return invalid(format!("a reader saw version {version} after version {}", self.version));
        }
        self.version = version;
        Ok(())
    }
}

/// Newest version in any copy of the protected state.
pub(super) fn newest(protected: &ProtectedState) -> u64 {
    (0..COPIES).map(|copy| protected.state(copy)[0].load(Ordering::Relaxed)).max().unwrap_or(0)
}
