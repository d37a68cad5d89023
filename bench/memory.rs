//! Resident memory of the process; the simulator and the database server are other processes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::report::Report;
use crate::support::{DatabaseKind, Lab, Server, TestDatabase};
use crate::{machine, rows};

const CLUSTERS: usize = 20;
const PER_CLUSTER: usize = 500;
const CYCLES: u64 = 4;
const CALL: &str = "GET /cluster/resources";

/// A poll comes every 10 s, give or take a tenth.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Memory",
        "Resident memory in MB (10^6 bytes) on SQLite. Goals: below 60 idle, below 250 with 10,000 instances.",
    );
    report.head(&["MB", "at the end", "at most"]);
    let mut server = Server::start(TestDatabase::make(DatabaseKind::Sqlite).await.unwrap(), &[]).await;
    // Signing in costs memory for a moment; an idle house has nobody signing in.
    let signed_in = machine::resident(server.pid());
    server.kill();
    server.revive();
    sleep(Duration::from_secs(10)).await;
    row(report, "idle for 10 s after the start, no cluster", machine::resident(server.pid()));
    row(report, "right after a first sign-in, no cluster", signed_in);

    let lab = Lab::start(CLUSTERS, 3, pve_sim::Latency::Zero).await;
    let (container, _) = server.furnish(&lab).await;
    server.kill();
    rows::add_instances(&lab, &server, None, &container, PER_CLUSTER).await;
    let reset = || lab.sim.clusters().iter().for_each(|cluster| cluster.counters().reset());
    reset();
    server.revive();
    let began = Instant::now();
    let before = machine::processor_seconds(server.pid());
    let polls = || lab.sim.clusters().iter().map(|cluster| count(&cluster.stats(), CALL)).min().unwrap();
    while polls() < CYCLES {
        assert!(began.elapsed() < PATIENCE, "the clusters are not polled");
        sleep(Duration::from_millis(500)).await;
    }
    sleep(Duration::from_secs(2)).await;
    let processor = machine::processor_seconds(server.pid()) - before;
    let (elapsed, memory) = (began.elapsed().as_secs_f64(), machine::resident(server.pid()));
    row(report, "10,000 instances, 20 clusters, 4 polls of each", memory);

    let stats: Vec<_> = lab.sim.clusters().iter().map(pve_sim::Cluster::stats).collect();
    let resources: Vec<u64> = stats.iter().map(|stats| count(stats, CALL)).collect();
    let total: u64 = stats.iter().map(|stats| stats.total).sum();
    let others = total - resources.iter().sum::<u64>();
    let (least, most) = (resources.iter().min().unwrap(), resources.iter().max().unwrap());
    let states = running(&server).await;
    row(report, "the same after reading all 10,000", machine::resident(server.pid()));
    report.text(&format!(
        "\nIn those {elapsed:.0} s each cluster was asked `{CALL}` {least} to {most} times, and anything else {others} \
         times; the process used {:.1} % of one core. {states} of {} instances were shown as running afterwards.",
        processor * 100.0 / elapsed,
        CLUSTERS * PER_CLUSTER
    ));
}

fn count(stats: &pve_sim::Stats, call: &str) -> u64 {
    stats.calls.get(call).copied().unwrap_or(0)
}

fn row(report: &mut Report, what: &str, (now, most): (f64, f64)) {
    report.row(&[what.to_owned(), format!("{now:.1}"), format!("{most:.1}")]);
}

/// How many instances the house calls running.
async fn running(server: &Server) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = server.get(&format!("/instances?limit=200{cursor}")).await;
        count += page["items"].as_array().unwrap().iter().filter(|i| i["state"] == "running").count();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}
