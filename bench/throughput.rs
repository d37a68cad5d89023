//! Many instances asked for at once.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use pve_sim::Latency;
use serde_json::Value;

use crate::report::Report;
use crate::support::{Lab, Server, TestDatabase, check_house};
use crate::{DATABASES, machine};

const COUNT: usize = 500;
const CLUSTERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Throughput",
        "500 containers asked for at once, by 100 requests at a time, over 4 clusters of 3 nodes whose tasks take no \
         time, under the usual limits (4 calls and 2 tasks per node at once). The simulator shares the cores.",
    );
    report.head(&[
        "",
        "all accepted after s",
        "all running after s",
        "creates/s",
        "processor ms/create",
        "TLS connections",
    ]);
    for (kind, name) in DATABASES {
        let Some(database) = TestDatabase::make(kind).await else { continue };
        let lab = Lab::start(CLUSTERS, 3, Latency::Zero).await;
        let server = Server::start(database, &[]).await;
        let (container, _) = server.furnish(&lab).await;
        let before = machine::processor_seconds(server.pid());
        let began = Instant::now();
        let ask = |number: usize| {
            let (server, container) = (&server, &container);
            async move { server.create(&format!("guest-{number}"), container).await }
        };
        let asked: Vec<Value> = stream::iter(0..COUNT).map(ask).buffer_unordered(100).collect().await;
        let accepted = began.elapsed().as_secs_f64();
        loop {
            let active = server.get("/operations?active=true&limit=1").await;
            if active["items"].as_array().unwrap().is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "not all have ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = began.elapsed().as_secs_f64();
        let processor = machine::processor_seconds(server.pid()) - before;
        // A figure counts only when the work was done, and done right.
        for operation in &asked {
            let ended = server.settled(operation).await;
            assert_eq!(ended["state"], "succeeded", "{ended:#}");
        }
        check_house(&lab, &server).await;
        let connections: u64 = lab.sim.clusters().iter().map(|cluster| cluster.stats().connections).sum();
        report.row(&[
            name.to_owned(),
            format!("{accepted:.1}"),
            format!("{ended:.1}"),
            format!("{:.0}", COUNT as f64 / ended),
            format!("{:.1}", processor * 1000.0 / COUNT as f64),
            connections.to_string(),
        ]);
    }
}
