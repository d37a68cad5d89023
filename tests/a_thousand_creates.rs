//! A thousand instances are asked for at once over four clusters: all end, no number is given twice, and no node or
//! storage is ever asked for more than it can bear.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream;
use pve_sim::Latency;
use serde_json::{Value, json};

use crate::support::{DatabaseKind, Lab, Server, TestDatabase, check_house};

const COUNT: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn all_end_within_the_limits() {
    thousand(DatabaseKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_end_within_the_limits_on_postgres() {
    thousand(DatabaseKind::Postgres).await;
}

async fn thousand(database: DatabaseKind) {
    let Some(database) = TestDatabase::make(database).await else { return };
    let lab = Lab::start(4, 3, Latency::Scaled(0.01)).await;
    let server = Server::start(database, &[]).await;
    let (container, _) = server.furnish(&lab).await;

    let asked = stream::iter(0..COUNT).map(|number| {
        let (server, container) = (&server, &container);
        async move {
            let body = json!({ "name": format!("guest-{number}"), "template_id": container });
            server.post("/instances", body).await
        }
    });
    let asked: Vec<Value> = asked.buffer_unordered(100).collect().await;
    for operation in &asked {
        let ended = server.settled(operation).await;
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
    }

    let mut numbers = HashSet::new();
    let mut total = 0;
    for name in &lab.names {
        let guests = lab.guests(name);
        total += guests.len();
        for guest in guests {
            assert!(numbers.insert((name.clone(), guest.vmid)));
        }
        let stats = lab.sim.cluster(name).stats();
        assert!(stats.max_in_flight <= 4, "{name}: {} calls at once", stats.max_in_flight);
        for (node, most) in &stats.max_tasks_per_node {
            assert!(*most <= 2, "{name}/{node}: {most} tasks at once");
        }
        for (storage, most) in &stats.max_allocating_per_storage {
            assert!(*most <= 2 * 3, "{name}/{storage}: {most} creates at once");
        }
    }
    assert_eq!(total, COUNT);
    check_house(&lab, &server).await;
}
