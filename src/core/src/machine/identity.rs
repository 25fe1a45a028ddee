//! Identity of this computer: what stays after a reboot, an update of the kernel and a new host name.
//!
//! Two records are from one machine if their fingerprints are equal: the same installation of the operating system
//! (machine-id), on the same board (permanent addresses of its network adapters, serial number of a device tree), with the
//! same processor. Two machines of one name and model have different machine-ids, and clones of one disk image still have
//! different adapters. Memory, disks, adapter cards on USB, microcode and kernel may change; they are facts of their own.
//!
//! Where all of that is equal, as in containers of one image, the boot tells: one kernel is one machine, and a machine that
//! still ran when another kernel had booted is another machine. A name in the environment replaces all of it.
//!
//! Addresses and identifiers leave this file only as a keyed hash, as machine-id(5) asks.

use hmac_sha256::HMAC;

use super::mounts;
use super::tree::Tree;

/// Environment variable with a name for this machine, for containers that share everything else.
pub const MACHINE_NAME: &str = "IPCMARK_MACHINE";

/// Key of the hash: this program's own.
const KEY: &str = "ipcmark machine fingerprint, form 1";

const MACHINE_ID: &str = "etc/machine-id";

/// Fingerprint of a machine and what it is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// Keyed hash, 32 hexadecimal digits.
    pub(super) text: String,
    /// Its sources in words.
    pub(super) sources: String,
}

/// Fingerprint of the machine below `tree`, or of the machine called `name`; `None` where only its model is known.
///
/// Every source can be read without privileges, so that all users get one fingerprint.
pub(super) fn fingerprint(tree: &Tree, name: Option<&str>) -> Option<Fingerprint> {
    if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
        return Some(Fingerprint { text: hashed(&format!("name {name}")), sources: MACHINE_NAME.to_owned() });
    }
    let machine_id = machine_id(tree).map(|id| format!("machine-id {id}"));
    let serial = tree.text("proc/device-tree/serial-number").map(|serial| format!("serial {serial}"));
    let addresses: Vec<String> = adapters(tree).into_iter().map(|address| format!("adapter {address}")).collect();
    let mut sources: Vec<String> = Vec::new();
    sources.extend(machine_id.iter().map(|_| "machine-id".to_owned()));
    sources.extend(serial.iter().map(|_| "serial number".to_owned()));
    if !addresses.is_empty() {
        sources.push(format!("network adapters ({})", addresses.len()));
    }
    if sources.is_empty() {
        return None;
    }
    sources.push("processor".to_owned());
    let parts = machine_id.into_iter().chain(serial).chain(addresses).chain(processor(tree));
    Some(Fingerprint { text: hashed(&parts.collect::<Vec<_>>().join("\n")), sources: sources.join(", ") })
}

/// Keyed hash of the running kernel's boot.
pub(super) fn boot_id(tree: &Tree) -> Option<String> {
    Some(hashed(&format!("boot {}", tree.text("proc/sys/kernel/random/boot_id")?)))
}

