//! Money, from the first price to the last credit, with seconds for hours: what is asked for must be paid for; what
//! runs is charged; when the credits are used up the guest stops and stays stopped; new credits make it run again; and
//! in the end every micro-credit is accounted for.

use std::time::Duration;

use innkeeper_domain::time::Timestamp;
use pve_sim::{Effect, Latency, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{DatabaseKind, Lab, Server, TestDatabase, check_house};

const SETTINGS: &[(&str, &str)] = &[
    ("ENGINE__SETTLE_MS", "300"),
    ("ENGINE__SWEEP_EVERY_MS", "200"),
    ("ENGINE__POLL_EVERY_MS", "500"),
    ("BILLING__CYCLE_S", "2"),
    ("BILLING__LOOK_EVERY_S", "1"),
];

/// A thousand credits per core and hour: 0.277 778 a second, and 0.555 556 held for a period of two.
const CORE: i64 = 1_000_000_000;
const HELD: i64 = 555_556;

struct Story {
    lab: Lab,
    server: Server,
    template: String,
    project: String,
}

impl Story {
    async fn begin(database: TestDatabase) -> Self {
        let lab = Lab::start(1, 2, Latency::Zero).await;
        let server = Server::start(database, SETTINGS).await;
        let (template, _) = server.furnish(&lab).await;
        let me = server.get("/me").await;
        let project = me["user"]["personal_project"].as_str().unwrap().to_owned();
        let prices =
            json!({ "running": { "core_micros": CORE, "memory_gib_micros": 0, "disk_gib_micros": 1 } });
        server.post("/price-lists", prices).await;
        Self { lab, server, template, project }
    }

    async fn of(&self, what: &str) -> Value {
        self.server.get(&format!("/projects/{}/{what}", self.project)).await
    }

    async fn grant(&self, micros: i64) {
        let gift = json!({ "kind": "grant", "amount_micros": micros, "reason": "for the story" });
        self.server.post(&format!("/projects/{}/adjustments", self.project), gift).await;
    }

    /// The instance, once it is in this state.
    async fn until(&self, id: &str, state: &str) -> Value {
        for _ in 0..300 {
            let now = self.server.get(&format!("/instances/{id}")).await;
            if now["state"] == state && now["operation"].is_null() {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it does not get {state}: {:#}", self.server.get(&format!("/instances/{id}")).await);
    }

    fn runs(&self) -> bool {
        self.lab.guests("c1").iter().any(|guest| guest.running)
    }
}

async fn story(kind: DatabaseKind) {
    let Some(database) = TestDatabase::make(kind).await else { return };
    let story = Story::begin(database).await;
    let server = &story.server;
    let new = json!({ "name": "web", "template_id": story.template });

    // Without credits there is nothing to be had.
    let (status, refused) = server.request(Method::POST, "/instances", Some(new)).await;
    assert_eq!((status.as_u16(), &refused["code"]), (402, &json!("insufficient_credits")));
    assert_eq!(refused["needed_micros"], HELD);

    // What cannot be made costs nothing.
    story.grant(3_000_000).await;
    let faults = story.lab.sim.cluster("c1").faults();
    faults.add(Rule::on_task("vzcreate", Effect::TaskFails("no luck".into()))).unwrap();
    let failed = server.settled(&server.create("broken", &story.template).await).await;
    assert_eq!(failed["state"], "failed", "{failed:#}");
    faults.clear();
    let balance = story.of("balance").await;
    assert_eq!(
        (&balance["wallet_micros"], &balance["held_micros"]),
        (&json!(3_000_000), &json!(0)),
        "{balance:#}"
    );
    server.settled(&server.ask("delete", failed["instance_id"].as_str().unwrap()).await).await;

    // What runs is charged, until nothing is left; then it stops, and nothing makes it run.
    let made = server.settled(&server.create("web", &story.template).await).await;
    assert_eq!(made["state"], "succeeded", "{made:#}");
    let id = made["instance_id"].as_str().unwrap().to_owned();
    assert_eq!(story.of("balance").await["rate_micros_per_hour"], CORE + 4);
    story.until(&id, "stopped").await;
    assert!(!story.runs());
    let balance = story.of("balance").await;
    assert!(balance["billing_hold_since"].is_string(), "{balance:#}");
    let (status, refused) = server.request(Method::POST, &format!("/instances/{id}/start"), None).await;
    assert_eq!((status.as_u16(), &refused["code"]), (409, &json!("billing_hold")));

    // New credits make it run again.
    story.grant(50_000_000).await;
    story.until(&id, "running").await;
    assert!(story.runs());
    let balance = story.of("balance").await;
    assert_eq!((&balance["billing_hold_since"], &balance["owed_micros"]), (&Value::Null, &json!(0)));

    // When it is gone, it has been charged what its segments say, and the rest is there to spend.
    server.settled(&server.ask("delete", &id).await).await;
    let balance = story.of("balance").await;
    let mut exact = 0_i128;
    for segment in story.of(&format!("usage?instance_id={id}")).await["items"].as_array().unwrap() {
        let time = |name: &str| {
            let at: Timestamp = serde_json::from_value(segment[name].clone()).unwrap();
            i128::from(at.0)
        };
        exact += i128::from(segment["rate_micros_per_hour"].as_i64().unwrap()) * (time("to") - time("from"));
    }
    let charged = exact as f64 / 3_600_000_000.0;
    let left = balance["wallet_micros"].as_i64().unwrap();
    assert_eq!(balance["held_micros"], 0);
    assert!((53_000_000.0 - charged - left as f64).abs() <= 0.5, "{charged} charged, {left} left");
    assert!(charged > 3_000_000.0 - 1.0, "{charged}");
    let checked = server.command(&["admin", "check-ledger"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    check_house(&story.lab, server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hour_is_free_on_sqlite() {
    story(DatabaseKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hour_is_free_on_postgres() {
    story(DatabaseKind::Postgres).await;
}
