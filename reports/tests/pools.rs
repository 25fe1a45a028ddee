//! Statements of the page about pools, on records with a known answer.

use std::sync::OnceLock;

use crate::common;
use crate::common::families::One;
use crate::common::families::pools::{GRAINS, POOLS, dispatch, named, pool_run};
use crate::common::{answer, page, recording};
use ipcmark_record::{Call, Measure};
use ipcmark_reports::Recording;
use ipcmark_reports::analyse::metg::{Reach, efficiency, gain};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::{CaseStudy, Study};

/// Page of a whole run, rendered once for all tests.
fn whole() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| page(pool_run(5, 7)))
}

#[test]
fn a_whole_run_has_every_chart_about_pools_and_none_about_messages() {
    let page = whole();
    for id in ["results", "cost", "overhead", "efficiency", "grains", "chunks", "kills"] {
        assert_eq!(page.matches(&format!("id=\"pool-{id}\"")).count(), 1, "{id}");
    }
    assert_eq!(page.matches("id=\"load-tasks-poisson-64-2-spread\"").count(), 1);
    assert!(page.contains("tasks offered per second") && !page.contains("messages offered per second"));
    for part in ["id=\"ranking", "id=\"set-up", "id=\"on-", "<h2>Results</h2>", "id=\"recovery\""] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn records_of_messages_have_no_part_about_pools() {
    let page = page(common::quick_run(1, 3));
    assert!(!page.contains("id=\"pool") && page.contains("<h2>Results"));
}

#[test]
fn the_answer_names_the_cheapest_pool_of_processes_and_python_beside_it() {
    let plain = answer(whole());
    assert!(plain.contains("soonest with shm-queue/spin"), "{plain}");
    assert!(plain.contains("times as fast as python-thread-pool/block"), "{plain}");
    assert!(!plain.contains("serial"), "{plain}");
}

/// Sweep over grains of a pool and of the serial loop.
fn sweep(pool: &One) -> Recording {
    let (mut random, serial) = (Random::new(5), named("serial"));
    let trials = (0..5).flat_map(|repetition| GRAINS.iter().map(move |&grain_ns| (repetition, grain_ns)));
    let each = trials.flat_map(|(repetition, grain_ns)| {
        [pool, &serial].map(|one| dispatch(one, Call::ApplyAsync, grain_ns, None, repetition, &mut random))
    });
    recording(each.collect())
}

#[test]
fn metg_and_break_even_lie_where_overhead_and_work_are_equal() {
    let recording = sweep(&One { cost: 10_000.0, ..named("pipe-each/block") });
    let study = Study::of(&recording);
    let (serial, pool): (Vec<&CaseStudy<'_>>, Vec<_>) =
        study.cases.iter().partition(|case| case.case.mechanism == "serial");
    for reach in [efficiency(&pool).reaches(0.5), gain(&pool, &serial).reaches(0.0)] {
        let Some(Reach::At { grain_ns, interval: Some(interval) }) = reach else { panic!("{reach:?}") };
        assert!((grain_ns / 10_000.0 - 1.0).abs() < 0.05, "{grain_ns}");
        assert!(interval.low <= grain_ns && grain_ns <= interval.high, "{interval:?}");
        assert!(interval.high / interval.low < 1.2, "{interval:?}");
    }
}

#[test]
fn a_pool_too_dear_for_every_grain_never_breaks_even() {
    let recording = sweep(&One { cost: 1e9, ..named("pipe-each/block") });
    let study = Study::of(&recording);
    let (serial, pool): (Vec<&CaseStudy<'_>>, Vec<_>) =
        study.cases.iter().partition(|case| case.case.mechanism == "serial");
    assert_eq!(efficiency(&pool).reaches(0.5), Some(Reach::Never(1e7)));
    assert_eq!(gain(&pool, &serial).reaches(0.0), Some(Reach::Never(1e7)));
    assert!(efficiency(&[]).reaches(0.5).is_none());
}

#[test]
fn the_headline_table_has_a_row_for_each_pool() {
    let table = whole().split("id=\"pool-results\"").nth(1).and_then(|rest| rest.split("</table>").next());
    let body = table.and_then(|table| table.split("<tbody>").nth(1)).expect("a table");
    assert_eq!(body.matches("<tr>").count(), POOLS.len());
    assert!(named("serial").case(Measure::Dispatch).wait.is_none());
}
