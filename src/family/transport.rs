//! Channels of byte messages.

use std::io;

use super::{Family, check_name, play, play::Talk};
use crate::control::Page;
use crate::measure::{self, MeasureResult};
use crate::protocol::Order;
use crate::record::{Anatomy, Case};
use crate::transport::{self, Delivery, Transport, prepare};
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
    delivery: Delivery,
}

impl transport::Operations for Operations {
    fn of<T: Transport>() -> Self {
        Self {
            describe: prepare::describe::<T>,
            supports: prepare::supports::<T>,
            resolved: prepare::resolved::<T>,
            prepare: prepare::prepare::<T>,
            cost: prepare::cost::<T>,
            play: play::transport::<T>,
            delivery: T::DELIVERY,
        }
    }
}

static REGISTRY: Registry<Operations> = Registry::new(transport::rows);

/// Adds a row.
pub(super) fn add<T: Transport>(name: &'static str) {
    let operations = <Operations as transport::Operations>::of::<T>();
    check_name(name, &(operations.describe)(name));
    REGISTRY.add(name, operations);
}

fn find(case: &Case) -> Result<Operations, String> {
    let found = REGISTRY.find(&case.row());
    found.ok_or_else(|| format!("there is no transport `{}`; `ipcmark list` names them all", case.row()))
}

/// The family.
pub(super) struct Transports;

impl Family for Transports {
    fn name(&self) -> &'static str {
        transport::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        REGISTRY.rows().iter().flat_map(|row| (row.operations.describe)(row.name)).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        let row = find(case)?;
        (row.supports)(case)?;
        measure::supports(case, row.delivery)
    }

    fn resolved(&self, case: &Case) -> Case {
        find(case).map_or_else(|_| case.clone(), |row| (row.resolved)(case))
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        (find(case).map_err(io::Error::other)?.prepare)(case)
    }

    fn roles(&self, case: &Case) -> u32 {
        transport::Roles::of(case).count()
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn counts_agree(&self, case: &Case) -> bool {
        transport::Roles::of(case).is_pair()
    }

    fn turn(&self, case: &Case, slot: u32) -> u32 {
        transport::Roles::of(case).turn(slot)
    }

    fn anatomy(&self, case: &Case) -> Option<Anatomy> {
        find(case).ok().map(|row| (row.cost)(case))
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        let Ok(row) = find(&order.case) else { return Err(play::unknown_row(&order)) };
        (row.play)(order, page, talk)
    }
}
