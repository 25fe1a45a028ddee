//! Tests of the dispatcher with the serial pool, which has no workers.

use super::dispatcher::{AnyPool, Dispatcher};
use super::open_loop::OpenLoop;
use super::{Event, FAILS, SHOWN, TaskWorker, Tasks, config, within};
use crate::control::Page;
use crate::measure::invalid;
use crate::measure::schedule::Schedule;
use crate::pool::{Entry, Pool, rows};
use crate::record::{Arrivals, Call, Case, Chunk, Measure};

impl Entry for AnyPool {
    fn of<P: Pool>() -> Self {
        Self::of::<P>()
    }
}

fn case(measure: Measure) -> Case {
    Case::new("pool", "serial", measure).with(|p| {
        p.message_bytes = Some(24);
        p.workers = Some(2);
        p.depth = Some(4);
    })
}

fn open(case: &Case) -> (Box<dyn Dispatcher>, Page) {
    let (page, control) = Page::create().expect("memory");
    let (_, pool): (_, AnyPool) = rows().into_iter().find(|(name, _)| *name == "serial").expect("the row exists");
    let tasks = Tasks::of(case, 0);
    (pool.open(&config(case, vec![]), TaskWorker::new(24, false, control), tasks).expect("opens"), page)
}

#[test]
fn every_call_runs_every_task() {
    for call in Call::ALL {
        for chunk in Chunk::ALL {
            let case = case(Measure::Dispatch).with(|p| {
                p.call = Some(*call);
                p.chunk = Some(*chunk);
            });
            let (mut dispatcher, _page) = open(&case);
            for count in [1, 3, 100, 3000] {
                dispatcher.run(count).unwrap_or_else(|error| panic!("{count} by {call}, {chunk}: {error}"));
                assert_eq!((dispatcher.out(), dispatcher.room()), (0, 4));
            }
        }
    }
}

#[test]
fn a_failure_is_reported_and_too_many_requests_are_refused() {
    let (mut dispatcher, _page) = open(&case(Measure::Dispatch));
    dispatcher.apply_failing().expect("told");
    for at in 0..4 {
        dispatcher.submit(1, if at == 2 { FAILS } else { 0 }).expect("room");
    }
    assert!(dispatcher.submit(1, 0).is_err());
    let done: Vec<bool> = (0..4)
        .map(|_| match dispatcher.collect().expect("an response") {
            Event::Back(back) => back.done,
            Event::Lost(..) => panic!("no worker died"),
        })
        .collect();
    assert_eq!(done, [true, true, false, true]);
    assert!(dispatcher.try_collect().expect("no error").is_none());
    dispatcher.submit(1, FAILS).expect("room");
    assert!(dispatcher.run(1).is_err(), "a failure among tasks that are to be done");
}

#[test]
fn a_shown_task_reports_start_and_finish() {
    let (mut dispatcher, page) = open(&case(Measure::Dispatch));
    let token = dispatcher.submit(1, SHOWN).expect("room");
    assert_eq!((page.posted(token), page.tally(token)), (u64::from(std::process::id()), 1));
}

#[test]
fn open_loop_tasks_are_never_early_and_their_times_are_in_order() {
    let paced = case(Measure::Paced).with(|p| {
        p.rate_per_s = Some(1_000_000);
        p.arrivals = Some(Arrivals::Poisson);
    });
    let (mut dispatcher, _page) = open(&paced);
    dispatcher.run(5).expect("warm");
    let schedule = Schedule::of(&paced, 1, 7).expect("it has a rate");
    let mut open_loop = OpenLoop::new(schedule.clone(), false, 300);
    open_loop.start_ns = crate::clock::now_ns() + 10_000;
    dispatcher.pace(&mut open_loop).expect("done");
    assert_eq!(dispatcher.out(), 0);
    for (times, due_ns) in open_loop.times.iter().zip(schedule) {
        let moments = [open_loop.start_ns + due_ns, times.submitted, times.started, times.finished, times.read];
        assert!(moments.is_sorted(), "{moments:?}");
    }
}

#[test]
fn polling_ends_with_a_value_a_time_out_or_an_error() {
    let mut polls = 0;
    let third = within(1_000_000_000, || {
        polls += 1;
        Ok((polls == 3).then_some(polls))
    });
    assert_eq!(third.expect("no error"), Some(3));
    assert_eq!(within::<()>(1_000_000, || Ok(None)).expect("no error"), None);
    assert!(within::<()>(1_000_000_000, || invalid("broken")).is_err());
}
