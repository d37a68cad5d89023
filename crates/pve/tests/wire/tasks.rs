//! Following a task.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pve::{Error, NodeName, Patience, TaskFilter, TaskOutcome, TaskSource, Upid, Vmid};
use serde_json::json;

use crate::server::{Reply, Server};

fn upid() -> Upid {
    "UPID:pve2:00000895:00046412:6B00EB98:vzstart:103:prov@pve!desk:".parse().unwrap()
}

fn patience() -> Patience {
    Patience {
        deadline: Duration::from_secs(20),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
    }
}

fn running() -> Reply {
    Reply::relayed(&json!({ "status": "running", "upid": upid() }))
}

fn ended(exit: &str) -> Reply {
    Reply::relayed(&json!({ "status": "stopped", "exitstatus": exit, "upid": upid() }))
}

/// Answers in turn, the last one for ever.
fn in_turn(replies: Vec<fn() -> Reply>) -> impl Fn(&crate::server::Request) -> Reply + Send + Sync {
    let next = AtomicUsize::new(0);
    move |_| replies[next.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1)]()
}

#[tokio::test]
async fn a_task_is_asked_of_its_own_node_until_it_ends() {
    let server = Server::start(in_turn(vec![running, running, || ended("WARNINGS: 1")])).await;
    let outcome = server.client().task(&upid()).wait(patience()).await.unwrap();
    assert_eq!(outcome, TaskOutcome::Warnings(1));
    let path = "GET /nodes/pve2/tasks/UPID%3Apve2%3A00000895%3A00046412%3A6B00EB98%3Avzstart%3A103%3Aprov%40pve%21desk%3A/status";
    assert_eq!(server.lines(), [path; 3]);
}

#[tokio::test]
async fn passing_trouble_does_not_end_the_wait_and_a_refusal_does() {
    let server = Server::start(in_turn(vec![
        || Reply::bare(595, "No route to host"),
        || Reply::bare(596, "x"),
        || ended("OK"),
    ]))
    .await;
    assert_eq!(server.client().task(&upid()).wait(patience()).await.unwrap(), TaskOutcome::Ok);

    let server =
        Server::start(|_| Reply::refusal(403, "Permission check failed (/nodes/pve2, Sys.Audit)")).await;
    let error = server.client().task(&upid()).wait(patience()).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_wait_has_an_end() {
    let server = Server::start(|_| running()).await;
    let short = Patience { deadline: Duration::from_millis(20), ..patience() };
    let error = server.client().task(&upid()).wait(short).await.unwrap_err();
    assert!(matches!(&error, Error::TaskStillRunning { upid: u } if **u == upid()), "{error:?}");
}

#[tokio::test]
async fn a_status_read_too_early_is_corrected_by_the_log() {
    let server = Server::start(|r| {
        if r.line().contains("/log?") {
            let line = if r.line().contains("start=6&") { "TASK OK" } else { "starting" };
            let body = json!({ "data": [{ "n": 1, "t": line }], "total": 7 }).to_string();
            return Reply::Send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
        ended("unexpected status")
    })
    .await;
    assert_eq!(server.client().task(&upid()).wait(patience()).await.unwrap(), TaskOutcome::Ok);
}

#[tokio::test]
async fn a_long_log_is_read_in_pages() {
    let server = Server::start(|r| {
        let line = r.line();
        let start: u64 = line.split("start=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
        let lines: Vec<_> =
            (start..750.min(start + 500)).map(|n| json!({ "n": n + 1, "t": format!("line {n}") })).collect();
        let body = json!({ "data": lines, "total": 750 }).to_string();
        Reply::Send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    })
    .await;
    let (client, upid) = (server.client(), upid());
    let log = client.task(&upid).whole_log().await.unwrap();
    assert_eq!((log.len(), log[749].number), (750, 750));
    assert_eq!(client.task(&upid).log(749, 10).await.unwrap().total, 750);
}

#[tokio::test]
async fn lists_are_filtered_by_the_server() {
    let server =
        Server::start(|_| Reply::ok(&json!([{ "upid": upid(), "starttime": "1795222424", "status": "OK" }])))
            .await;
    let filter = TaskFilter {
        vmid: Some(Vmid::new(103).unwrap()),
        kind: Some("vzstart".to_owned()),
        source: TaskSource::Archive,
        limit: Some(5),
        errors_only: true,
        ..TaskFilter::default()
    };
    let found = server.client().tasks(&NodeName::new("pve2").unwrap(), &filter).await.unwrap();
    assert_eq!(found[0].outcome, Some(TaskOutcome::Ok));
    assert_eq!(
        server.lines(),
        ["GET /nodes/pve2/tasks?vmid=103&typefilter=vzstart&source=archive&limit=5&errors=1"]
    );
}

#[tokio::test]
async fn stopping_is_a_delete() {
    let server = Server::start(|_| Reply::relayed(&json!(null))).await;
    server.client().task(&upid()).stop().await.unwrap();
    assert!(server.lines()[0].starts_with("DELETE /nodes/pve2/tasks/UPID%3A"));
}
