//! The process is killed, by signal, while each call that the script of the first boot needs is under way: once before
//! the call took effect, and once after. Started again, the script has run once, and what came of it is known.

use std::time::Duration;

use pve_sim::{Effect, GuestProcesses, Latency, Rule};
use serde_json::{Value, json};

use crate::support::{DatabaseKind, Lab, Server, TestDatabase};

const SETTINGS: &[(&str, &str)] = &[
    ("ENGINE__CLAIM_MS", "300"),
    ("ENGINE__SETTLE_MS", "300"),
    ("ENGINE__SWEEP_EVERY_MS", "200"),
    ("COMMANDS__CLAIM_MS", "500"),
    ("COMMANDS__LOOK_EVERY_MS", "100"),
];

struct Campaign {
    lab: Lab,
    server: Server,
    template: String,
    folder: tempfile::TempDir,
    runs: u32,
    kills: u32,
}

impl Campaign {
    async fn begin(database: DatabaseKind) -> Option<Self> {
        let database = TestDatabase::make(database).await?;
        let lab = Lab::with(1, 1, Latency::Zero, GuestProcesses::Process).await;
        let server = Server::start(database, SETTINGS).await;
        let (_, template) = server.furnish(&lab).await;
        Some(Self { lab, server, template, folder: tempfile::tempdir().unwrap(), runs: 0, kills: 0 })
    }

    /// Makes a machine with a script and kills the process during the call number `skip`. False when it takes fewer.
    async fn strike(&mut self, effect: Effect, skip: u32) -> bool {
        self.runs += 1;
        let count = self.folder.path().join(format!("count-{}", self.runs));
        let script = format!("echo ran >>{}\necho said\nexit 5\n", count.display());
        let faults = self.lab.sim.cluster("c1").faults();
        let mut rule = Rule::on_call("", "agent/exec", effect).skip(skip);
        rule.matcher.method = None;
        let rule = faults.add(rule).unwrap();
        let new =
            json!({ "name": format!("m-{}", self.runs), "template_id": self.template, "user_data": script });
        let asked = self.server.post("/instances", new).await;
        let id = asked["instance_id"].as_str().unwrap().to_owned();
        let struck = loop {
            if self
                .lab
                .sim
                .cluster("c1")
                .faults()
                .list()
                .iter()
                .any(|armed| armed.id == rule && armed.struck > 0)
            {
                break true;
            }
            if is_over(&self.stands(&id).await) {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        if struck {
            self.server.kill();
            self.kills += 1;
        }
        self.lab.sim.cluster("c1").faults().clear();
        if struck {
            self.server.revive();
        }
        let ended = async {
            loop {
                let stands = self.stands(&id).await;
                if is_over(&stands) {
                    return stands;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let stands = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("it never ended");
        assert_eq!((&stands["exit_code"], &stands["log"]), (&5.into(), &"said\n".into()), "{stands:#}");
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "ran\n", "it runs once");
        let gone = self.server.ask("delete", &id).await;
        assert_eq!(self.server.settled(&gone).await["state"], "succeeded");
        struck
    }

    async fn stands(&self, id: &str) -> Value {
        self.server.get(&format!("/instances/{id}/first-boot")).await
    }
}

fn is_over(stands: &Value) -> bool {
    ["done", "failed"].contains(&stands["state"].as_str().unwrap())
}

async fn campaign(database: DatabaseKind) {
    let Some(mut campaign) = Campaign::begin(database).await else { return };
    for effect in [Effect::Hang, Effect::HangAfter] {
        let mut skip = 0;
        while campaign.strike(effect.clone(), skip).await {
            skip += 1;
        }
    }
    assert!(campaign.kills >= 6, "killed only {} times", campaign.kills);
    println!("killed {} times, each script ran once", campaign.kills);
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_process_is_killed() {
    campaign(DatabaseKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_process_is_killed_on_postgres() {
    campaign(DatabaseKind::Postgres).await;
}
