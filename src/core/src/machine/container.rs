//! Container that this process runs in, and how that is known.
//!
//! A marker of a container is believed only in a namespace of processes that is not the machine's own: images of containers
//! also boot as virtual machines, with their markers. The machine's own namespaces have fixed numbers
//! (`include/linux/proc_ns.h`).

use super::tree::Tree;

/// Number of the first namespace of processes.
const FIRST_PROCESSES: &str = "pid:[4026531836]";

/// Part of a control group's path, and the container that it belongs to.
const GROUPS: [(&str, &str); 6] = [
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("machine.slice/machine-", "systemd-nspawn"),
    ("containerd", "containerd"),
];

/// Files that container runtimes make.
const FILES: [(&str, &str); 4] = [
    ("var/run/secrets/kubernetes.io", "kubernetes"),
    (".dockerenv", "docker"),
    ("run/.containerenv", "podman"),
    ("dev/lxc", "lxc"),
];

/// `docker (/.dockerenv)`; `None` outside of containers. `variable` reads the environment.
pub(super) fn container(tree: &Tree, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let kubernetes = variable("KUBERNETES_SERVICE_HOST").map(|_| named("kubernetes", "KUBERNETES_SERVICE_HOST"));
    // A pod may share the namespaces of its node.
    let by_group = || {
        let groups = tree.text("proc/self/cgroup")?;
        let (word, name) = GROUPS.iter().find(|(word, _)| groups.lines().any(|line| line.contains(word)))?;
        Some(named(name, &format!("control group {word}")))
    };
    if let Some(found) = kubernetes.or_else(by_group) {
        return Some(found);
    }
    if tree.link("proc/self/ns/pid").is_none_or(|processes| processes == FIRST_PROCESSES) {
        return None;
    }
    let by_file = || {
        let (file, name) = FILES.iter().find(|(file, _)| tree.target(file).is_some())?;
        Some(named(name, &format!("/{file}")))
    };
    let by_manager = tree.text("run/systemd/container").map(|name| named(&name, "/run/systemd/container"));
    let by_variable = || variable("container").filter(|name| !name.is_empty()).map(|name| named(&name, "$container"));
    let unknown = || Some(named("unknown", "a namespace of processes of its own"));
    by_file().or(by_manager).or_else(by_variable).or_else(unknown)
}

fn named(name: &str, known_by: &str) -> String {
    format!("{name} ({known_by})")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::fake::Fake;
    use super::*;

    /// A process in the namespace of processes with this number.
    fn inside(number: u64) -> Fake {
        let fake = Fake::new();
        fs::create_dir_all(fake.path("proc/self/ns")).expect("writable");
        symlink(format!("pid:[{number}]"), fake.path("proc/self/ns/pid")).expect("a link");
        fake
    }

    const FIRST: u64 = 4_026_531_836;

    fn of(fake: &Fake) -> Option<String> {
        container(&fake.tree(), |_| None)
    }

    #[test]
    fn a_container_is_known_by_its_files_or_groups() {
        let own = || inside(4_026_532_999);
        assert_eq!(of(&own().file(".dockerenv", "")).as_deref(), Some("docker (/.dockerenv)"));
        assert_eq!(of(&own().file("run/.containerenv", "")).as_deref(), Some("podman (/run/.containerenv)"));
        let nspawn = own().file("run/systemd/container", "systemd-nspawn\n");
        assert_eq!(of(&nspawn).as_deref(), Some("systemd-nspawn (/run/systemd/container)"));
        let lxc = container(&own().tree(), |name| (name == "container").then(|| "lxc".into()));
        assert_eq!(lxc.as_deref(), Some("lxc ($container)"));
        let pod = own().file("proc/self/cgroup", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-7f.scope\n");
        assert_eq!(of(&pod).as_deref(), Some("kubernetes (control group kubepods)"));
        assert_eq!(of(&own()).as_deref(), Some("unknown (a namespace of processes of its own)"));
        // With the node's namespaces, as `hostPID: true`.
        let shared = container(&inside(FIRST).tree(), |name| (name == "KUBERNETES_SERVICE_HOST").then(String::new));
        assert_eq!(shared.as_deref(), Some("kubernetes (KUBERNETES_SERVICE_HOST)"));
    }

    #[test]
    fn a_machine_with_the_files_of_an_image_is_no_container() {
        let machine = inside(FIRST).file(".dockerenv", "").file("proc/self/cgroup", "0::/user.slice/run.scope\n");
        assert_eq!(of(&machine), None);
        assert_eq!(of(&Fake::new()), None);
    }
}
