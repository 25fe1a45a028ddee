//! Preparation of a run: reads the plan, creates or reopens the directory, and checks resource limits.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context as _, bail, ensure};
use ipcmark::machine::MACHINE_NAME;
use ipcmark::record::{Facts, Record, Status};
use ipcmark_reports::{Machines, counting};
use nix::sys::resource::{Resource, getrlimit};
use regex::Regex;

use super::{DEFAULT_RUNS, Destination, Options};
use crate::participants::Participants;
use crate::plan::{Changes, Ground, Plan, Text};
use crate::store::{Resumed, Settings, Store, discard};
use crate::trial::Session;

/// Descriptors that the harness may have open at once: endpoints and streams of a trial, page, lease, records, and a reserve.
const OPEN_FILES: u64 = 64;

/// A plan, the options, the open records file and the session.
pub(super) struct Begun {
    pub plan: Plan,
    pub settings: Settings,
    pub store: Store,
    pub session: Session,
    /// Records of the earlier part of a resumed run.
    pub records: Vec<Record>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Begins a run, or resumes one.
///
/// Errors: one sentence about what is wrong with call, plan, limits or directory.
pub(super) fn begin(options: &Options, facts: &Facts) -> anyhow::Result<Begun> {
    enough_open_files()?;
    if let Destination::Resume(directory) = &options.destination {
        let Resumed { store, settings, mut records, mut notes } = Store::resume(directory)?;
        let (renamed, plan, participants) = same_machine(&records, facts)
            .and_then(|renamed| Ok((renamed, Participants::with(&settings.participants)?)))
            .and_then(|(renamed, known)| Ok((renamed, continued(options, &settings, &records, &known)?, known)))
            .with_context(|| format!("cannot resume {}", directory.display()))?;
        notes.extend(renamed);
        let all = records.len();
        records.retain(|record| record.outcome.status != Status::Failed);
        if records.len() < all {
            notes.push(format!("what failed before runs again, if the plan asks for it ({})", all - records.len()));
        }
        let records = counting(records);
        let session = open(&settings)?.with_participants(participants);
        return Ok(Begun { plan, settings, store, session, records, notes });
    }
    let text = options.plan_text()?;
    let files = participants(options)?;
    let known = Participants::with(&files)?;
    let plan = text.plan(&Ground::with(&known), &options.changes)?;
    let settings = Settings {
        run_id: fresh_run_id(),
        plan: text,
        participants: files,
        plan_hash: plan.hash.clone(),
        only: options.changes.only.as_ref().map(ToString::to_string),
        placement: options.changes.placement.map(|place| place.to_string()),
        repetitions: options.changes.repetitions,
        until_stable: options.changes.until_stable.map(|share| share.to_string()),
        budget: options.changes.budget.map(|budget| budget.to_string()),
        seed: options.seed.unwrap_or_else(random),
        retry_budget_ms: u64::try_from(plan.retry_budget().as_millis()).unwrap_or(u64::MAX),
        retried_ms: 0,
        added_ms: 0,
    };
    // Opened before the directory is created, so that a failure leaves no partial run.
    let session = open(&settings)?.with_participants(known);
    let directory = match &options.destination {
        Destination::New(directory) => directory.clone(),
        Destination::Replace(directory) => {
            discard(directory)?;
            directory.clone()
        }
        Destination::Fresh | Destination::Resume(_) => {
            PathBuf::from(DEFAULT_RUNS).join(format!("{}-{}", plan.name, settings.run_id))
        }
    };
    let store = Store::create(&directory, &settings)?;
    Ok(Begun { plan, settings, store, session, records: vec![], notes: vec![] })
}

/// `20261121T003001Z-1a2b3c`: sorts by time, and two runs of one second differ.
pub fn fresh_run_id() -> String {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
    format!("{time}-{:06x}", random() & 0xff_ffff)
}

/// A random seed, which is recorded.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The files of participants named in the options.
///
/// Errors: one cannot be read.
pub(super) fn participants(options: &Options) -> anyhow::Result<Vec<Text>> {
    options.participants.iter().map(|path| Participants::read(path)).collect()
}

/// The plan in `settings`, if it still gives the same cases and times.
fn continued(
    options: &Options,
    settings: &Settings,
    records: &[Record],
    participants: &Participants,
) -> anyhow::Result<Plan> {
    let text = options.plan.as_deref().map_or_else(|| Ok(settings.plan.clone()), Text::find)?;
    let only = settings.only.as_deref().map(Regex::new).transpose().context("its pattern for --only is broken")?;
    let placement = settings.placement.as_deref().map(str::parse).transpose().map_err(anyhow::Error::msg)?;
    let until_stable = settings.until_stable.as_deref().map(str::parse).transpose().map_err(anyhow::Error::msg)?;
    let budget = settings.budget.as_deref().map(str::parse).transpose().map_err(anyhow::Error::msg)?;
    let changes = Changes {
        only: options.changes.only.clone().or(only),
        placement: options.changes.placement.or(placement),
        repetitions: options.changes.repetitions.or(settings.repetitions),
        until_stable: options.changes.until_stable.or(until_stable),
        budget: options.changes.budget.or(budget),
    };
    let plan = text.plan(&Ground::with(participants), &changes)?;
    let recorded = records.iter().map(|record| &record.suite.plan_hash);
    if let Some(other) = std::iter::once(&settings.plan_hash).chain(recorded).find(|hash| **hash != plan.hash) {
        bail!(
            "it was started with plan hash {other} and would go on with {}: the cases or times differ; \
             resume with the plan and options it was started with, on the same machine",
            plan.hash
        );
    }
    Ok(plan)
}

fn open(settings: &Settings) -> anyhow::Result<Session> {
    Session::open(&settings.run_id).context("cannot set up a run on this machine")
}

/// Checks that a resumed run continues on the machine where it began. Returns a note if that has a new name.
fn same_machine(records: &[Record], here: &Facts) -> anyhow::Result<Option<String>> {
    let Some(there) = records.last().map(|record| &record.machine.facts) else { return Ok(None) };
    let fingerprints = there.fingerprint.as_ref().zip(here.fingerprint.as_ref());
    let (before, now) = fingerprints.unwrap_or((&there.hostname, &here.hostname));
    let what = if fingerprints.is_some() { "machine with fingerprint" } else { "host" };
    for (what, before, now) in
        [(what, before, now), ("processor", &there.cpu_model, &here.cpu_model), ("kernel", &there.kernel, &here.kernel)]
    {
        ensure!(before == now, "it was started on the {what} `{before}`, and this is `{now}`; begin a new run here");
    }
    let mut machines = Machines::of(records);
    machines.saw(here, Some(SystemTime::now()));
    ensure!(
        machines.id(there) == machines.id(here),
        "it was started on another machine with the fingerprint of this one, which still ran after this one had booted; \
         begin a new run here, and tell clones apart by a name of your own in {MACHINE_NAME}"
    );
    let renamed = there.hostname != here.hostname;
    Ok(renamed.then(|| format!("this machine was called `{}`, and is called `{}` now", there.hostname, here.hostname)))
}

/// Errors: the limit of open files is too low for a trial.
pub fn enough_open_files() -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of open files")?;
    ensure!(
        soft >= OPEN_FILES,
        "a run needs up to {OPEN_FILES} open files and this shell allows {soft} (RLIMIT_NOFILE, hard limit {hard}); \
         raise it with `ulimit -n {OPEN_FILES}`"
    );
    Ok(())
}
