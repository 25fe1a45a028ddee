//! Which machine a record is from.
//!
//! Machines are told apart by their fingerprint. Recordings without one are told apart by host name and processor. Clones
//! that share a fingerprint, such as virtual machines of one image with one address, are told apart by their boots: a
//! machine that still wrote records when another kernel had booted already is another machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipcmark_record::{Facts, Machine, Record};

/// Clocks of two machines, or of one before and after it was set, may differ by this much.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// Digits of a fingerprint in texts.
const DIGITS: usize = 12;

/// Machine of these facts: its fingerprint, else host name and processor. [`Machines`] tells clones apart too.
pub fn machine_id(facts: &Facts) -> String {
    facts.fingerprint.clone().unwrap_or_else(|| format!("{} ({})", facts.hostname, facts.cpu_model))
}

/// Machines of some records, which all have been [added](Self::add) before one is asked for.
///
/// ```
/// use ipcmark_record::Record;
/// use ipcmark_reports::{Machines, machine_id};
/// fn same(a: &Record, b: &Record) -> bool {
///     let machines = Machines::of([a, b]);
///     machines.id(&a.machine.facts) == machines.id(&b.machine.facts)
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Machines {
    /// Boots by machine.
    boots: BTreeMap<String, BTreeMap<String, Life>>,
}

/// Time in which a kernel ran for sure.
#[derive(Clone, Copy, Debug)]
struct Life {
    from: SystemTime,
    until: SystemTime,
}

impl Machines {
    /// Machines of `records`.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut machines = Self::default();
        for record in records {
            machines.add(record);
        }
        machines
    }

    /// Takes note of the boot in which a record was made.
    pub fn add(&mut self, record: &Record) {
        self.saw(&record.machine.facts, humantime::parse_rfc3339_weak(&record.ended_at).ok());
    }

    /// Takes note of a boot that ran at `seen`.
    pub fn saw(&mut self, facts: &Facts, seen: Option<SystemTime>) {
        let (Some(boot), Some(booted_at_s), Some(seen)) = (&facts.boot_id, facts.booted_at_s, seen) else { return };
        let from = SystemTime::UNIX_EPOCH + Duration::from_secs(booted_at_s);
        let boots = self.boots.entry(machine_id(facts)).or_default();
        let life = boots.entry(boot.clone()).or_insert(Life { from, until: from });
        // The clock may be set after the boot, which moves the time of the boot: the latest is certain.
        life.from = life.from.max(from);
        life.until = life.until.max(seen);
    }

    /// Machine of these facts: [`machine_id`], and the boot where clones share that.
    pub fn id(&self, facts: &Facts) -> String {
        let id = machine_id(facts);
        match &facts.boot_id {
            Some(boot) if self.has_clones(&id) => format!("{id} boot {boot}"),
            _ => id,
        }
    }

    fn has_clones(&self, id: &str) -> bool {
        let Some(boots) = self.boots.get(id) else { return false };
        let mut lives: Vec<Life> = boots.values().copied().collect();
        lives.sort_by_key(|life| life.from);
        lives.windows(2).any(|pair| pair[0].until > pair[1].from + CLOCKS_DIFFER)
    }
}

/// What records may be pooled by: the machine, and its kernel, since a new one moves numbers.
pub(crate) fn pooled_by(machines: &Machines, machine: &Machine) -> (String, String) {
    (machines.id(&machine.facts), machine.facts.kernel.clone())
}

/// Machines of `records`: `host (processor, kernel)`. A machine with two names has both; machines of one name have their
/// fingerprints and boots.
pub(crate) fn named(records: &[Record]) -> BTreeSet<String> {
    let machines = Machines::of(records);
    let mut known: BTreeMap<(String, String), (&Facts, BTreeSet<&str>)> = BTreeMap::new();
    // Records of one run have the same machine in memory.
    for records in records.chunk_by(|a, b| Arc::ptr_eq(&a.machine, &b.machine)) {
        let machine = &records[0].machine;
        let entry = known.entry(pooled_by(&machines, machine)).or_insert((&machine.facts, BTreeSet::new()));
        entry.1.insert(&machine.facts.hostname);
    }
    let name = |(facts, hosts): &(&Facts, BTreeSet<&str>)| {
        let hosts: Vec<&str> = hosts.iter().copied().collect();
        format!("{} ({}, {})", hosts.join(" and "), facts.cpu_model, facts.kernel)
    };
    let names: Vec<String> = known.values().map(name).collect();
    let short = |id: &Option<String>| id.as_deref().unwrap_or("unknown").chars().take(DIGITS).collect::<String>();
    let told_apart = |(machine, name): (&(&Facts, BTreeSet<&str>), &String)| {
        if names.iter().filter(|other| *other == name).count() == 1 {
            return name.clone();
        }
        let (facts, _) = machine;
        format!("{name} with fingerprint {} and boot {}", short(&facts.fingerprint), short(&facts.boot_id))
    };
    known.values().zip(&names).map(told_apart).collect()
}
