//! The process is killed, by signal, while each call to Proxmox of each operation is under way: once before the call
//! took effect and, for calls that change something, once after. Started again, the house always ends where it was
//! going: the operation succeeds, and there is neither an orphan nor a stuck row nor a foreign guest touched.

use std::time::Duration;

use pve_sim::{Effect, Latency, Rule};
use serde_json::Value;

use crate::support::{DatabaseKind, Lab, Server, TestDatabase, check_house};

const SETTINGS: &[(&str, &str)] = &[
    // Nobody lives long enough to renew a claim: take over quickly.
    ("ENGINE__CLAIM_MS", "300"),
    ("ENGINE__SETTLE_MS", "300"),
    ("ENGINE__SWEEP_EVERY_MS", "200"),
];

struct Campaign {
    lab: Lab,
    server: Server,
    template: String,
    kills: u32,
    names: u32,
}

/// When a call is held: before or after it took effect.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Before,
    After,
}

impl Campaign {
    async fn begin(kind: &str, database: DatabaseKind) -> Option<Self> {
        let database = TestDatabase::make(database).await?;
        let lab = Lab::start(1, 2, Latency::Zero).await;
        lab.add_stranger("c1", 10_001);
        lab.add_stranger("c1", 10_004);
        let server = Server::start(database, SETTINGS).await;
        let (container, machine) = server.furnish(&lab).await;
        let template = if kind == "lxc" { container } else { machine };
        Some(Self { lab, server, template, kills: 0, names: 0 })
    }

    async fn create(&mut self) -> Value {
        self.names += 1;
        self.server.create(&format!("guest-{}", self.names), &self.template).await
    }

    /// An instance in the state from which the verb is asked.
    async fn instance_for(&mut self, verb: &str) -> String {
        let asked = self.create().await;
        let operation = self.server.settled(&asked).await;
        assert_eq!(operation["state"], "succeeded", "{operation:#}");
        let id = operation["instance_id"].as_str().unwrap().to_owned();
        self.server.prepare(verb, &id).await;
        id
    }

    /// Asks for the verb and kills the process during the call number `skip`. False when the operation has fewer
    /// calls than that.
    async fn strike(&mut self, verb: &str, method: Option<&str>, moment: Moment, skip: u32) -> bool {
        let instance = if verb == "create" { None } else { Some(self.instance_for(verb).await) };
        let held = self.hold(method, moment, skip);
        let operation = self.begin_verb(verb, instance.as_deref()).await;
        let struck = self.await_strike(held, &operation).await;
        self.end(verb, &operation, struck).await;
        if verb == "duplicate" {
            self.remove(instance.as_deref().unwrap_or_default()).await;
        }
        struck
    }

    async fn remove(&self, id: &str) {
        let gone = self.server.ask("delete", id).await;
        assert_eq!(self.server.settled(&gone).await["state"], "succeeded");
    }

    /// The same, but a fault strikes first, and the process is killed during a question that follows it.
    async fn strike_after(&mut self, verb: &str, fault: Rule, skip: u32) {
        let instance = if verb == "create" { None } else { Some(self.instance_for(verb).await) };
        let fault = self.lab.sim.cluster("c1").faults().add(fault).unwrap();
        let operation = self.begin_verb(verb, instance.as_deref()).await;
        assert!(self.await_strike(fault, &operation).await, "{verb}: the fault never struck");
        let held = self.hold(Some("GET"), Moment::Before, skip);
        let struck = self.await_strike(held, &operation).await;
        self.end(verb, &operation, struck).await;
    }

    /// Holds the call number `skip` from now on until the process is dead.
    fn hold(&self, method: Option<&str>, moment: Moment, skip: u32) -> u64 {
        let effect = match moment {
            Moment::Before => Effect::Hang,
            Moment::After => Effect::HangAfter,
        };
        let mut rule = Rule::on_call("", "^/nodes/", effect).skip(skip);
        rule.matcher.method = method.map(str::to_owned);
        self.lab.sim.cluster("c1").faults().add(rule).unwrap()
    }

    async fn begin_verb(&mut self, verb: &str, instance: Option<&str>) -> Value {
        match instance {
            Some(id) => self.server.ask(verb, id).await,
            None => self.create().await,
        }
    }

    /// Kills the process if a call is held, starts it again, and sees to it that the operation ends well.
    async fn end(&mut self, verb: &str, operation: &Value, struck: bool) {
        if struck {
            self.server.kill();
            self.kills += 1;
        }
        self.lab.sim.cluster("c1").faults().clear();
        if struck {
            self.server.revive();
        }
        let operation = self.server.settled(operation).await;
        assert_eq!(operation["state"], "succeeded", "{verb}: {operation:#}");
        check_house(&self.lab, &self.server).await;
        if verb != "delete" {
            // So that the next run is alone, and a delete is exercised after every crash.
            self.remove(operation["instance_id"].as_str().unwrap()).await;
        }
    }

