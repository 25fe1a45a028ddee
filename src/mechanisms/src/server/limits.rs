//! Limits on open files and processes: a server and its clients need a thousand of each.
//! Source: getrlimit(2), cgroups(7).

use std::io;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Files or processes that are in use besides those of a trial.
const REST: u64 = 64;

/// Raises this process's soft limits on open files and processes to the hard ones. Children inherit them.
pub fn raise() -> io::Result<()> {
    for resource in [Resource::RLIMIT_NOFILE, Resource::RLIMIT_NPROC] {
        let (soft, hard) = getrlimit(resource)?;
        if soft < hard {
            setrlimit(resource, hard, hard)?;
        }
    }
    Ok(())
}

/// Checks whether a process may have `connections` open, and whether `processes` (or threads) may be started.
///
/// Errors: the limit, and how to raise it.
pub fn allow(connections: u64, processes: u64) -> Result<(), String> {
    let (files, tasks) = (connections + REST, processes + REST);
    let hard = |resource| getrlimit(resource).map_or(RLIM_INFINITY, |(_, hard)| hard);
    if hard(Resource::RLIMIT_NOFILE) < files {
        let limit = hard(Resource::RLIMIT_NOFILE);
        return Err(format!(
            "{connections} connections need {files} open files, but RLIMIT_NOFILE allows {limit}; raise it (ulimit -Hn)"
        ));
    }
    if hard(Resource::RLIMIT_NPROC) < tasks {
        let limit = hard(Resource::RLIMIT_NPROC);
        return Err(format!("{tasks} processes are needed, but RLIMIT_NPROC allows {limit}; raise it (ulimit -Hu)"));
    }
    match pids_max().filter(|limit| *limit < tasks) {
        Some(limit) => Err(format!("{tasks} processes are needed, but pids.max of this cgroup allows {limit}")),
        None => Ok(()),
    }
}

/// The largest number of connections, up to `wanted`, that [`allow`] permits with this many processes per connection.
pub fn most(wanted: u32, processes_each: u64) -> u32 {
    let (mut most, mut step) = (0, wanted);
    while step > 0 {
        let more = most + step;
        if more <= wanted && allow(u64::from(more), u64::from(more) * processes_each).is_ok() {
            most = more;
        } else {
            step /= 2;
        }
    }
    most
}

/// pids.max of this process's cgroup, if there is one. Parent cgroups are not checked.
fn pids_max() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    std::fs::read_to_string(format!("/sys/fs/cgroup{path}/pids.max")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceeding_a_limit_is_refused_with_its_name() {
        let (_, files) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
        if files < RLIM_INFINITY {
            let why = allow(files, 1).unwrap_err();
            assert!(why.contains("RLIMIT_NOFILE") && why.contains(&files.to_string()), "{why}");
            assert!(u64::from(most(u32::MAX, 0)) < files);
        }
        assert_eq!(allow(1, 1), Ok(()));
        assert_eq!(most(3, 1), 3);
    }
}
