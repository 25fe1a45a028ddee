//! Main function of a worker: reads the order, lets the family play the role, and answers. Runs in a process of its own,
//! started by the harness with `worker <role>` as its arguments.

use std::io;

use crate::clock::pause;
use crate::control::Page;
use crate::family::{self, Talk};
use crate::measure::{MeasureError, MeasureResult};
use crate::pin;
use crate::protocol::{FromWorker, Order, Report};
use crate::wait::budget;

/// First word of a worker's arguments.
pub const ARGUMENT: &str = "worker";

/// Plays a worker's role and exits when this process was started as one. The first line of every `main`.
pub fn run_if_worker() {
    match std::env::args().nth(1).as_deref() {
        Some(ARGUMENT) => std::process::exit(i32::from(serve().is_err())),
        Some(family::STARTED_ARGUMENT) => std::process::exit(family::run_started().into()),
        _ => {}
    }
}

fn serve() -> io::Result<()> {
    let mut talk = Talk::with_harness();
    let result = talk.order().and_then(|order| run_order(order, &mut talk));
    let answer = match result {
        Ok(report) => FromWorker::Done(Box::new(report)),
        Err(MeasureError::Invalid(why)) => {
            FromWorker::Done(Box::new(Report { invalid: Some(why), ..Report::default() }))
        }
        Err(MeasureError::Io(error)) => FromWorker::Failed { why: error.to_string() },
    };
    talk.answer(&answer)
}

fn run_order(order: Order, talk: &mut Talk) -> MeasureResult {
    if let Some(cpu) = order.cpus.first() {
        pin::pin_this_thread(*cpu)?;
    }
    let page = Page::attach(&order.control)?;
    page.attach_abort();
    // Measured here, so that no timed window contains it.
    let pause_ns = pause::price_ns();
    let mut report = family::play(order, page, talk)?;
    for role in &mut report.roles {
        role.pause_ns = Some(pause_ns);
        role.spin_budgets = budget::used();
    }
    Ok(report)
}
