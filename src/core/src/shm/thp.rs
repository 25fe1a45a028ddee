//! Transparent huge pages: a memfd whose mappings request them with madvise(2) MADV_HUGEPAGE. They are neither reserved
//! nor guaranteed: if memory is fragmented the kernel silently uses small pages. The administrator decides whether
//! shared memory may have them at all. Source: the kernel's admin-guide/mm/transhuge.

use std::fs;
use std::io;

use rustix::fs::MemfdFlags;

use super::memfd;
use crate::address::Address;

/// Directory of the kernel's settings.
const SETTINGS: &str = "/sys/kernel/mm/transparent_hugepage";

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    let huge_bytes = huge_page_bytes()
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "this kernel has no transparent huge pages"))?;
    // A last part smaller than a huge page would consist of small ones.
    memfd::sized(MemfdFlags::empty(), bytes.max(1).next_multiple_of(huge_bytes)).map(memfd::shared_by_both)
}

pub(super) fn unavailable() -> Option<String> {
    let Some(huge_bytes) = huge_page_bytes() else {
        return Some("this kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)".to_owned());
    };
    // Since Linux 6.11 each size has its own switch, which by default follows the one above.
    let by_size = format!("{SETTINGS}/hugepages-{}kB/shmem_enabled", huge_bytes / 1024);
    refusal(&format!("{SETTINGS}/shmem_enabled"), "advise").or_else(|| refusal(&by_size, "inherit"))
}

/// Why the switch at `path` denies huge pages to shared memory; `None` if there is no such switch.
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
    fn the_chosen_setting_is_in_brackets() {
        assert_eq!(chosen("always within_size advise [never] deny force\n"), Some("never"));
        assert_eq!(chosen("always"), None);
    }

    #[test]
    fn a_switch_that_denies_is_named_with_its_setting_and_the_remedy() {
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
