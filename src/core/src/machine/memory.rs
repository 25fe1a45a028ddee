//! Memory: modules, huge pages, distances of nodes.

use std::collections::BTreeSet;

use super::tree::Tree;
use crate::record::HugePages;

const NODES: &str = "sys/devices/system/node";

/// Reserved huge pages of each size that the kernel has, the smallest first.
pub(super) fn huge_pages(tree: &Tree) -> Vec<HugePages> {
    const FOLDER: &str = "sys/kernel/mm/hugepages";
    let size = |name: String| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let number = |file: &str| tree.number(&format!("{FOLDER}/{name}/{file}"));
        Some(HugePages { bytes: kib << 10, reserved: number("nr_hugepages")?, free: number("free_hugepages")? })
    };
    let mut sizes: Vec<HugePages> = tree.names(FOLDER).into_iter().filter_map(size).collect();
    sizes.sort_by_key(|size| size.bytes);
    sizes
}

/// Distances of each memory node to all of them, as firmware states them; empty where it does not.
pub(super) fn numa_distances(tree: &Tree) -> Vec<Vec<u32>> {
    let nodes = tree.list(&format!("{NODES}/online")).unwrap_or_default();
    let row = |node: u32| {
        let text = tree.text(&format!("{NODES}/node{node}/distance"))?;
        text.split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<u32>>>()
    };
    nodes.into_iter().map(row).collect::<Option<_>>().unwrap_or_default()
}

/// Whether the kernel moves pages to the node that uses them: bits as in `numa_balancing` of its documentation.
pub(super) fn numa_balancing(tree: &Tree) -> Option<String> {
    Some(match tree.number("proc/sys/kernel/numa_balancing")? {
        0 => "off".to_owned(),
        1 => "on".to_owned(),
        bits => format!("mode {bits}"),
    })
}

/// Memory modules as firmware lists them, which root may read: `8 x 32 GiB at 4800 MT/s`.
///
/// Source: SMBIOS, structure 17: size at 0x0c and 0x1c, speed in use at 0x20.
pub(super) fn modules(tree: &Tree) -> Option<String> {
    const FOLDER: &str = "sys/firmware/dmi/entries";
    let entries = tree.names(FOLDER).into_iter().filter(|name| name.starts_with("17-"));
    let modules: Vec<String> =
        entries.filter_map(|name| module(&tree.bytes(&format!("{FOLDER}/{name}/raw"))?)).collect();
    let kinds: BTreeSet<&String> = modules.iter().collect();
    let count = |kind: &String| modules.iter().filter(|module| *module == kind).count();
    let counted: Vec<String> = kinds.into_iter().map(|kind| format!("{} x {kind}", count(kind))).collect();
    (!counted.is_empty()).then(|| counted.join(", "))
}

/// `32 GiB at 4800 MT/s`; `None` for an empty slot.
fn module(raw: &[u8]) -> Option<String> {
    let length = usize::from(*raw.get(1)?);
    let word =
        |at: usize| (at + 2 <= length).then(|| Some(u16::from_le_bytes([*raw.get(at)?, *raw.get(at + 1)?]))).flatten();
    let mib = match word(0x0c)? {
        0 | 0xffff => return None,
        0x7fff => u64::from(word(0x1c)?) | u64::from(word(0x1e)?) << 16,
        kib if kib & 0x8000 != 0 => u64::from(kib & 0x7fff) >> 10,
        mib => u64::from(mib),
    };
    let size = crate::record::Unit::Bytes.show(mib << 20);
    Some(match word(0x20).filter(|speed| ![0, 0xffff].contains(speed)) {
        Some(speed) => format!("{size} at {speed} MT/s"),
        None => size,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::fake::Fake;
    use super::*;

    #[test]
    fn huge_pages_have_a_row_for_each_size() {
        let fake = ["2048kB", "1048576kB", "junk"].iter().fold(Fake::new(), |fake, size| {
            let folder = format!("sys/kernel/mm/hugepages/hugepages-{size}");
            fake.file(&format!("{folder}/nr_hugepages"), "8\n").file(&format!("{folder}/free_hugepages"), "3\n")
        });
        let of = |bytes: u64| HugePages { bytes, reserved: 8, free: 3 };
        assert_eq!(huge_pages(&fake.tree()), [of(2 << 20), of(1 << 30)]);
        assert!(huge_pages(&Fake::new().tree()).is_empty());
    }

    #[test]
    fn nodes_have_distances() {
        let fake = Fake::new()
            .file("sys/devices/system/node/online", "0-1")
            .file("sys/devices/system/node/node0/distance", "10 21")
            .file("sys/devices/system/node/node1/distance", "21 10")
            .file("proc/sys/kernel/numa_balancing", "2");
        assert_eq!(numa_distances(&fake.tree()), [[10, 21], [21, 10]]);
        assert_eq!(numa_balancing(&fake.tree()).as_deref(), Some("mode 2"));
        assert!(numa_distances(&Fake::new().tree()).is_empty());
    }

    #[test]
    fn modules_are_counted_by_size_and_speed() {
        // Type, length, handle, then sizes and speeds at their places.
        let raw = |mib: u16, speed: u16| {
            let mut raw = vec![0u8; 0x28];
            (raw[0], raw[1]) = (17, 0x28);
            raw[0x0c..0x0e].copy_from_slice(&mib.to_le_bytes());
            raw[0x1c..0x20].copy_from_slice(&(64u32 << 10).to_le_bytes());
            raw[0x20..0x22].copy_from_slice(&speed.to_le_bytes());
            raw
        };
        let slots = [raw(0x4000, 3200), raw(0, 0), raw(0x4000, 3200), raw(0x7fff, 4800), raw(0x8800, 0), vec![17]];
        let fake = Fake::new();
        for (at, raw) in slots.iter().enumerate() {
            let folder = fake.path(&format!("sys/firmware/dmi/entries/17-{at}"));
            fs::create_dir_all(&folder).expect("writable");
            fs::write(folder.join("raw"), raw).expect("writable");
        }
        let told = modules(&fake.tree()).expect("modules");
        assert_eq!(told, "2 x 16 GiB at 3200 MT/s, 1 x 2 MiB, 1 x 64 GiB at 4800 MT/s");
        assert_eq!(modules(&Fake::new().tree()), None);
    }
}
