//! A run whose trials are asked for one by one: a side of `ipcmark ab`.
//!
//! Started with `--turns`, it measures the floors and then obeys lines of JSON on stdin: [`Request`]s. It answers with
//! [`Answer`]s on stdout. End of file or a signal ends it like any run, with its records and its page.
//! Both sides may be of different versions: fields are added, never changed, and unknown ones are ignored.

use std::io::{BufRead as _, Write};

use anyhow::Context as _;
use ipcmark::protocol;
use ipcmark::record::Status;
use serde::{Deserialize, Serialize};

use super::{Finished, Place, Run, failure, hopeless};
use crate::plan::Planned;
use crate::progress::Progress;

/// A line to the run: one trial, please.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Case of the plan.
    pub case_key: String,
    /// Repetition that the record gets.
    pub repetition: u32,
    /// Run that waits meanwhile, so that it does not count as a disturbance.
    pub beside: String,
}

/// A line from the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Answer {
    /// The floors are measured, and requests are welcome.
    Ready {
        /// Identity of the run.
        run_id: String,
        /// Every case of its plan.
        cases: Vec<Offer>,
    },
    /// The record of the requested trial is written.
    Done {
        /// Why there are no numbers, if there are none.
        #[serde(default)]
        why: Option<String>,
    },
}

/// A case that can be requested.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Case key.
    pub case_key: String,
    /// Predicted time of a trial.
    pub predicted_ns: u64,
    /// Why it cannot run here.
    #[serde(default)]
    pub obstacle: Option<String>,
    /// Whether it has a time or rate that can be compared.
    pub is_timed: bool,
}

impl Run {
    /// Runs the trials that are requested on stdin until its end, and answers to `out`.
    ///
    /// Errors: a request that cannot be understood, or records or answers that cannot be written.
    pub fn take_turns(mut self, out: &mut impl Write) -> anyhow::Result<Finished> {
        let plan = self.plan.clone();
        let progress = Progress::new(true, 0, 0);
        if !hopeless(&self.pending(&plan)) {
            self.find_floors(&progress)?;
        }
        let offer = |planned: &Planned| Offer {
            case_key: planned.case.key(),
            predicted_ns: plan.predicted_ns(planned),
            obstacle: planned.obstacle.clone(),
            is_timed: planned.case.main_metric().is_some(),
        };
        let cases = plan.cases.iter().map(offer).collect();
        protocol::send(out, &Answer::Ready { run_id: self.settings.run_id.clone(), cases })?;
        let mut order = self.records.iter().map(|record| record.order_in_run).max().unwrap_or(0);
        let mut requests = std::io::stdin().lock();
        while self.session.readable(&requests).context("cannot wait for a request")? {
            if requests.fill_buf()?.is_empty() {
                break;
            }
            let request: Request = protocol::receive(&mut requests).context("a request that is none")?;
            let planned = plan.cases.iter().find(|planned| planned.case.key() == request.case_key);
            let planned = planned.with_context(|| format!("the plan has no case `{}`", request.case_key))?;
            self.session.ignore(&request.beside);
            let result = self.trial(planned);
            if self.session.interrupted().is_some() && result.outcome.status == Status::Failed {
                break;
            }
            order += 1;
            let place = Place { case: &planned.case, repetition: request.repetition, attempt: 0, added: false, order };
            self.keep(place, result, &progress)?;
            let why = self.records.last().and_then(|record| match record.outcome.status {
                Status::Measured => failure(record),
                _ => Some(record.outcome.why.clone().unwrap_or_default()),
            });
            protocol::send(out, &Answer::Done { why })?;
        }
        self.finish(None)
    }
}
