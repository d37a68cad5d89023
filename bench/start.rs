//! From the start of the process to its first answers, with a database that is there.

use std::time::{Duration, Instant};

use crate::report::{Report, median, milliseconds};
use crate::support::{Lab, Server, TestDatabase};
use crate::{DATABASES, rows};

const TIMES: usize = 20;

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Start",
        "From starting the process to its first `200`, with one cluster and 1000 instances; the process before was \
         killed. 20 times each. Goal: below 500 ms.",
    );
    report.head(&["ms", "/healthz median", "max", "/readyz median", "max"]);
    for (kind, name) in DATABASES {
        let Some(database) = TestDatabase::make(kind).await else { continue };
        let url = database.url().map(str::to_owned);
        let lab = Lab::start(1, 3, pve_sim::Latency::Zero).await;
        let mut server = Server::start(database, &[]).await;
        let (container, _) = server.furnish(&lab).await;
        rows::add_instances(&lab, &server, url.as_deref(), &container, 1000).await;
        let (mut up, mut ready) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            server.kill();
            let began = Instant::now();
            server.revive();
            // A client of its own each time: nothing is kept from the process before.
            let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
            for (path, times) in [("healthz", &mut up), ("readyz", &mut ready)] {
                let answer = http.get(format!("{}/{path}", server.url)).send().await.unwrap();
                assert!(answer.status().is_success(), "{path}: {}", answer.status());
                times.push(milliseconds(began.elapsed()));
            }
        }
        let most = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        let figures = [median(&mut up), most(&up), median(&mut ready), most(&ready)];
        let mut cells = vec![name.to_owned()];
        cells.extend(figures.map(|figure| format!("{figure:.0}")));
        report.row(&cells);
    }
}
