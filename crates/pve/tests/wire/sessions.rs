//! Logging in with a password: tickets, CSRF, renewal, second factor.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pve::{Client, ClientBuilder, Credentials, Error, FactorAnswer, SecondFactor};
use serde_json::json;

use crate::server::{Reply, Request, Server, ct};

const UPID: &str = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:root@pam:";
const CHALLENGE: &str = r#"PVE:!tfa!{"totp"%3Atrue,"recovery"%3A"available"}:6B00EDA1::c2ln"#;

fn root() -> Credentials {
    Credentials::password("root@pam", "hunter+2").unwrap()
}

fn client(server: &Server, credentials: Credentials) -> ClientBuilder {
    Client::builder(server.endpoint(), credentials)
}

fn ticket(number: usize) -> Reply {
    Reply::relayed(&json!({
        "username": "root@pam", "ticket": format!("PVE:root@pam:6B00E85B::{number}+/="),
        "CSRFPreventionToken": format!("6B00E85B:csrf{number}"), "cap": {}
    }))
}

fn is_login(request: &Request) -> bool {
    request.line() == "POST /access/ticket"
}

fn body(request: &Request) -> Reply {
    if request.method == "GET" {
        return Reply::ok(&json!({ "version": "9.2.11" }));
    }
    Reply::relayed(&json!(UPID))
}

/// Gives out tickets numbered from 1.
fn counting() -> impl Fn(&Request) -> Reply + Send + Sync {
    let tickets = AtomicUsize::new(0);
    move |r| if is_login(r) { ticket(tickets.fetch_add(1, Ordering::SeqCst) + 1) } else { body(r) }
}

#[tokio::test]
async fn a_ticket_is_fetched_once_and_changes_carry_the_csrf_token() {
    let server = Server::start(counting()).await;
    let client = client(&server, root()).build().unwrap();
    client.version().await.unwrap();
    client.guest(&ct()).start().await.unwrap();

    let seen = server.seen();
    assert_eq!(
        server.lines(),
        ["POST /access/ticket", "GET /version", "POST /nodes/pve/lxc/105/status/start"]
    );
    assert_eq!(seen[0].body, "username=root%40pam&password=hunter%2B2");
    assert_eq!((seen[0].header("cookie"), seen[0].header("csrfpreventiontoken")), (None, None));
    let cookie = "PVEAuthCookie=PVE%3Aroot%40pam%3A6B00E85B%3A%3A1%2B%2F%3D";
    assert_eq!((seen[1].header("cookie"), seen[1].header("csrfpreventiontoken")), (Some(cookie), None));
    assert_eq!(
        (seen[2].header("cookie"), seen[2].header("csrfpreventiontoken")),
        (Some(cookie), Some("6B00E85B:csrf1"))
    );
    assert!(seen.iter().all(|r| r.header("authorization").is_none()));
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_login() {
    let server = Server::start(counting()).await;
    let client = client(&server, root()).build().unwrap();
    let calls = (0..8).map(|_| client.version());
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(server.seen().iter().filter(|r| is_login(r)).count(), 1);
}

#[tokio::test]
async fn an_ageing_ticket_renews_itself() {
    let server = Server::start(counting()).await;
    let client = client(&server, root()).renew_ticket_after(Duration::ZERO).build().unwrap();
    client.version().await.unwrap();
    client.version().await.unwrap();
    let seen = server.seen();
    assert!(is_login(&seen[2]));
    assert_eq!(seen[2].body, "username=root%40pam&password=PVE%3Aroot%40pam%3A6B00E85B%3A%3A1%2B%2F%3D");
    assert!(seen[3].header("cookie").unwrap().contains("%3A2%2B"));
}

#[tokio::test]
async fn a_ticket_that_cannot_renew_itself_is_replaced_by_a_login() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |r| match is_login(r) {
        true if r.body.contains("PVE%3A") => Reply::refusal(401, "authentication failure"),
        true => ticket(count.fetch_add(1, Ordering::SeqCst) + 1),
        false => body(r),
    })
    .await;
    let client = client(&server, root()).renew_ticket_after(Duration::ZERO).build().unwrap();
    client.version().await.unwrap();
    client.version().await.unwrap();
    assert_eq!(server.lines().iter().filter(|l| l.contains("ticket")).count(), 3);
}

