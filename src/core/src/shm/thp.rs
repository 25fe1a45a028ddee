//! Transparent huge pages: a memfd whose mappings ask for them with madvise(2) MADV_HUGEPAGE. Nothing is set aside, and
//! nothing is promised: where memory is in pieces the kernel quietly gives small pages. Whether shared memory may have
//! them at all is the administrator's choice. Source: the kernel's admin-guide/mm/transhuge.

use std::fs;
use std::io;

use rustix::fs::MemfdFlags;

use super::memfd;
use crate::address::Address;

/// Where the kernel keeps what may be huge.
const SETTINGS: &str = "/sys/kernel/mm/transparent_hugepage";

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    let huge_bytes = huge_page_bytes()
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "this kernel has no transparent huge pages"))?;
    // A last piece that is no whole huge page would be made of small ones.
    memfd::sized(MemfdFlags::empty(), bytes.max(1).next_multiple_of(huge_bytes)).map(memfd::shared_by_both)
}

pub(super) fn unavailable() -> Option<String> {
    let Some(huge_bytes) = huge_page_bytes() else {
        return Some("this kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)".to_owned());
    };
    // Since Linux 6.11 each size has a switch of its own, which normally defers to the one above it.
    let by_size = format!("{SETTINGS}/hugepages-{}kB/shmem_enabled", huge_bytes / 1024);
    refusal(&format!("{SETTINGS}/shmem_enabled"), "advise").or_else(|| refusal(&by_size, "inherit"))
}

/// Why the switch at `path` keeps shared memory from having huge pages; nothing where there is no such switch.
fn refusal(path: &str, remedy: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let chosen = chosen(&text)?;
    matches!(chosen, "never" | "deny").then(|| format!("{path} is `{chosen}`; as root, write `{remedy}` to it"))
}

/// The word in brackets: `always advise [never]`.
fn chosen(switch: &str) -> Option<&str> {
    switch.split_once('[')?.1.split_once(']').map(|(word, _)| word)
}

fn huge_page_bytes() -> Option<usize> {
    fs::read_to_string(format!("{SETTINGS}/hpage_pmd_size")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_names_its_position_in_brackets() {
        assert_eq!(chosen("always within_size advise [never] deny force\n"), Some("never"));
        assert_eq!(chosen("always"), None);
    }

    #[test]
    fn a_switch_that_refuses_is_named_with_its_position_and_the_remedy() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("shmem_enabled");
        let told = |text: &str| {
            fs::write(&path, text).expect("the folder is ours");
            refusal(path.to_str().expect("plain"), "advise")
        };
        for refused in ["never", "deny"] {
            let why = told(&format!("always [{refused}]\n")).expect(refused);
            assert!(why.contains(&format!("is `{refused}`")) && why.ends_with("write `advise` to it"), "{why}");
        }
        assert_eq!(told("always [advise] never\n"), None);
        assert_eq!(refusal("/nowhere", "advise"), None);
    }
}
