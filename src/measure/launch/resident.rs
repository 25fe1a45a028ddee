//! Memory of the parent that is in use when it starts somebody: what fork has to copy the page tables of.

use std::fs;
use std::io;

use memmap2::{Advice, MmapMut};

const PAGE_BYTES: usize = 4096;
/// Left to everybody else, in percent of what is asked for and in bytes.
const SPARE_PERCENT: u64 = 25;
const SPARE_BYTES: u64 = 64 << 20;

/// Private memory, every page of it written. Small pages, on every machine: with huge ones there would be next to no page
/// tables, and whether they are had is up to the system.
pub(super) struct Resident {
    _memory: Option<MmapMut>,
}

impl Resident {
    pub(super) fn of(bytes: u64) -> io::Result<Self> {
        if bytes == 0 {
            return Ok(Self { _memory: None });
        }
        let mut memory = MmapMut::map_anon(bytes as usize)?;
        // A kernel without huge pages refuses, and gives small ones.
        let _ = memory.advise(Advice::NoHugePage);
        memory.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
        Ok(Self { _memory: Some(memory) })
    }
}

/// Why there is no room for so much memory now.
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
            "a parent of {} MiB wants {} MiB of memory to be available, and there are {} MiB",
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
    fn what_is_available_is_read_in_bytes() {
        assert_eq!(available_bytes("MemTotal: 9 kB\nMemAvailable:     2048 kB\nBuffers: 1 kB\n"), Some(2 << 20));
        assert_eq!(available_bytes("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn too_much_is_refused_and_nothing_is_always_there() {
        assert_eq!(shortage(0).unwrap(), None);
        let why = shortage(1 << 50).unwrap().expect("nobody has a pebibyte");
        assert!(why.starts_with("a parent of 1073741824 MiB"), "{why}");
    }
}
