//! Several processes sell from one stock: exactly the stock under a lock, too much without one, and both are recorded.

use std::fs;
use std::path::Path;

use crate::common::command::{folder, ipcmark, told};
use crate::common::{PROGRAM, alone, records, run_id, short};
use ipcmark::family;
use ipcmark::record::{Case, Measure, Outcome, Record, Status, Stock, Verdict, Wait, metric};
use ipcmark_harness::trial::Session;

const SELLERS: u32 = 3;

/// Locks of three kinds: in shared memory, of an open file, of a process.
const LOCKS: &[(&str, Wait)] =
    &[("futex-mutex", Wait::Park), ("flock", Wait::Block), ("ofd", Wait::Block), ("fcntl-record", Wait::Block)];

fn sale(mechanism: &str, wait: Option<Wait>, stock: Stock) -> Case {
    let case = Case::new("lock", mechanism, Measure::Tickets);
    Case { wait, ..case }.with(|p| {
        p.contenders = Some(SELLERS);
        p.stock = Some(stock);
    })
}

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Tickets that each seller sold.
fn shares(outcome: &Outcome) -> Vec<u64> {
    let contest = outcome.contest.as_ref().expect("sellers");
    contest.contenders.iter().map(|seller| seller.acquisitions).collect()
}

#[test]
fn exactly_the_stock_is_sold_under_a_lock() {
    let _alone = alone();
    let session = session("sold-out");
    for (mechanism, wait) in LOCKS {
        for stock in Stock::ALL {
            let case = sale(mechanism, Some(*wait), *stock);
            let result = session.run_trial(&short(case.clone()));
            let outcome = result.outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
            assert_eq!(shares(&outcome).len(), SELLERS as usize, "{}", case.key());
            assert_eq!(shares(&outcome).iter().sum::<u64>(), result.count.messages, "{}", case.key());
            let windows = outcome.windows.expect("one a sale");
            assert_eq!(windows.iter().map(|sale| sale.messages).sum::<u64>(), result.count.messages);
            let metrics = outcome.metrics.expect("numbers");
            assert!(metrics[metric::SALE_NS] > 0.0 && !metrics.contains_key(metric::OVERSOLD), "{metrics:?}");
        }
    }
}

#[test]
fn atomic_updates_sell_from_memory_only() {
    let _alone = alone();
    let session = session("updates");
    for mechanism in ["fetch-add", "compare-swap"] {
        let result = session.run_trial(&short(sale(mechanism, None, Stock::Memory)));
        assert_eq!(result.outcome.status, Status::Measured, "{mechanism}: {:?}", result.outcome.why);
        assert_eq!(shares(&result.outcome).iter().sum::<u64>(), result.count.messages, "{mechanism}");
        let refused = family::supports(&sale(mechanism, None, Stock::JsonFile)).expect_err("a file is no word");
        assert!(refused.contains("one word in memory"), "{refused}");
    }
}

#[test]
fn too_much_is_sold_without_a_lock_and_the_exit_status_is_0() {
    let _alone = alone();
    let folder = folder();
    let plan = folder.path().join("plan.toml");
    let text = "name = \"oversale\"\nquestion = \"Is it seen?\"\nrepetitions = 1\nwarm_up_ms = 5\nhot_ms = 100\n\
                oversubscribe = true\n[[cases]]\nfamily = \"lock\"\nmechanism = [\"no-lock\"]\n\
                measure = [\"tickets\"]\ncontenders = [3]\nstock = [\"memory\", \"json-file\"]\n\
                placement = [\"spread\"]\n";
    fs::write(&plan, text).expect("written");
    let output = ipcmark(folder.path(), &["run", "--plan", "plan.toml", "--quiet", "--out", "records"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let records = records(&folder.path().join("records"));
    let sales: Vec<&Record> = records.iter().filter(|record| record.case.measure == Measure::Tickets).collect();
    assert_eq!(sales.len(), Stock::ALL.len());
    for sale in sales {
        let (key, outcome) = (sale.case.key(), &sale.outcome);
        assert_eq!((outcome.status, outcome.verdict), (Status::Measured, Some(Verdict::Caught)), "{key}: {outcome:?}");
        let oversold = outcome.metrics.as_ref().expect("numbers")[metric::OVERSOLD];
        assert!(oversold > 0.0, "{key}");
        assert!(
            (shares(outcome).iter().sum::<u64>() as f64 - oversold - sale.count.messages as f64).abs() < 0.5,
            "{key}"
        );
    }
}
