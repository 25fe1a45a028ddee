//! Time and memory of a report, and of reading and of comparing many recordings, and how they grow: made-up runs of the plan `quick`'s size,
//! each measured by a process of its own. `cargo bench --package ipcmark-reports --bench scale` runs it; `-- 0.1` takes a
//! tenth of the records.

#[allow(dead_code, unused_imports)]
#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use ipcmark_record::Record;
use ipcmark_record::line::Encoder;
use ipcmark_reports::Collector;

/// Records of one made-up run.
const RECORDS_PER_RUN: usize = 940;
/// Made-up runs that differ in more than their id.
const KINDS: u64 = 10;
/// Records of a report, and recordings that are read, at most.
const RECORDS: usize = 100_000;
const RECORDINGS: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["report", runs] => report(Path::new(runs)),
        ["read", runs] => read(Path::new(runs)),
        ["compare", runs] => compare(Path::new(runs)),
        [] => all(1.0),
        [share] => all(share.parse().context("the only argument is a share of the records, such as 0.1")?),
        _ => bail!("usage: scale [SHARE]"),
    }
}

/// Every size, a tenth, and a hundredth.
fn all(share: f64) -> anyhow::Result<()> {
    let texts = (0..KINDS).map(run).collect::<anyhow::Result<Vec<String>>>()?;
    println!("{:<8}{:>12}{:>12}{:>12}{:>12}", "", "runs", "records", "seconds", "peak MB");
    for (what, most) in [("report", RECORDS.div_ceil(RECORDS_PER_RUN)), ("read", RECORDINGS), ("compare", RECORDINGS)] {
        let most = (most as f64 * share).ceil() as usize;
        let mut sizes = vec![most.div_ceil(100), most.div_ceil(10), most];
        sizes.dedup();
        for count in sizes {
            let runs = tempfile::tempdir().context("no temporary directory")?;
            write(runs.path(), &texts, count)?;
            measure(what, runs.path(), count)?;
        }
    }
    Ok(())
}

/// Made-up run as text, with the id `RUN`.
fn run(seed: u64) -> anyhow::Result<String> {
    let mut records = common::quick_run(5, seed);
    records.truncate(RECORDS_PER_RUN);
    ensure!(records.len() == RECORDS_PER_RUN, "{} records in a run", records.len());
    let mut encoder = Encoder::default();
    let mut text = String::new();
    for mut record in records {
        "RUN".clone_into(&mut record.run_id);
        settle(&mut record);
        for line in encoder.lines(&record) {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
    }
    Ok(text)
}

/// Makes a made-up value agree with its windows and counts, as readers demand.
fn settle(record: &mut Record) {
    let Some(windows) = &record.outcome.windows else { return };
    let mut costs: Vec<f64> = windows.iter().map(|it| it.elapsed_ns as f64 / it.messages as f64).collect();
    costs.sort_by(f64::total_cmp);
    let middle = f64::midpoint(costs[(costs.len() - 1) / 2], costs[costs.len() / 2]);
    let mut end = 0;
    for window in record.outcome.windows.iter_mut().flatten() {
        window.start_ns = end;
        end += window.elapsed_ns;
    }
    record.count.messages = record.outcome.windows.iter().flatten().map(|it| it.messages).sum();
    if let (Some(main), Some(metrics)) = (record.case.main_metric(), &mut record.outcome.metrics) {
        let value = if record.case.measure.row().median_of_windows { Some(middle) } else { None };
        metrics.extend(value.map(|value| (main.name.to_owned(), value)));
    }
}

/// Writes as many run directories.
fn write(into: &Path, texts: &[String], count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        let directory = into.join(format!("run-{number:04}"));
        fs::create_dir(&directory)?;
        let text =
            texts[number % texts.len()].replace("\"run_id\":\"RUN\"", &format!("\"run_id\":\"run-{number:04}\""));
        fs::write(directory.join("records.jsonl"), text)?;
    }
    Ok(())
}

fn measure(what: &str, runs: &Path, count: usize) -> anyhow::Result<()> {
    let output = Command::new(std::env::current_exe()?).arg(what).arg(runs).output()?;
    ensure!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{what:<8}{count:>12}{:>12}{}", count * RECORDS_PER_RUN, told.trim_end());
    Ok(())
}

fn report(runs: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let recording = ipcmark_reports::read(&[runs.to_owned()])?;
    let of_reading = started.elapsed().as_secs_f64();
    let page = ipcmark_reports::write(&recording, &runs.join("page"))?.page;
    tell(started, recording.records.len(), recording.bad_lines.len())?;
    println!("  of which reading {of_reading:.1} s; page of {} kB", fs::metadata(page)?.len() / 1000);
    Ok(())
}

fn read(runs: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut count, mut sum) = (0, 0.0);
    let bad = ipcmark_reports::visit(&[PathBuf::from(runs)], &mut |record, _, _| {
        count += 1;
        let main = record.case.main_metric();
        sum += main.and_then(|main| record.outcome.metric(main.name)).unwrap_or(0.0);
    })?;
    ensure!(sum.is_finite(), "no numbers");
    tell(started, count, bad.len())?;
    println!();
    Ok(())
}

/// Compares the first half of the runs with the second.
fn compare(runs: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let entries = fs::read_dir(runs)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.sort();
    let (mut collector, mut count, mut bad) = (Collector::new(), 0, 0);
    for (name, paths) in ["before", "after"].into_iter().zip(paths.chunks(paths.len().div_ceil(2))) {
        let arm = collector.arm(name);
        let bad_lines = ipcmark_reports::visit(paths, &mut |record, _, _| {
            count += 1;
            collector.add(arm, &record);
        })?;
        bad += bad_lines.len();
    }
    let comparison = collector.finish();
    tell(started, count, bad)?;
    println!("  {} cases", comparison.cases.len());
    Ok(())
}

/// Prints seconds and the most memory that this process used.
fn tell(started: Instant, records: usize, bad: usize) -> anyhow::Result<()> {
    ensure!(records > 0 && bad == 0, "{records} records, {bad} bad lines");
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    print!("{:>12.1}{:>12.0}", started.elapsed().as_secs_f64(), kilobytes / 1024.0);
    Ok(())
}
