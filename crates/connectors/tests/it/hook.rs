//! Waking by a web address, against a gateway that keeps what it was asked.

use std::time::Duration;

use innkeeper_connectors::hook::{self, Hook, Method};
use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use serde_json::json;

use crate::doubles::facilitator::{Answer, Double, json as answer};

fn hook(double: &Double, method: Method) -> Hook {
    Hook {
        url: double.base.join("relay/0?turn=on&token=s3cret").unwrap().to_string().into(),
        method,
        headers: vec![("Authorization".to_owned(), "Bearer s3cret".to_owned().into())],
        body: Some(r#"{"pin":"s3cret"}"#.to_owned().into()),
    }
}

async fn call(hook: &Hook, patience: Duration) -> Report {
    let report = hook::call(&Clock::system(), hook, patience).await;
    let told = format!("{}{report:?}{hook:?}", serde_json::to_string(&report).unwrap());
    assert!(!told.contains("s3cret") && !told.contains("relay"), "{told}");
    report
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("", |fault| fault.code.as_str())
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn it_is_called_as_it_was_written_down_and_nothing_secret_is_told() {
    let double = Double::start().await;
    double.will(answer(202, json!({"echo": "s3cret"})));
    for (method, name) in [(Method::Get, "GET"), (Method::Post, "POST"), (Method::Put, "PUT")] {
        let report = call(&hook(&double, method), PATIENCE).await;
        assert!(report.success, "{report:?}");
        assert_eq!((&report.details["status"], &report.details["host"]), (&202.into(), &"127.0.0.1".into()));
        let asked = double.last();
        assert_eq!(
            (asked.method.as_str(), asked.uri.to_string().as_str()),
            (name, "/relay/0?turn=on&token=s3cret")
        );
        assert_eq!(asked.headers["authorization"], "Bearer s3cret");
        let body = if method == Method::Get { json!(null) } else { json!({"pin": "s3cret"}) };
        assert_eq!(asked.body, body, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_taken_is_no_success() {
    let double = Double::start().await;
    let hook = hook(&double, Method::Post);
    double.will(Answer::Raw(403, "s3cret is wrong".to_owned()));
    assert_eq!(code(&call(&hook, PATIENCE).await), "refused");
    double.will(Answer::Raw(503, String::new()));
    assert_eq!(code(&call(&hook, PATIENCE).await), "failing");
    double.will(Answer::Redirect(double.base.join("elsewhere").unwrap()));
    assert_eq!(code(&call(&hook, PATIENCE).await), "redirected");
    assert_eq!(double.asked.lock().unwrap().len(), 3, "a redirect is not followed");
    double.will(answer(200, json!({})));
    double.faults.next(crate::doubles::Fault::Silent);
    assert_eq!(code(&call(&hook, Duration::from_millis(300)).await), "lost");
}

#[tokio::test]
async fn what_cannot_be_called_says_why() {
    let double = Double::start().await;
    let good = hook(&double, Method::Post);
    let plain = Hook { url: "http://plug.example/relay?s3cret".to_owned().into(), ..good.clone() };
    let report = call(&plain, PATIENCE).await;
    assert_eq!(code(&report), "bad_request");
    assert!(report.message.contains("https://"), "{report:?}");
    let bad = Hook { headers: vec![("X".to_owned(), "s3cret\nY: 1".to_owned().into())], ..good.clone() };
    assert_eq!(code(&call(&bad, PATIENCE).await), "bad_request");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Hook { url: format!("http://{closed}/relay?s3cret").into(), ..good };
    assert_eq!(code(&call(&nobody, PATIENCE).await), "unreachable");
    assert!(double.asked.lock().unwrap().is_empty());
}
