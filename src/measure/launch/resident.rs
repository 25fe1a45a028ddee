//! Resident memory of the parent at a start: fork copies its page tables.

use std::fs;
use std::io;

use memmap2::{Advice, MmapMut};

const PAGE_BYTES: usize = 4096;
/// Memory that must stay free, in percent of the requested size and in bytes.
const SPARE_PERCENT: u64 = 25;
const SPARE_BYTES: u64 = 64 << 20;

/// Private memory with every page written. Huge pages are disabled: they depend on the system and need almost no page
/// tables.
pub(super) struct Resident {
    _memory: Option<MmapMut>,
}

impl Resident {
    pub(super) fn of(bytes: u64) -> io::Result<Self> {
        if bytes == 0 {
            return Ok(Self { _memory: None });
        }
        let mut memory = MmapMut::map_anon(bytes as usize)?;
        // Fails on a kernel without huge pages, which is fine.
        let _ = memory.advise(Advice::NoHugePage);
        memory.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
        Ok(Self { _memory: Some(memory) })
    }
}

/// Reason why `bytes` of memory are not available now, if so.
pub(super) fn shortage(bytes: u64) -> io::Result<Option<String>> {
    if bytes == 0 {
        return Ok(None);
    }
    let text = fs::read_to_string("/proc/meminfo")?;
    let available = available_bytes(&text).ok_or_else(|| io::Error::other("/proc/meminfo has no MemAvailable"))?;
    let wanted = bytes + bytes / 100 * SPARE_PERCENT + SPARE_BYTES;
    Ok((available < wanted).then(|| {
        let mib = |bytes: u64| bytes >> 20;
        format!(
            "a parent of {} MiB needs {} MiB of available memory, and there are {} MiB",
            mib(bytes),
            mib(wanted),
            mib(available)
        )
    }))
}

fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_bytes() {
        assert_eq!(available_bytes("MemTotal: 9 kB\nMemAvailable:     2048 kB\nBuffers: 1 kB\n"), Some(2 << 20));
        assert_eq!(available_bytes("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn too_much_is_refused_and_zero_is_always_available() {
        assert_eq!(shortage(0).unwrap(), None);
        let why = shortage(1 << 50).unwrap().expect("no machine has a pebibyte");
        assert!(why.starts_with("a parent of 1073741824 MiB"), "{why}");
    }
}