/// Time of the boot, in seconds since 1970.
pub(super) fn booted_at_s(tree: &Tree) -> Option<u64> {
    let stat = tree.text("proc/stat")?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn hashed(text: &str) -> String {
    let hash = HMAC::mac(text, KEY);
    let (first, _) = hash.split_first_chunk().expect("it has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(*first))
}

/// The identifier of the installation, unless it lasts only until the next boot: then a file in memory is mounted over it.
fn machine_id(tree: &Tree) -> Option<String> {
    let id = tree.text(MACHINE_ID).filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let mounts = tree.text("proc/self/mountinfo").unwrap_or_default();
    let lasting = !mounts
        .lines()
        .filter_map(mounts::parse)
        .any(|mount| mount.point.trim_start_matches('/') == MACHINE_ID && ["tmpfs", "ramfs"].contains(&mount.kind));
    lasting.then(|| id.to_ascii_lowercase())
}

/// Permanent addresses of the network adapters on the board, sorted.
fn adapters(tree: &Tree) -> Vec<String> {
    const FOLDER: &str = "sys/class/net";
    /// Kind of an InfiniBand adapter, whose address ends in the 8 bytes that are permanent.
    const INFINIBAND: u64 = 32;
    const ETHERNET: u64 = 1;
    let address = |name: String| {
        let file = |file: &str| format!("{FOLDER}/{name}/{file}");
        // Adapters of software and virtual functions have made-up addresses, and those on USB come and go.
        let device = tree.target(&file("device"))?;
        let fixed = tree.target(&file("device/physfn")).is_none() && !device.contains("/usb");
        // A bond gives its own address to its adapters.
        let bonded = tree.text(&file("bonding_slave/perm_hwaddr"));
        let permanent = bonded.is_some() || tree.number(&file("addr_assign_type")) == Some(0);
        let address = bonded.or_else(|| tree.text(&file("address")))?.to_ascii_lowercase();
        match tree.number(&file("type"))? {
            _ if !fixed || !permanent => None,
            ETHERNET => Some(address),
            INFINIBAND => address.len().checked_sub("00:00:00:00:00:00:00:00".len()).map(|at| address[at..].to_owned()),
            _ => None,
        }
    };
    let mut addresses: Vec<String> = tree.names(FOLDER).into_iter().filter_map(address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Numbers of the first processor's design, as one text.
pub(super) fn processor_design(tree: &Tree) -> Option<String> {
    let lines: Vec<String> = processor(tree).into_iter().filter(|line| !line.starts_with("model name")).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Lines of `/proc/cpuinfo` that name the first processor's design; microcode and clock frequency change.
fn processor(tree: &Tree) -> Vec<String> {
    const NAMES: [&str; 9] = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "CPU implementer",
        "CPU variant",
        "CPU part",
        "CPU revision",
    ];
    let text = tree.text("proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let pairs = first.lines().filter_map(|line| line.split_once(':'));
    let named = pairs.filter(|(name, _)| NAMES.contains(&name.trim()));
    named.map(|(name, value)| format!("{}: {}", name.trim(), value.trim())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::fake::Fake;
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";
    const CPU: &str = "processor\t: 0\nvendor_id\t: Made\ncpu family\t: 6\nmodel\t\t: 7\nmodel name\t: Made-up 9\n\
                       stepping\t: 1\nmicrocode\t: 0x1\ncpu MHz\t: 2000.1\n\nprocessor\t: 1\nvendor_id\t: Other\n";

    /// A machine with an adapter at `address`.
    fn machine(address: &str) -> Fake {
        let fake = Fake::new().file("etc/machine-id", ID).file("proc/cpuinfo", CPU);
        adapter(fake, "eth0", "pci0000:00/0000:00:03.0", address)
    }

    fn adapter(fake: Fake, name: &str, device: &str, address: &str) -> Fake {
        let fake = fake
            .file(&format!("sys/class/net/{name}/address"), address)
            .file(&format!("sys/class/net/{name}/addr_assign_type"), "0")
            .file(&format!("sys/class/net/{name}/type"), "1")
            .file(&format!("sys/devices/{device}/vendor"), "0x1");
        symlink(fake.path(&format!("sys/devices/{device}")), fake.path(&format!("sys/class/net/{name}/device")))
            .expect("a link");
        fake
    }

    fn of(fake: &Fake) -> String {
        fingerprint(&fake.tree(), None).expect("a fingerprint").text
    }

    const FIRST: &str = "52:54:00:00:00:01";

    #[test]
    fn a_reboot_a_new_kernel_and_a_new_name_keep_the_fingerprint() {
        let before = machine(FIRST);
        let after = machine(FIRST)
            .file("proc/cpuinfo", &CPU.replace("0x1", "0x2").replace("2000.1", "3111.9"))
            .file("proc/sys/kernel/random/boot_id", "another")
            .file("proc/sys/kernel/osrelease", "99.0")
            .file("etc/hostname", "renamed")
            .file("proc/meminfo", "MemTotal: 7 kB");
        assert_eq!(of(&before), of(&after));
        assert_eq!(of(&before).len(), 32);
    }

    #[test]
    fn installation_adapter_and_processor_tell_machines_apart() {
        let one = of(&machine(FIRST));
        assert_ne!(one, of(&machine("52:54:00:00:00:02")), "a clone of the disk has another adapter");
        assert_ne!(one, of(&machine(FIRST).file("etc/machine-id", &ID.replace("ef", "fe"))));
        assert_ne!(one, of(&machine(FIRST).file("proc/cpuinfo", &CPU.replace("Made-up 9", "Made-up 10"))));
    }

    #[test]
    fn adapters_that_come_and_go_do_not_count() {
        let one = of(&machine(FIRST));
        let dock = adapter(machine(FIRST), "usb0", "pci0000:00/0000:00:14.0/usb1/1-1", "52:54:00:00:00:09");
        assert_eq!(one, of(&dock), "on USB");
        let random = adapter(machine(FIRST), "wlan0", "pci0000:00/0000:00:04.0", "52:54:00:00:00:09")
            .file("sys/class/net/wlan0/addr_assign_type", "3");
        assert_eq!(one, of(&random), "an address that was set");
        let function = adapter(machine(FIRST), "vf0", "pci0000:00/0000:00:05.1", "52:54:00:00:00:09")
            .file("sys/devices/pci0000:00/0000:00:05.1/physfn/vendor", "0x1");
        assert_eq!(one, of(&function), "a virtual function");
        let bridge = machine(FIRST).file("sys/class/net/br0/address", "52:54:00:00:00:09");
        assert_eq!(one, of(&bridge), "a bridge has no device");
        let bonded = machine("52:54:00:00:00:77").file("sys/class/net/eth0/bonding_slave/perm_hwaddr", FIRST);
        assert_eq!(one, of(&bonded), "an adapter of a bond");
    }

    #[test]
    fn an_infiniband_adapter_counts_by_its_permanent_part() {
        let with = |address: &str| {
            let fake = adapter(machine(FIRST), "ib0", "pci0000:00/0000:00:06.0", address);
            of(&fake.file("sys/class/net/ib0/type", "32"))
        };
        let address = |queue: &str, port: &str| format!("{queue}:fe:80:00:00:00:00:00:00:50:6b:4b:03:00:ca:11:{port}");
        assert_eq!(with(&address("00:00:10:29", "01")), with(&address("00:00:04:37", "01")));
        assert_ne!(with(&address("00:00:10:29", "01")), with(&address("00:00:10:29", "02")));
    }

    #[test]
    fn an_identifier_for_one_boot_does_not_count() {
        let mount = |kind: &str| format!("40 25 0:22 /machine-id /etc/machine-id rw - {kind} {kind} rw\n");
        let other = ID.replace("ef", "fe");
        let diskless = |id: &str| of(&machine(FIRST).file("etc/machine-id", id).file(MOUNTS, &mount("tmpfs")));
        assert_eq!(diskless(ID), diskless(&other));
        let from_the_host = |id: &str| of(&machine(FIRST).file("etc/machine-id", id).file(MOUNTS, &mount("ext4")));
        assert_ne!(from_the_host(ID), from_the_host(&other));
        assert_eq!(diskless("uninitialized"), diskless(""));
    }

    const MOUNTS: &str = "proc/self/mountinfo";

    #[test]
    fn a_name_replaces_everything_and_a_model_alone_is_no_fingerprint() {
        let [one, other] = [FIRST, "52:54:00:00:00:02"].map(machine);
        let named = |fake: &Fake, name| fingerprint(&fake.tree(), Some(name)).expect("a fingerprint");
        assert_eq!(named(&one, "node-7"), named(&other, " node-7 "));
        assert_ne!(named(&one, "node-7"), named(&one, "node-8"));
        assert_eq!(named(&one, " ").text, of(&one), "an empty name is none");
        assert_eq!(named(&one, "node-7").sources, MACHINE_NAME);
        assert_eq!(
            fingerprint(&one.tree(), None).expect("found").sources,
            "machine-id, network adapters (1), processor"
        );
        assert_eq!(fingerprint(&Fake::new().file("proc/cpuinfo", CPU).tree(), None), None);
        assert_eq!(fingerprint(&Tree::at("/nowhere/at/all"), None), None);
    }

    #[test]
    fn nothing_that_identifies_a_person_is_readable() {
        let text = format!("{:?}", fingerprint(&machine(FIRST).tree(), None));
        assert!(!text.contains(ID) && !text.contains(FIRST), "{text}");
        // HMAC-SHA256 of the same words by another implementation.
        assert_eq!(hashed("name node-7"), "cf4edaffc69a6b05eeef9220a9f1d53a");
    }

    #[test]
    fn the_design_of_the_first_processor_is_one_text() {
        let design = processor_design(&machine(FIRST).tree());
        assert_eq!(design.as_deref(), Some("vendor_id: Made, cpu family: 6, model: 7, stepping: 1"));
        assert_eq!(processor_design(&Fake::new().tree()), None);
    }

    #[test]
    fn a_boot_has_a_number_and_a_time() {
        let fake = machine(FIRST)
            .file("proc/sys/kernel/random/boot_id", "5d1f")
            .file("proc/stat", "cpu 1 2\nbtime 1795910419\nprocesses 5\n");
        assert_eq!(boot_id(&fake.tree()), Some(hashed("boot 5d1f")));
        assert_eq!(booted_at_s(&fake.tree()), Some(1_795_910_419));
        assert_eq!(booted_at_s(&Tree::at("/nowhere/at/all")), None);
    }
}
