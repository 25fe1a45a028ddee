//! Control groups of this process: CPU quota, weight and cpuset, and how often the quota stopped it.
//!
//! A limit of any parent limits the process too, so every value is read in its own group and in all parents that are mounted.
//! Sources: cgroups(7); the kernel's cgroup-v2, sched-bwc and cpusets documents; proc(5), `mountinfo`.

use super::mounts::{self, Mount};
use super::tree::{Tree, parse_list};
use crate::record::{GroupLimits, Throttling};

/// File systems of control groups in `mountinfo`: version 2, and version 1 with its controllers.
const MOUNTED_AS: [&str; 2] = ["cgroup2", "cgroup"];

/// Directories of one hierarchy below a [`Tree`]'s root, from the own group up to the mounted root.
struct Hierarchy {
    folders: Vec<String>,
    version: u8,
}

/// Throttling of this process since its groups were made; `None` if no group can limit it.
pub(super) fn throttling(tree: &Tree) -> Option<Throttling> {
    let hierarchies = hierarchies(tree, "cpu");
    let files = hierarchies.iter().flat_map(|it| it.texts(tree, "cpu.stat"));
    files.filter_map(|text| throttled(&text)).reduce(|sum, one| Throttling {
        periods: sum.periods + one.periods,
        throttled_periods: sum.throttled_periods + one.throttled_periods,
        throttled_us: sum.throttled_us + one.throttled_us,
    })
}

/// Limits that its groups set to this process; `None` without any.
pub(super) fn limits(tree: &Tree) -> Option<GroupLimits> {
    let cpu = hierarchies(tree, "cpu");
    let quotas = cpu.iter().flat_map(|it| it.quotas(tree));
    let weight = cpu.iter().find_map(|it| it.weight(tree));
    let cpuset = hierarchies(tree, "cpuset").iter().find_map(|it| it.cpuset(tree));
    let limits = GroupLimits { quota_cpus: quotas.min_by(f64::total_cmp), weight, cpuset };
    (limits != GroupLimits::default()).then_some(limits)
}

/// Versions of control groups that are mounted: `1`, `2` or `1 and 2`.
pub(super) fn version(tree: &Tree) -> Option<String> {
    let mounts = tree.text("proc/self/mountinfo")?;
    let mounted = |kind: &str| mounts.lines().filter_map(mounts::parse).any(|mount| mount.kind == kind);
    let versions = MOUNTED_AS.map(mounted);
    Some(
        if versions == [true, true] {
            "1 and 2"
        } else {
            [(versions[0], "2"), (versions[1], "1")].into_iter().find(|it| it.0)?.1
        }
        .to_owned(),
    )
}

/// Hierarchies in which `controller` may limit this process: that of version 2, and one of version 1 with this controller.
fn hierarchies(tree: &Tree, controller: &str) -> Vec<Hierarchy> {
    let (Some(groups), Some(mounts)) = (tree.text("proc/self/cgroup"), tree.text("proc/self/mountinfo")) else {
        return vec![];
    };
    let has = |list: &str| list.split(',').any(|word| word == controller);
    let find = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let version = if controllers.is_empty() { 2 } else { 1 };
        if version == 1 && !has(controllers) {
            return None;
        }
        mounts.lines().filter_map(mounts::parse).find_map(|mount| {
            let fits = mount.kind == MOUNTED_AS[usize::from(2 - version)] && (version == 2 || has(mount.options));
            fits.then(|| Hierarchy { folders: folders(&mount, path), version })
        })
    };
    groups.lines().filter_map(find).collect()
}

/// Directories of the group at `path` and its parents, as far as they are mounted. A mount may show only a part of the
/// hierarchy, as in a container; a group outside it is represented by the mounted root.
fn folders(mount: &Mount<'_>, path: &str) -> Vec<String> {
    let root = mount.root.trim_end_matches('/');
    let below = path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut below = below.filter(|rest| !rest.contains("..")).unwrap_or_default().trim_end_matches('/');
    let point = mount.point.trim_matches('/');
    let mut found = vec![format!("{point}{below}")];
    while let Some((parent, _)) = below.rsplit_once('/') {
        found.push(format!("{point}{parent}"));
        below = parent;
    }
    found
}

impl Hierarchy {
    /// Texts of a file in the own group and its parents, where it exists.
    fn texts<'a>(&'a self, tree: &'a Tree, file: &'a str) -> impl Iterator<Item = String> + 'a {
        self.folders.iter().filter_map(move |folder| tree.text(&format!("{folder}/{file}")))
    }

    /// CPUs that each quota allows.
    fn quotas(&self, tree: &Tree) -> Vec<f64> {
        let cpus = |quota: &str, period: &str| {
            let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
            (quota > 0.0 && period > 0.0).then(|| quota / period)
        };
        if self.version == 2 {
            return self
                .texts(tree, "cpu.max")
                .filter_map(|max| max.split_once(' ').and_then(|(q, p)| cpus(q, p)))
                .collect();
        }
        let of = |folder: &String| {
            let file = |name| tree.text(&format!("{folder}/cpu.cfs_{name}_us"));
            cpus(&file("quota")?, &file("period")?)
        };
        self.folders.iter().filter_map(of).collect()
    }

    /// Share of the CPU time where groups compete, as file and value of the own group.
    fn weight(&self, tree: &Tree) -> Option<String> {
        let file = if self.version == 2 { "cpu.weight" } else { "cpu.shares" };
        let text = tree.text(&format!("{}/{file}", self.folders.first()?))?;
        Some(format!("{file} {text}"))
    }

    fn cpuset(&self, tree: &Tree) -> Option<Vec<u32>> {
        let file = if self.version == 2 { "cpuset.cpus.effective" } else { "cpuset.effective_cpus" };
        self.texts(tree, file).find_map(|list| parse_list(&list))
    }
}

