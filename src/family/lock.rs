//! Locks between processes.

use std::io;

use super::{Concluded, Family, check_name, play, play::Talk};
use crate::address::Endpoint;
use crate::control::Page;
use crate::lock::{self, Guard, Lock, prepare};
use crate::measure::MeasureResult;
use crate::measure::locks::{self, ProtectedState};
use crate::protocol::{Link, Order, Report};
use crate::record::{Anatomy, Case, Measure};
use crate::variant::{Registry, RoleSpec, Variant};

/// What the registry keeps for each row.
#[derive(Clone, Copy)]
struct Operations {
    describe: fn(&'static str) -> Vec<Variant>,
    supports: fn(&Case) -> Result<(), String>,
    resolved: fn(&Case) -> Case,
    prepare: fn(&Case) -> io::Result<Vec<RoleSpec>>,
    cost: fn(&Case) -> Anatomy,
    play: fn(Order, Page, &mut Talk) -> MeasureResult,
    guard: Guard,
}

impl lock::Operations for Operations {
    fn of<T: Lock>() -> Self {
        Self {
            describe: prepare::describe::<T>,
            supports: prepare::supports::<T>,
            resolved: prepare::resolved::<T>,
            prepare: prepare::prepare::<T>,
            cost: prepare::cost::<T>,
            play: play::lock::play::<T>,
            guard: T::GUARD,
        }
    }
}

static REGISTRY: Registry<Operations> = Registry::new(lock::rows);

/// Adds a row.
pub(super) fn add<T: Lock>(name: &'static str) {
    let operations = <Operations as lock::Operations>::of::<T>();
    check_name(name, &(operations.describe)(name));
    REGISTRY.add(name, operations);
}

fn find(case: &Case) -> Result<Operations, String> {
    let found = REGISTRY.find(&case.row());
    found.ok_or_else(|| format!("there is no lock `{}`; `ipcmark list` names them all", case.row()))
}

/// The family.
pub(super) struct Locks;

impl Family for Locks {
    fn name(&self) -> &'static str {
        lock::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        REGISTRY.rows().iter().flat_map(|row| (row.operations.describe)(row.name)).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        let row = find(case)?;
        (row.supports)(case)?;
        locks::supports(case, Some(row.guard))
    }

    fn resolved(&self, case: &Case) -> Case {
        find(case).map_or_else(|_| case.clone(), |row| (row.resolved)(case))
    }

    /// The holders of a lock share what it protects, too.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        let mut roles = (find(case).map_err(io::Error::other)?.prepare)(case)?;
        let ledger = ProtectedState::create()?;
        for role in roles.iter_mut().filter(|role| role.role == lock::prepare::ROLE) {
            role.links.push(Link {
                channel: locks::CHANNEL,
                end: Endpoint::Sender,
                address: ledger.only(Endpoint::Sender),
            });
        }
        Ok(roles)
    }

    fn roles(&self, case: &Case) -> u32 {
        lock::prepare::holders(case)
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn conclude(&self, case: &Case, reports: &[Report]) -> Concluded {
        find(case).map_or_else(|_| Concluded::default(), |row| locks::conclude(reports, row.guard))
    }

    /// Of reads and writes in a mixture no single one is typical, so nothing is declared.
    fn anatomy(&self, case: &Case) -> Option<Anatomy> {
        find(case).ok().filter(|_| case.measure != Measure::ReadMostly).map(|row| (row.cost)(case))
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let Ok(row) = find(&order.case) else { return Err(play::unknown_row(&order)) };
        (row.play)(order, page, talk)
    }
}
