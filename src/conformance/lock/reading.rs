//! Readers and writers of one state under a lock: a reader is given one version of it, and none older than he saw before.

use std::sync::atomic::Ordering;

use super::{Examined, Extent};
use crate::control::Page;
use crate::lock::{COPIES, Holder};
use crate::measure::MeasureError;
use crate::measure::locks::ProtectedState;
use crate::measure::locks::protected_state::WORDS;

/// One access of so many writes.
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

    /// Writes the next version of the state.
    fn write(&mut self) -> Result<(), MeasureError> {
        let ledger = self.critical.protected();
        self.version = self.holder.write(|copy| {
            let version = newest(ledger) + 1;
            (0..WORDS).for_each(|at| ledger.state(copy)[at].store(version, Ordering::Relaxed));
            version
        })?;
        Ok(())
    }

    /// Reads the state, all words of which are of one version.
    ///
    /// Errors: they are not, or the version is older than one seen before.
    fn read(&mut self) -> Result<(), MeasureError> {
        let (ledger, mut words) = (self.critical.protected(), [0; WORDS]);
        self.holder.read(|copy| {
            for (at, word) in words.iter_mut().enumerate() {
                *word = ledger.state(copy)[at].load(Ordering::Relaxed);
            }
        })?;
        let version = words[0];
        if let Some(other) = words.iter().find(|word| **word != version) {
            return Err(format!("a reader was given parts of version {version} and of version {other}").into());
        }
        if version < self.version {
            return Err(format!("a reader saw version {version} after version {}", self.version).into());
        }
        self.version = version;
        Ok(())
    }
}

/// The newest version of the state, whichever copy it is in.
pub(super) fn newest(ledger: &ProtectedState) -> u64 {
    (0..COPIES).map(|copy| ledger.state(copy)[0].load(Ordering::Relaxed)).max().unwrap_or(0)
}
