//! Reserved huge pages: memfd_create(2) with MFD_HUGETLB, in pages of the default size. One TLB entry covers 2 MiB (on
//! x86-64) instead of 4 KiB, and so does one page fault. The administrator reserves the pages beforehand. Source: the
//! kernel's admin-guide/mm/hugetlbpage.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use memmap2::MmapOptions;
use rustix::fs::MemfdFlags;

use super::memfd;
use crate::address::Address;

/// Most trials need two segments, one for each direction, and a segment has at least one page.
const LEAST_PAGES: u64 = 2;

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    let pool = Pool::read().map_err(|why| io::Error::new(io::ErrorKind::Unsupported, why))?;
    let page_bytes = pool.page_bytes as usize;
    let whole_pages = bytes.max(1).next_multiple_of(page_bytes);
    let refused = |error: io::Error| {
        let wanted = whole_pages / page_bytes;
        io::Error::new(error.kind(), format!("{wanted} huge pages: {error}; {}", pool.in_words()))
    };
    let fd = memfd::sized(MemfdFlags::HUGETLB, whole_pages).map_err(&refused)?;
    // The first mapping reserves the pages for the lifetime of the file; otherwise a page that is missing on first
    // touch would raise SIGBUS. It allocates none yet, so the first touch still decides the memory node.
    MmapOptions::new().map_raw(fd.as_raw_fd()).map_err(&refused)?;
    Ok(memfd::shared_by_both(fd))
}

pub(super) fn unavailable() -> Option<String> {
    match Pool::read() {
        Ok(pool) if pool.pages() >= LEAST_PAGES => None,
        Ok(pool) => Some(pool.in_words()),
        Err(why) => Some(why),
    }
}

/// Pool of huge pages of the default size.
struct Pool {
    page_bytes: u64,
    free: u64,
    /// Free, but reserved by a mapping.
    reserved: u64,
    /// Pages that the kernel may still allocate on demand.
    on_demand: u64,
}

impl Pool {
    /// Errors: the reason why there is no such pool.
    fn read() -> Result<Self, String> {
        let text = fs::read_to_string("/proc/meminfo").map_err(|e| format!("/proc/meminfo cannot be read: {e}"))?;
        let overcommit = fs::read_to_string("/proc/sys/vm/nr_overcommit_hugepages").unwrap_or_default();
        Self::parse(&text, overcommit.trim().parse().unwrap_or(0))
            .ok_or_else(|| "this kernel has no huge pages to reserve (CONFIG_HUGETLBFS)".to_owned())
    }

    fn parse(meminfo: &str, overcommit: u64) -> Option<Self> {
        let figure = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            page_bytes: figure("Hugepagesize").filter(|kib| *kib > 0)? * 1024,
            free: figure("HugePages_Free")?,
            reserved: figure("HugePages_Rsvd")?,
            on_demand: overcommit.saturating_sub(figure("HugePages_Surp")?),
        })
    }

    /// Pages that a new request may get.
    fn pages(&self) -> u64 {
        self.free.saturating_sub(self.reserved) + self.on_demand
    }

    fn in_words(&self) -> String {
        format!(
            "{} huge pages of {} KiB are available (at least {LEAST_PAGES} are needed); \
             reserve more, as root: sysctl vm.nr_hugepages=64",
            self.pages(),
            self.page_bytes / 1024
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal: 100 kB\nHugePages_Total:    8\nHugePages_Free:     5\nHugePages_Rsvd:     3\n\
        HugePages_Surp:     1\nHugepagesize:       2048 kB\n";

    #[test]
    fn reserved_pages_are_not_available() {
        let pool = Pool::parse(MEMINFO, 0).expect("complete");
        assert_eq!((pool.page_bytes, pool.pages()), (2 << 20, 2));
        assert_eq!(Pool::parse(MEMINFO, 4).expect("complete").pages(), 5, "three more may be made on demand");
    }

    #[test]
    fn a_kernel_without_huge_pages_has_no_pool() {
        assert!(Pool::parse("MemTotal: 100 kB\n", 0).is_none());
    }

    #[test]
    fn the_reason_names_the_figure_and_the_remedy() {
        let told = Pool::parse(&MEMINFO.replace("Free:     5", "Free:     3"), 0).expect("complete").in_words();
        assert!(told.starts_with("0 huge pages of 2048 KiB") && told.contains("vm.nr_hugepages"), "{told}");
    }
}
