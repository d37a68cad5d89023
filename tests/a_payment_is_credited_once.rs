//! Credits are bought through the command line; the server is killed before it hears that they were paid; its webhook
//! then comes to two processes at once. They arrive once, go back once, and every paper says so.

use serde_json::{Value, json};

use crate::doubles::stripe::{Double, KEY, WEBHOOK_SECRET};
use crate::support::{DatabaseKind, Server, TestDatabase};

/// Runs a command against this server as its administrator; answers whether it succeeded, and what it said.
fn run(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = server
        .command(arguments)
        .env("INNKEEPER_URL", &server.url)
        .env("INNKEEPER_TOKEN", &server.token)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn ok(server: &Server, arguments: &[&str]) -> String {
    let (success, said) = run(server, arguments);
    assert!(success, "{arguments:?}: {said}");
    said
}

/// Sends a webhook as Stripe does; answers the status.
async fn webhook(server: &Server, event: &Value, age: i64) -> u16 {
    let body = event.to_string();
    let now = innkeeper_domain::time::Clock::system().now().0 / 1_000_000;
    let url = format!("{}/api/v1/payment-webhooks/stripe", server.url);
    let request = reqwest::Client::new().post(url).headers(Double::headers(&body, now - age)).body(body);
    request.send().await.unwrap().status().as_u16()
}

async fn story(kind: DatabaseKind) {
    let Some(database) = TestDatabase::make(kind).await else { return };
    let stripe = Double::start().await;
    let base = stripe.base.to_string();
    let settings = [
        ("SERVER__PUBLIC_URL", "https://inn.example"),
        ("PAYMENTS__ENABLED", "true"),
        ("PAYMENTS__CREDIT_PRICE__EUR", "100"),
        ("PAYMENTS__STRIPE__SECRET_KEY", KEY),
        ("PAYMENTS__STRIPE__WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("PAYMENTS__STRIPE__BASE_URL", base.as_str()),
        ("PAYMENTS__LOOK_EVERY_S", "3600"),
    ];
    let mut server = Server::start(database, &settings).await;
    assert!(ok(&server, &["payment", "offer"]).contains("one credit: 1.00 EUR"));
    let buy = ["payment", "buy", "12", "--provider", "stripe", "--currency", "EUR", "--json"];
    let payment: Value = serde_json::from_str(&ok(&server, &buy)).unwrap();
    assert_eq!(payment["amount"], json!({ "minor": 1200, "currency": "EUR" }));
    let (success, said) =
        run(&server, &["payment", "buy", "12", "--provider", "paypal", "--currency", "EUR"]);
    assert!(!success && said.contains("provider"), "{said}");

    let event = stripe.pay(payment["reference"].as_str().unwrap());
    server.kill();
    server.revive();
    assert_eq!(webhook(&server, &event, 400).await, 400);
    // Two processes share PostgreSQL; SQLite has one.
    let replica = (kind == DatabaseKind::Postgres).then(|| server.replica());
    let other = replica.as_ref().unwrap_or(&server);
    let answers = tokio::join!(
        webhook(&server, &event, 0),
        webhook(other, &event, 0),
        webhook(&server, &event, 1),
        webhook(other, &event, 1)
    );
    assert_eq!(answers, (204, 204, 204, 204));
    assert!(ok(&server, &["credits", "balance"]).starts_with("12.00 credits to spend"));
    let id = payment["id"].as_str().unwrap();
    assert!(ok(other, &["payment", "show", id]).starts_with("paid: 12.00 EUR for 12.00 credits by stripe"));

    let codes = ok(&server, &["voucher", "make", "3.5", "--note", "fair"]);
    let code = codes.trim();
    assert!(ok(&server, &["credits", "redeem", &code.to_lowercase()]).contains("3.50 credits arrived"));
    let (success, said) = run(&server, &["credits", "redeem", code]);
    assert!(!success && said.contains("redeemed for this project before"), "{said}");

    let refund = ["payment", "refund", id, "--amount", "2.00", "--reason", "=nice"];
    assert!(ok(&server, &refund).contains("2.00 EUR for 2.00 credits: done"));
    assert!(ok(&server, &["credits", "balance"]).starts_with("13.50 credits to spend"));
    let table = ok(&server, &["credits", "export-ledger"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table.contains(",payment,") && table.contains(",voucher,") && table.contains(",refund,"),
        "{table}"
    );
    let finance = ok(&server, &["finance"]);
    assert!(finance.contains("payments paid: 1, 12.00 EUR (2.00 EUR given back)"), "{finance}");
    assert!(finance.contains("13.50 credits can still be spent"), "{finance}");
    let (success, said) = run(&server, &["invoice", "issue", "2026-10"]);
    assert!(!success && said.contains("no invoices"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    story(DatabaseKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    story(DatabaseKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_configuration_does_not_start() {
    let database = TestDatabase::make(DatabaseKind::Sqlite).await.unwrap();
    let server = Server::start(database, &[]).await;
    let price = ("PAYMENTS__CREDIT_PRICE__EUR", "100");
    for (settings, word) in [
        (vec![], "credit_price"),
        (vec![price], "server.public_url"),
        (
            vec![price, ("SERVER__PUBLIC_URL", "https://inn.example")],
            "neither payments.stripe nor payments.paypal",
        ),
        (
            vec![
                price,
                ("SERVER__PUBLIC_URL", "https://inn.example"),
                ("PAYMENTS__STRIPE__SECRET_KEY", "sk_live_x"),
            ],
            "webhook secret is empty",
        ),
        (vec![price, ("PAYMENTS__STRIPE__SECRET", "sk_live_x")], "secret"),
    ] {
        let mut command = server.command(&["serve"]);
        command.env("INNKEEPER__PAYMENTS__ENABLED", "true");
        for (key, value) in settings {
            command.env(format!("INNKEEPER__{key}"), value);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(word), "{word}: {said}");
        assert!(!said.contains("sk_live_x"), "{said}");
    }
    // What is kept secret is not printed either.
    let mut command = server.command(&["config"]);
    command.env("INNKEEPER__PAYMENTS__STRIPE__SECRET_KEY", "sk_live_x");
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(printed.contains("secret_key = \"…\"") && !printed.contains("sk_live_x"), "{printed}");
}