#[tokio::test]
async fn a_refused_ticket_is_replaced_and_the_call_sent_again() {
    let server = Server::start({
        let tickets = AtomicUsize::new(0);
        move |r| match is_login(r) {
            true => ticket(tickets.fetch_add(1, Ordering::SeqCst) + 1),
            false if r.header("cookie").unwrap().contains("%3A1%2B") => {
                Reply::bare(401, "Authentication failed!")
            }
            false => body(r),
        }
    })
    .await;
    let client = client(&server, root()).build().unwrap();
    client.guest(&ct()).start().await.unwrap();
    client.guest(&ct()).start().await.unwrap();
    let start = "POST /nodes/pve/lxc/105/status/start";
    assert_eq!(server.lines(), ["POST /access/ticket", start, "POST /access/ticket", start, start]);
    assert_eq!(server.seen()[2].body, "username=root%40pam&password=hunter%2B2", "not by the refused ticket");
}

#[tokio::test]
async fn a_server_that_refuses_every_ticket_is_asked_twice_at_most() {
    let server =
        Server::start(|r| if is_login(r) { ticket(1) } else { Reply::bare(401, "Authentication failed!") })
            .await;
    let error = client(&server, root()).build().unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_repeating_it() {
    let server = Server::start(|_| Reply::refusal(401, "authentication failure")).await;
    let client = client(&server, root()).build().unwrap();
    let error = client.version().await.unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized { message } if message == "authentication failure"),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?} {client:?}").contains("hunter"));
    assert_eq!(server.lines(), ["POST /access/ticket"]);
}

fn with_second_factor(request: &Request) -> Reply {
    match (is_login(request), request.body.contains("tfa-challenge=")) {
        (true, true) if request.body.contains("password=totp%3A123456") => ticket(1),
        (true, true) => Reply::refusal(401, "authentication failure"),
        (true, false) => {
            Reply::relayed(&json!({ "username": "root@pam", "ticket": CHALLENGE, "NeedTFA": 1 }))
        }
        (false, _) => body(request),
    }
}

#[tokio::test]
async fn a_second_factor_is_answered_with_the_challenge() {
    let server = Server::start(with_second_factor).await;
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let factor = SecondFactor::new({
        let asked = Arc::clone(&asked);
        move |offered| {
            asked.lock().unwrap().extend_from_slice(offered);
            Some(FactorAnswer::totp("123456"))
        }
    });
    client(&server, root().with_second_factor(factor)).build().unwrap().version().await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["recovery", "totp"]);
    let second = &server.seen()[1].body;
    assert_eq!(
        second,
        "username=root%40pam&password=totp%3A123456&tfa-challenge=PVE%3A%21tfa%21%7B%22totp%22%253Atrue%2C%22recovery%22%253A%22available%22%7D%3A6B00EDA1%3A%3Ac2ln"
    );
}

#[tokio::test]
async fn without_or_with_a_wrong_second_factor_there_is_no_login() {
    let server = Server::start(with_second_factor).await;
    let error = client(&server, root()).build().unwrap().version().await.unwrap_err();
    assert!(
        matches!(&error, Error::SecondFactorRequired { offered } if offered == &["recovery", "totp"]),
        "{error:?}"
    );

    let wrong = SecondFactor::new(|_| Some(FactorAnswer::recovery("000000")));
    let error =
        client(&server, root().with_second_factor(wrong)).build().unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(server.lines().iter().all(|line| line == "POST /access/ticket"));
}

#[tokio::test]
async fn a_lost_login_leaves_no_doubt_about_the_call_it_was_for() {
    let server = Server::start(|_| Reply::Close).await;
    let error = client(&server, root()).build().unwrap().guest(&ct()).start().await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert_eq!((server.lines().len(), error.class()), (1, pve::Class::Transient));
}
