//! Two processes share one PostgreSQL database and so the work: what is asked of either is done once, seen through
//! both, and goes on when one of them is killed in the middle.

use std::collections::HashSet;
use std::time::Duration;

use pve_sim::Latency;
use serde_json::{Value, json};

use crate::support::{DatabaseKind, Lab, Server, TestDatabase, check_house};

const COUNT: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_either_is_done_once_even_when_one_is_killed() {
    let Some(database) = TestDatabase::make(DatabaseKind::Postgres).await else { return };
    let lab = Lab::start(1, 3, Latency::Scaled(0.02)).await;
    let settings = [("ENGINE__CLAIM_MS", "2000"), ("ENGINE__SETTLE_MS", "500")];
    let mut first = Server::start(database, &settings).await;
    let (container, _) = first.furnish(&lab).await;
    let second = first.replica();
    let told = tokio::spawn(running(events(&second).await));

    let asked = (0..COUNT).map(|number| {
        let (server, container) = (if number % 2 == 0 { &first } else { &second }, &container);
        async move { server.create(&format!("guest-{number}"), container).await }
    });
    let asked: Vec<Value> = futures_util::future::join_all(asked).await;

    // A long poll at one ends by the work of both.
    assert_eq!(second.settled(&asked[0]).await["state"], "succeeded");
    first.kill();
    for operation in &asked {
        let ended = second.settled(operation).await;
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
        let made = |step: &&Value| step["act"] == "create" && step["state"] == "done";
        assert_eq!(ended["steps"].as_array().unwrap().iter().filter(made).count(), 1, "{ended:#}");
    }
    assert_eq!(lab.guests("c1").len(), COUNT);
    for (node, most) in &lab.sim.cluster("c1").stats().max_tasks_per_node {
        assert!(*most <= 2, "{node}: {most} tasks at once");
    }
    check_house(&lab, &second).await;

    let instances: HashSet<String> =
        asked.iter().map(|operation| operation["instance_id"].as_str().unwrap().to_owned()).collect();
    let told = tokio::time::timeout(Duration::from_secs(30), told).await.unwrap().unwrap();
    assert_eq!(told, instances, "the second tells of what the first did");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_given_to_both_at_once_asks_once() {
    let Some(database) = TestDatabase::make(DatabaseKind::Postgres).await else { return };
    let lab = Lab::start(1, 1, Latency::Zero).await;
    let first = Server::start(database, &[]).await;
    let (container, _) = first.furnish(&lab).await;
    let second = first.replica();
    let http = reqwest::Client::new();
    let ask = |server: &Server, key: String, name: String| {
        let body = json!({ "name": name, "template_id": container });
        let request = http.post(format!("{}/api/v1/instances", server.url)).bearer_auth(&server.token);
        let request = request.header("Idempotency-Key", key).json(&body);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        }
    };
    // More at once than a process has connections to the database.
    let calls = (0..60).map(|n| {
        let server = if n % 2 == 0 { &first } else { &second };
        ask(server, format!("key-{}", n / 6), format!("guest-{}", n / 6))
    });
    let answers = futures_util::future::join_all(calls).await;
    for same in answers.chunks(6) {
        assert!(
            same.iter().all(|(status, body)| (*status, &body["id"]) == (202, &same[0].1["id"])),
            "{same:#?}"
        );
    }
    // Without a key, one of two gets the name, and the other is told why not.
    let calls = (0..40).map(|n| {
        let server = if n % 2 == 0 { &first } else { &second };
        ask(server, format!("other-{n}"), format!("name-{}", n / 4))
    });
    let answers = futures_util::future::join_all(calls).await;
    for same in answers.chunks(4) {
        let made = same.iter().filter(|(status, _)| *status == 202).count();
        assert_eq!(made, 1, "{same:#?}");
        let refused = same.iter().filter(|(_, body)| body["code"] == "name_taken").count();
        assert_eq!(refused, 3, "{same:#?}");
    }
}

/// Follows the events of a server.
async fn events(server: &Server) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}/api/v1/events", server.url));
    let response = request.bearer_auth(&server.token).send().await.unwrap();
    assert!(response.status().is_success());
    response
}

/// Reads events until as many instances were told to run; their numbers must grow.
async fn running(mut events: reqwest::Response) -> HashSet<String> {
    let (mut text, mut last, mut running) = (String::new(), 0, HashSet::new());
    while running.len() < COUNT {
        text.push_str(std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                let event: Value = serde_json::from_str(data).unwrap();
                let seq = event["seq"].as_i64().unwrap();
                assert!(seq > last, "{seq} after {last}");
                last = seq;
                if event["subject"] == "instance" && event["what"] == "running" {
                    running.insert(event["subject_id"].as_str().unwrap().to_owned());
                }
            }
            text = rest.to_owned();
        }
    }
    running
}
