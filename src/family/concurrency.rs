//! Parallel against merely concurrent: the same work of two on one CPU and on two.

use std::io;

use super::{Family, play, play::Talk};
use crate::concurrency;
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Order;
use crate::record::{Case, Group};
use crate::variant::{RoleSpec, Variant};

/// The family.
pub(super) struct Concurrencies;

impl Family for Concurrencies {
    fn name(&self) -> &'static str {
        concurrency::FAMILY
    }

    fn variants(&self) -> Vec<Variant> {
        concurrency::variants()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        concurrency::supports(case)
    }

    fn resolved(&self, case: &Case) -> Case {
        Case { group: Some(Group::Processes), ..case.clone() }
            .with(|p| p.grain_ns = Some(concurrency::prepare::step_ns(case)))
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        concurrency::prepare(case)
    }

    fn roles(&self, _: &Case) -> u32 {
        concurrency::prepare::ROLES.len() as u32
    }

    /// Both do the same number of steps.
    fn counts_agree(&self, _: &Case) -> bool {
        true
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        play::concurrency::play(order, page, talk)
    }
}
