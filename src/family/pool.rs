//! Worker pools of processes or threads. The dispatcher starts its workers itself.

use std::marker::PhantomData;

use super::{AnyMechanism, Mechanism, Talk, unasked};
use crate::conformance;
use crate::control::{Leader, Page};
use crate::measure::pool::dispatcher::AnyPool;
use crate::measure::pool::trial::Trial;
use crate::measure::pool::{self as measure, dispatch, idle, paced, recover, set_up};
use crate::measure::{MeasureResult, Task};
use crate::pool::{Entry, FAMILY, MAX_WORKERS, Pool, in_flight, workers};
use crate::protocol::Order;
use crate::record::{Case, Group, Measure, Role};
use crate::variant::{Variant, answers};

struct Row<P>(PhantomData<fn() -> P>);

impl Entry for AnyMechanism {
    fn of<P: Pool>() -> Self {
        &Row::<P>(PhantomData)
    }
}

impl<P: Pool> Mechanism for Row<P> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            wait: P::WAIT,
            summary: P::SUMMARY,
            measures: P::MEASURES,
            polls: P::POLLS,
            unavailable: P::unavailable(),
            ..Variant::of(FAMILY, row, P::GROUP, P::ISOLATION)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[P::ISOLATION], P::MEASURES)?;
        let config = measure::config(case, vec![]);
        if !(1..=MAX_WORKERS).contains(&config.workers) {
            return Err(format!("a pool has 1 to {MAX_WORKERS} workers, not {}", config.workers));
        }
        P::supports(&config)?;
        measure::supports(case)
    }

    fn group(&self) -> Option<Group> {
        Some(P::GROUP)
    }

    fn resolved(&self, case: &Case) -> Case {
        let hands_out = matches!(case.measure, Measure::Dispatch | Measure::Paced);
        case.clone().with(|p| {
            p.workers = Some(workers(case));
            p.depth = p.depth.or_else(|| hands_out.then(|| in_flight(case)));
        })
    }

    fn roles(&self, case: &Case) -> u32 {
        if P::SERIAL { 1 } else { 1 + workers(case) }
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        dispatcher(AnyPool::of::<P>(), &order, page, talk)
    }
}

fn dispatcher(pool: AnyPool, order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, Role::Dispatcher, 0);
    talk.exchange(vec![])?;
    talk.ready_go()?;
    // The other lines of the page belong to the workers, which take no part in phases.
    let mut leader = Leader::new(page, 1);
    let cpus = order.cpus.get(1..).unwrap_or_default();
    let mut trial = Trial::new(pool, task, cpus, order.control.clone(), &mut leader);
    match trial.task.case.measure {
        Measure::Dispatch => dispatch::lead(&mut trial),
        Measure::Paced => paced::lead(&mut trial),
        Measure::Idle => idle::lead(&mut trial),
        Measure::SetUp => set_up::lead(&mut trial),
        Measure::Recover => recover::lead(&mut trial),
        Measure::Conformance => conformance::pool::examine(&mut trial),
        _ => Err(unasked(&trial.task.case)),
    }
}
