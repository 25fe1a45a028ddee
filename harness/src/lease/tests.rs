//! A live lease is kept, a dead one is cleared, and a damaged one does no harm.

use ipcmark::address::{Address, Endpoint, NameKind};
use ipcmark::record::Substrate;
use ipcmark::shm::Segment;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::*;

#[test]
fn a_held_lease_survives_a_sweep_and_a_dead_one_does_not() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let left = folder.path().join("ipcmark.left");
    let lease = Lease::take(folder.path(), "one").expect("a lease");
    lease.list_directory(&left).expect("listed");
    fs::create_dir(&left).expect("made");
    fs::write(left.join("file"), "x").expect("written");
    sweep(folder.path());
    assert!(left.exists() && lease.path().exists());
    assert!(Lease::take(folder.path(), "one").is_err(), "one id, one live run");
    // A killed harness leaves the same file without the lock.
    let dead = folder.path().join("dead.lease");
    fs::copy(lease.path(), &dead).expect("copied");
    sweep(folder.path());
    assert!(!left.exists() && !dead.exists() && lease.path().exists());
}

#[test]
fn a_dropped_lease_removes_all_it_lists() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let left = folder.path().join("ipcmark.left");
    let lease = Lease::take(folder.path(), "one").expect("a lease");
    lease.list_directory(&left).expect("listed");
    fs::create_dir(&left).expect("made");
    drop(lease);
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
}

#[test]
fn a_fifo_or_a_link_among_the_leases_does_not_block() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let lease = Lease::take(folder.path(), "one").expect("a lease");
    let fifo = folder.path().join("fifo.lease");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("made");
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("link.lease")).expect("made");
    sweep(folder.path());
    clear_once_dead(&fifo);
    assert!(!another_in(&[folder.path().to_owned()], &lease, None));
    assert!(fifo.exists(), "only leases are removed");
}

#[test]
fn a_damaged_lease_removes_no_foreign_files() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).expect("made");
    let written = format!(
        "directory {0}\ndirectory {0}/ipcmark.x/..\ndirectory ipcmark.relative\nposix-shm ../{0}\nposix-shm ipc",
        theirs.display()
    );
    let path = folder.path().join("damaged.lease");
    fs::write(&path, written).expect("written");
    sweep(folder.path());
    assert!(theirs.exists() && !path.exists());
}

#[test]
fn an_id_that_is_not_a_file_name_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for id in ["", "../up", "a b", "a/b", "a.b"] {
        assert!(Lease::take(folder.path(), id).is_err(), "{id}");
    }
}

#[test]
fn two_live_runs_see_each_other() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let folders = [folder.path().to_owned()];
    let one = Lease::take(folder.path(), "one").expect("a lease");
    assert!(!another_in(&folders, &one, None));
    let two = Lease::take(folder.path(), "two").expect("a lease");
    assert!(another_in(&folders, &one, None) && another_in(&folders, &two, None));
    drop(one);
    assert!(!another_in(&folders, &two, None));
}

#[test]
fn names_of_a_dead_run_and_of_its_workers_are_removed() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let open = |name: &Name, flags| {
        let slashed = format!("/{}", name.name);
        nix::sys::mman::shm_open(slashed.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
    };
    let make = |whose: &str| {
        let name = Name { kind: NameKind::PosixShm, name: format!("ipcmark.{whose}.{}", std::process::id()) };
        open(&name, OFlag::O_CREAT | OFlag::O_RDWR).expect("POSIX shm works");
        name
    };
    let (harness, worker) = (make("harness"), make("worker"));
    let home = folder.path().join("ipcmark.dead");
    fs::create_dir_all(home.join("trial")).expect("made");
    fs::write(home.join("trial").join(WORKER_LEASE), worker.to_line()).expect("written");
    let lines = format!("directory {}\n{}", home.display(), harness.to_line());
    fs::write(folder.path().join("dead.lease"), lines).expect("written");
    sweep(folder.path());
    assert!(open(&harness, OFlag::O_RDWR).is_err() && open(&worker, OFlag::O_RDWR).is_err());
    assert!(!home.exists());
}

#[test]
fn the_system_v_segment_of_a_dead_run_is_removed_by_its_key() {
    let address = match ipcmark::shm::create(Substrate::SysvShm, 4096) {
        Err(why) if why.kind() == io::ErrorKind::Unsupported => return,
        made => made.expect("System V shared memory works"),
    };
    let Address::Named(name) = &address else { panic!("a segment is found by its name's key, not by {address:?}") };
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("dead.lease"), name.to_line()).expect("written");
    let attached = Segment::attach(&address, Endpoint::Sender, 4096).expect("it is there");
    sweep(folder.path());
    let gone = Segment::attach(&address, Endpoint::Receiver, 4096).err().expect("its key finds nothing any more");
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    attached.touch(0);
}

#[test]
fn kernel_objects_of_a_dead_run_are_removed() {
    use ipcmark::address::sysv_key;
    use ipcmark::sysv_msg::{self, MessageQueue};
    use ipcmark::sysv_sem::{self, Semaphore};

    let folder = tempfile::tempdir().expect("a temporary directory");
    let name = |kind| Name { kind, name: format!("ipcmark.objects.{:016x}", std::process::id() << 8 | 0xc0de) };
    let (msg, sem, mqueue) = (name(NameKind::SysvMsg), name(NameKind::SysvSem), name(NameKind::Mqueue));
    let key = sysv_key(&msg.name).expect("a key");
    MessageQueue::create(key).expect("System V queues work");
    Semaphore::create(key).expect("System V semaphores work");
    let slashed = format!("/{}", mqueue.name);
    let open = |flags| {
        let attributes = nix::mqueue::MqAttr::new(0, 1, 1, 0);
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        nix::mqueue::mq_open(slashed.as_str(), flags, mode, Some(&attributes)).and_then(nix::mqueue::mq_close)
    };
    open(nix::mqueue::MQ_OFlag::O_CREAT).expect("POSIX queues work");
    let lines: String = [msg, sem, mqueue].iter().map(Name::to_line).collect();
    fs::write(folder.path().join("dead.lease"), lines).expect("written");
    sweep(folder.path());
    assert!(!sysv_msg::exists(key).expect("an answer") && !sysv_sem::exists(key).expect("an answer"));
    assert_eq!(open(nix::mqueue::MQ_OFlag::empty()), Err(nix::errno::Errno::ENOENT));
}
