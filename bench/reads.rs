//! Reads per second of a page of instances, beside a route that does nothing but answer with as many bytes.

use std::time::Duration;

use crate::bare::Bare;
use crate::load::{self, Outcome, Target};
use crate::report::{Report, median, quantile};
use crate::support::{Lab, Server, TestDatabase};
use crate::{DATABASES, rows};

const CONNECTIONS: usize = 8;
const ROUNDS: usize = 3;
const EACH: Duration = Duration::from_secs(5);

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Reads",
        "`GET /api/v1/instances`, a page of 50 out of 1000, over 8 connections that are kept open, 5 s in turn, three \
         rounds; medians of the rounds. The load comes from the same machine, so all share its cores.",
    );
    report.head(&["", "reads/s", "of the bare route", "p50 ms", "p99 ms", "processor µs/read"]);
    let mut houses = Vec::new();
    for (kind, name) in DATABASES {
        let Some(database) = TestDatabase::make(kind).await else { continue };
        let url = database.url().map(str::to_owned);
        let lab = Lab::start(1, 3, pve_sim::Latency::Zero).await;
        let server = Server::start(database, &[]).await;
        let (container, _) = server.furnish(&lab).await;
        rows::add_instances(&lab, &server, url.as_deref(), &container, 1000).await;
        houses.push((name, lab, server));
    }
    let first = &houses[0].2;
    let page =
        reqwest::Client::new().get(format!("{}/api/v1/instances", first.url)).bearer_auth(&first.token);
    let bytes = page.send().await.unwrap().bytes().await.unwrap().len();
    let bare = Bare::start(bytes);
    let nothing = Target { address: bare.address.clone(), path: "/".into(), token: None, pid: bare.pid() };
    let mut targets = vec![(format!("bare axum route, {bytes} bytes"), nothing)];
    for (name, _, server) in &houses {
        let target = Target {
            address: server.url.trim_start_matches("http://").to_owned(),
            path: "/api/v1/instances".into(),
            token: Some(server.token.clone()),
            pid: server.pid(),
        };
        targets.push(((*name).to_owned(), target));
    }
    let mut outcomes: Vec<Vec<Outcome>> = targets.iter().map(|_| Vec::new()).collect();
    for (_, target) in &targets {
        load::run(target, CONNECTIONS, Duration::from_secs(1)).await;
    }
    for _ in 0..ROUNDS {
        for ((_, target), outcomes) in targets.iter().zip(&mut outcomes) {
            outcomes.push(load::run(target, CONNECTIONS, EACH).await);
        }
    }
    let rate = |outcomes: &[Outcome]| median(&mut outcomes.iter().map(|o| o.rate).collect::<Vec<_>>());
    let bare_rate = rate(&outcomes[0]);
    for ((name, _), mut outcomes) in targets.into_iter().zip(outcomes) {
        let rate = rate(&outcomes);
        let mut at = |share| {
            let mut each: Vec<f64> =
                outcomes.iter_mut().map(|outcome| quantile(&mut outcome.latencies, share)).collect();
            median(&mut each)
        };
        let (p50, p99) = (at(0.5), at(0.99));
        let processor = median(&mut outcomes.iter().map(|o| o.processor).collect::<Vec<_>>());
        report.row(&[
            name,
            format!("{rate:.0}"),
            format!("{:.1} %", rate * 100.0 / bare_rate),
            format!("{p50:.2}"),
            format!("{p99:.2}"),
            format!("{processor:.0}"),
        ]);
    }
}
