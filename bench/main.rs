//! Measures the whole house: the real binary as a child process, simulated clusters in this process, both databases.
//! `bench/README.md` says what each figure means. Nothing here passes or fails by a time; every load is bounded in
//! count and time, and every process started here ends with this one.
#![allow(clippy::unwrap_used, missing_docs)]

mod bare;
mod charging;
mod consoles;
mod load;
mod machine;
mod memory;
mod overhead;
mod postgres;
mod reads;
mod report;
mod rows;
mod start;
#[allow(unreachable_pub)]
#[path = "../tests/support/mod.rs"]
mod support;
mod throughput;

use clap::{Parser, ValueEnum};

use report::Report;
use support::DatabaseKind;

/// Figures of the whole house.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything when nothing is named.
    measurements: Vec<Measurement>,
    /// Put the figures into bench/README.md.
    #[arg(long, requires = "date")]
    write: bool,
    /// The day to write beside the figures.
    #[arg(long)]
    date: Option<String>,
    /// Given by `cargo bench`; without it (`cargo test --all-targets`) nothing is measured.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// From asked to running, beside the same calls by the bare client.
    Overhead,
    /// Reads per second, beside a bare route with the same number of bytes.
    Reads,
    /// Time to the first answer.
    Start,
    /// Resident memory, idle and with 10,000 instances.
    Memory,
    /// 500 instances asked for at once.
    Throughput,
    /// What a console lets through, beside a bare copy.
    Consoles,
    /// One billing period of a hundred thousand instances, and of a million.
    Charging,
}

fn main() {
    // The bare route is served by a process of its own, which is this program called with these words.
    let words: Vec<String> = std::env::args().collect();
    if let [_, word, bytes] = words.as_slice()
        && word == bare::WORD
    {
        bare::serve(bytes.parse().unwrap());
        return;
    }
    let arguments = Arguments::parse();
    if !arguments.bench {
        eprintln!("nothing is measured; use `cargo bench -p innkeeper --bench house`");
        return;
    }
    if postgres::ran_with_one() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(measure(&arguments));
}

async fn measure(arguments: &Arguments) {
    let mut report = Report::default();
    let wanted =
        |one: Measurement| arguments.measurements.is_empty() || arguments.measurements.contains(&one);
    if wanted(Measurement::Start) {
        start::measure(&mut report).await;
    }
    if wanted(Measurement::Overhead) {
        overhead::measure(&mut report).await;
    }
    if wanted(Measurement::Throughput) {
        throughput::measure(&mut report).await;
    }
    if wanted(Measurement::Charging) {
        charging::measure(&mut report).await;
    }
    if wanted(Measurement::Consoles) {
        consoles::measure(&mut report).await;
    }
    if wanted(Measurement::Reads) {
        reads::measure(&mut report).await;
    }
    if wanted(Measurement::Memory) {
        memory::measure(&mut report).await;
    }
    if let Some(date) = arguments.date.as_deref().filter(|_| arguments.write) {
        report.write(date);
    }
}

/// The databases to measure on, with their names.
const DATABASES: [(DatabaseKind, &str); 2] =
    [(DatabaseKind::Sqlite, "SQLite"), (DatabaseKind::Postgres, "PostgreSQL")];
