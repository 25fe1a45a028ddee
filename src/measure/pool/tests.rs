//! The clerk over the pool that needs no workers.

use super::dispatcher::{AnyPool, Dispatcher};
use super::passage::Course;
use super::{Duty, Event, FAILS, SHOWN, Tasks, staff};
use crate::control::Page;
use crate::measure::schedule::Schedule;
use crate::pool::{self, Pool, Visitor};
use crate::record::{Arrivals, Call, Case, Chunk, Measure};

struct Forget;

impl Visitor for Forget {
    type Output = AnyPool;

    fn visit<P: Pool>(self) -> AnyPool {
        AnyPool::of::<P>()
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
    let pool = pool::visit("serial", Forget).expect("the row exists");
    let tasks = Tasks::of(case, 0);
    (pool.open(&staff(case, vec![]), Duty::new(24, false, control), tasks).expect("opens"), page)
}

#[test]
fn every_call_does_every_task() {
    for call in Call::ALL {
        for chunk in Chunk::ALL {
            let case = case(Measure::Dispatch).with(|p| {
                p.call = Some(*call);
                p.chunk = Some(*chunk);
            });
            let (mut dispatcher, _page) = open(&case);
            for count in [1, 3, 100, 3000] {
                dispatcher.run(count).unwrap_or_else(|trouble| panic!("{count} by {call}, {chunk}: {trouble}"));
                assert_eq!((dispatcher.out(), dispatcher.room()), (0, 4));
            }
        }
    }
}

#[test]
fn a_failure_is_told_and_too_many_frames_are_refused() {
    let (mut dispatcher, _page) = open(&case(Measure::Dispatch));
    dispatcher.apply_failing().expect("told");
    for at in 0..4 {
        dispatcher.hand_out(1, if at == 2 { FAILS } else { 0 }).expect("room");
    }
    assert!(dispatcher.hand_out(1, 0).is_err());
    let done: Vec<bool> = (0..4)
        .map(|_| match dispatcher.collect().expect("an answer") {
            Event::Back(back) => back.done,
            Event::Lost(..) => panic!("nobody died"),
        })
        .collect();
    assert_eq!(done, [true, true, false, true]);
    assert!(dispatcher.try_collect().expect("no trouble").is_none());
    dispatcher.hand_out(1, FAILS).expect("room");
    assert!(dispatcher.run(1).is_err(), "a failure among tasks that are to be done");
}

#[test]
fn a_shown_task_is_seen_when_it_begins_and_when_it_is_done() {
    let (mut dispatcher, page) = open(&case(Measure::Dispatch));
    let token = dispatcher.hand_out(1, SHOWN).expect("room");
    assert_eq!((page.posted(token), page.tally(token)), (u64::from(std::process::id()), 1));
}

#[test]
fn tasks_of_an_open_loop_are_never_early_and_their_moments_in_order() {
    let paced = case(Measure::Paced).with(|p| {
        p.rate_per_s = Some(1_000_000);
        p.arrivals = Some(Arrivals::Poisson);
    });
    let (mut dispatcher, _page) = open(&paced);
    dispatcher.run(5).expect("warm");
    let schedule = Schedule::of(&paced, 1, 7).expect("it has a rate");
    let mut course = Course::new(schedule.clone(), false, 300);
    course.start_ns = crate::clock::now_ns() + 10_000;
    dispatcher.pace(&mut course).expect("done");
    assert_eq!(dispatcher.out(), 0);
    for (passage, due_ns) in course.passages.iter().zip(schedule) {
        let moments = [course.start_ns + due_ns, passage.handed_over, passage.started, passage.finished, passage.read];
        assert!(moments.is_sorted(), "{moments:?}");
    }
}