    /// Waits until a rule has struck, or the operation has ended without it.
    async fn await_strike(&self, rule: u64, operation: &Value) -> bool {
        let id = operation["id"].as_str().unwrap();
        loop {
            // Asked first: what has ended by now is struck by nothing more.
            let now = self.server.get(&format!("/operations/{id}")).await;
            let rules = self.lab.sim.cluster("c1").faults().list();
            if rules.iter().any(|armed| armed.id == rule && armed.struck > 0) {
                return true;
            }
            if now["state"] == "succeeded" {
                return false;
            }
            assert_ne!(now["state"], "failed", "{now:#}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every call of the verb, before it takes effect; then every changing one, after.
    async fn run(&mut self, verb: &str) {
        for (method, moment) in [
            (None, Moment::Before),
            (Some("POST"), Moment::After),
            (Some("PUT"), Moment::After),
            (Some("DELETE"), Moment::After),
        ] {
            let mut skip = 0;
            while self.strike(verb, method, moment, skip).await {
                skip += 1;
            }
        }
        check_house(&self.lab, &self.server).await;
        assert!(self.kills >= 4, "{verb} was killed only {} times", self.kills);
        println!("{verb}: killed {} times, converged each time", self.kills);
    }
}

/// A fault strikes the first changing call, and the process is killed while it finds out what happened.
async fn while_recovering(kind: &str, verb: &str) {
    let answer = |status, text: &str| Effect::AnswerAfter { status, text: text.into() };
    let faults = [
        Effect::DropAfter,
        Effect::DropBefore,
        answer(596, "Connection timed out"),
        Effect::Answer { status: 595, text: "No route to host".into() },
        Effect::Answer {
            status: 500,
            text: "can't lock file '/run/lock/lxc/pve-config-1.lock' - got timeout".into(),
        },
    ];
    let Some(mut campaign) = Campaign::begin(kind, DatabaseKind::Sqlite).await else { return };
    let method = if verb == "delete" { "DELETE" } else { "POST" };
    for fault in faults {
        // The first questions after the fault, each in turn.
        for skip in 0..3 {
            let fault = Rule::on_call(method, "^/nodes/", fault.clone());
            campaign.strike_after(verb, fault, skip).await;
        }
    }
    assert!(campaign.kills >= 10, "killed only {} times", campaign.kills);
    println!("{verb} under faults: killed {} times, converged each time", campaign.kills);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_finding_out_what_became_of_a_create() {
    while_recovering("lxc", "create").await;
    while_recovering("qemu", "create").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_finding_out_what_became_of_a_stop_or_delete() {
    while_recovering("lxc", "stop").await;
    while_recovering("lxc", "delete").await;
}

async fn campaign(kind: &str, database: DatabaseKind, verbs: &[&str]) {
    for verb in verbs {
        let Some(mut campaign) = Campaign::begin(kind, database).await else { return };
        campaign.run(verb).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_container_is_made() {
    campaign("lxc", DatabaseKind::Sqlite, &["create"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_container_is_made_on_postgres() {
    campaign("lxc", DatabaseKind::Postgres, &["create"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_machine_is_made() {
    campaign("qemu", DatabaseKind::Sqlite, &["create"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_container_is_started_or_stopped() {
    campaign("lxc", DatabaseKind::Sqlite, &["start", "stop", "shutdown", "reboot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_machine_is_started_or_stopped() {
    campaign("qemu", DatabaseKind::Sqlite, &["start", "stop", "shutdown", "reboot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_guests_are_given_another_size() {
    campaign("lxc", DatabaseKind::Sqlite, &["resize"]).await;
    campaign("qemu", DatabaseKind::Sqlite, &["resize"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_machine_is_held_in_memory_or_goes_on() {
    campaign("qemu", DatabaseKind::Sqlite, &["pause", "resume"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_guests_are_deleted() {
    campaign("lxc", DatabaseKind::Sqlite, &["delete"]).await;
    campaign("qemu", DatabaseKind::Sqlite, &["delete"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_containers_states_are_kept_and_gone_back_to() {
    campaign("lxc", DatabaseKind::Sqlite, &["snapshot", "rollback", "delete_snapshot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_machines_states_are_kept_and_gone_back_to() {
    campaign("qemu", DatabaseKind::Sqlite, &["snapshot", "rollback", "delete_snapshot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_guests_are_made_anew() {
    campaign("lxc", DatabaseKind::Sqlite, &["rebuild"]).await;
    campaign("qemu", DatabaseKind::Sqlite, &["rebuild"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_guests_are_copied_moved_and_given_other_settings() {
    campaign("lxc", DatabaseKind::Sqlite, &["duplicate", "migrate", "update"]).await;
    campaign("qemu", DatabaseKind::Sqlite, &["duplicate", "migrate", "update"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_guests_are_saved_and_brought_back() {
    campaign("lxc", DatabaseKind::Sqlite, &["backup", "restore"]).await;
    campaign("qemu", DatabaseKind::Sqlite, &["backup", "restore"]).await;
}