/// Counters in a `cpu.stat`; `None` where the group has no counters of a quota.
fn throttled(stat: &str) -> Option<Throttling> {
    let number = |name: &str| {
        let words = stat.lines().filter_map(|line| line.split_once(' '));
        words.filter(|(key, _)| *key == name).find_map(|(_, value)| value.trim().parse::<u64>().ok())
    };
    let throttled_us = number("throttled_usec").or_else(|| number("throttled_time").map(|ns| ns / 1000));
    Some(Throttling {
        periods: number("nr_periods")?,
        throttled_periods: number("nr_throttled")?,
        throttled_us: throttled_us.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    fn groups(groups: &str, mounts: &str) -> Fake {
        Fake::new().file("proc/self/cgroup", groups).file("proc/self/mountinfo", mounts)
    }

    const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "30 23 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
                      31 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
                      32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      33 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn version_2_adds_up_the_own_group_and_its_parents() {
        let stat = "usage_usec 9\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1500\n";
        let fake = groups("0::/user.slice/run.scope\n", V2)
            .file("sys/fs/cgroup/cpu.stat", "usage_usec 100\n")
            .file("sys/fs/cgroup/user.slice/cpu.stat", stat)
            .file("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n")
            .file("sys/fs/cgroup/user.slice/run.scope/cpu.stat", stat)
            .file("sys/fs/cgroup/user.slice/run.scope/cpu.max", "max 100000\n")
            .file("sys/fs/cgroup/user.slice/run.scope/cpu.weight", "50\n")
            .file("sys/fs/cgroup/user.slice/cpuset.cpus.effective", "0-1\n")
            .file("sys/fs/cgroup/user.slice/run.scope/cpuset.cpus.effective", "1\n");
        let seen = throttling(&fake.tree()).expect("two groups have a quota");
        assert_eq!(seen, Throttling { periods: 20, throttled_periods: 8, throttled_us: 3000 });
        let limits = limits(&fake.tree()).expect("limits");
        assert_eq!(limits.quota_cpus, Some(1.5));
        assert_eq!((limits.weight.as_deref(), limits.cpuset), (Some("cpu.weight 50"), Some(vec![1])));
    }

    #[test]
    fn version_1_has_a_hierarchy_for_each_controller() {
        let fake = groups("4:cpu,cpuacct:/a/b\n3:cpuset:/c\n0::/\n", V1)
            .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.stat", "nr_periods 224\nnr_throttled 221\nthrottled_time 9000000\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")
            .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.shares", "1024\n")
            .file("sys/fs/cgroup/cpuset/c/cpuset.effective_cpus", "0,2\n");
        let seen = throttling(&fake.tree()).expect("a quota");
        assert_eq!(seen, Throttling { periods: 224, throttled_periods: 221, throttled_us: 9000 });
        let limits = limits(&fake.tree()).expect("limits");
        assert_eq!(limits.quota_cpus, Some(0.5));
        assert_eq!((limits.weight.as_deref(), limits.cpuset), (Some("cpu.shares 1024"), Some(vec![0, 2])));
    }

    #[test]
    fn a_container_sees_its_part_of_the_hierarchy() {
        let mounts = "31 23 0:28 /docker/7f /sys/fs/my\\040groups rw - cgroup2 cgroup2 rw\n";
        let fake = groups("0::/docker/7f/job\n", mounts)
            .file("sys/fs/my groups/cpu.max", "200000 100000\n")
            .file("sys/fs/my groups/job/cpu.max", "25000 50000\n");
        assert_eq!(limits(&fake.tree()).and_then(|it| it.quota_cpus), Some(0.5));
        // A group outside of what is mounted: the mounted root is the nearest that can be read.
        for outside in ["0::/docker/7fff\n", "0::/../other\n", "0::/\n"] {
            let fake = groups(outside, mounts).file("sys/fs/my groups/cpu.max", "200000 100000\n");
            assert_eq!(limits(&fake.tree()).and_then(|it| it.quota_cpus), Some(2.0), "{outside}");
        }
    }

    #[test]
    fn the_mounted_versions_are_told() {
        let of = |mounts: &str| version(&groups("", mounts).tree());
        assert_eq!([of(V2), of(V1)].map(Option::unwrap_or_default), ["2", "1 and 2"]);
        assert_eq!(of(V1.split_once("33 ").expect("a last line").0).as_deref(), Some("1"));
        assert_eq!(of("junk"), None);
    }

    #[test]
    fn odd_or_missing_files_are_no_limit() {
        assert_eq!(throttling(&Tree::at("/nowhere/at/all")), None);
        assert_eq!(limits(&Tree::at("/nowhere/at/all")), None);
        let fake = groups("garbage\n0:\n::\n0::/x\n", &format!("short line\n - \n{V2}"))
            .file("sys/fs/cgroup/x/cpu.max", "many\n")
            .file("sys/fs/cgroup/x/cpu.stat", "nr_periods lots\nnr_throttled\n")
            .file("sys/fs/cgroup/cpu.max", "0 0\n");
        assert_eq!(throttling(&fake.tree()), None);
        assert_eq!(limits(&fake.tree()), None);
    }
}
