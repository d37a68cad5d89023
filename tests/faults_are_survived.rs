//! Every fault that Proxmox is known for strikes every operation. Each ends: with success where the fault passes, else
//! with a reason; and what the house says is what Proxmox has.

use pve_sim::{Count, Effect, Latency, Rule};
use serde_json::Value;

use crate::support::{DatabaseKind, Lab, Server, TestDatabase, check_house};

const SETTINGS: &[(&str, &str)] = &[
    ("ENGINE__SETTLE_MS", "300"),
    ("ENGINE__SWEEP_EVERY_MS", "200"),
    // So that a call that hangs is given up soon.
    ("ENGINE__CALL_TIMEOUT_MS", "800"),
];

/// What must come of an operation that a fault strikes once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Succeeds,
    /// It may fail, if it says why and leaves nothing behind.
    Ends,
}

fn answer(status: u16) -> Effect {
    Effect::Answer { status, text: "Connection timed out".into() }
}

fn answer_after(status: u16) -> Effect {
    Effect::AnswerAfter { status, text: "Connection timed out".into() }
}

/// Faults of changing calls, each with what must come of it.
fn on_calls() -> Vec<(&'static str, Effect, Outcome)> {
    vec![
        ("the answer is lost after the effect", Effect::DropAfter, Outcome::Succeeds),
        ("the call is lost before the effect", Effect::DropBefore, Outcome::Succeeds),
        ("no answer ever comes, before the effect", Effect::Hang, Outcome::Succeeds),
        ("no answer ever comes, after the effect", Effect::HangAfter, Outcome::Succeeds),
        ("595 before the effect", answer(595), Outcome::Succeeds),
        ("596 before the effect", answer(596), Outcome::Succeeds),
        ("596 after the effect", answer_after(596), Outcome::Succeeds),
        ("599 after the effect", answer_after(599), Outcome::Succeeds),
        ("the config lock is not free", lock_timeout(), Outcome::Succeeds),
    ]
}

fn lock_timeout() -> Effect {
    let text = "can't lock file '/run/lock/lxc/pve-config-1.lock' - got timeout";
    Effect::Answer { status: 500, text: text.into() }
}

/// Faults of tasks.
fn on_tasks() -> Vec<(&'static str, Effect, Outcome)> {
    vec![
        ("the task fails", Effect::TaskFails("something broke".into()), Outcome::Ends),
        ("the task fails after its work", Effect::TaskFailsAfter("something broke".into()), Outcome::Ends),
        ("the task ends with warnings", Effect::TaskWarns("nothing serious".into()), Outcome::Succeeds),
        ("the task waits for its lock in vain", Effect::LockTimeout, Outcome::Succeeds),
        ("the storage is full", Effect::StorageFull, Outcome::Ends),
    ]
}

struct Story {
    lab: Lab,
    server: Server,
    kind: &'static str,
    template: String,
    count: u32,
}

impl Story {
    async fn begin(kind: &'static str) -> Self {
        let lab = Lab::start(1, 2, Latency::Zero).await;
        lab.add_stranger("c1", 10_002);
        let server = Server::start(TestDatabase::make(DatabaseKind::Sqlite).await.unwrap(), SETTINGS).await;
        let (container, machine) = server.furnish(&lab).await;
        let template = if kind == "lxc" { container } else { machine };
        Self { lab, server, kind, template, count: 0 }
    }

    async fn create(&mut self) -> Value {
        self.count += 1;
        self.server.create(&format!("guest-{}", self.count), &self.template).await
    }

    /// Runs the verb with the rules in force and answers its operation.
    async fn under(&mut self, verb: &str, rules: &[Rule]) -> Value {
        let mut instance = None;
        if verb != "create" {
            let asked = self.create().await;
            let made = self.server.settled(&asked).await;
            assert_eq!(made["state"], "succeeded", "{made:#}");
            let id = made["instance_id"].as_str().unwrap().to_owned();
            self.server.prepare(verb, &id).await;
            instance = Some(id);
        }
        let faults = self.lab.sim.cluster("c1").faults();
        for rule in rules {
            faults.add(rule.clone()).unwrap();
        }
        let asked = match &instance {
            Some(id) => self.server.ask(verb, id).await,
            None => self.create().await,
        };
        let ended = self.server.settled(&asked).await;
        let struck = self.lab.sim.cluster("c1").faults().list().iter().any(|rule| rule.struck > 0);
        assert!(struck, "{verb}: the fault never struck");
        self.lab.sim.cluster("c1").faults().clear();
        ended
    }

    /// So that the next story is alone.
    async fn clean_up(&self) {
        for instance in self.server.get("/instances").await["items"].as_array().unwrap() {
            let gone = self.server.ask("delete", instance["id"].as_str().unwrap()).await;
            assert_eq!(self.server.settled(&gone).await["state"], "succeeded");
        }
    }

    async fn run(&mut self, verbs: &[&str]) {
        for verb in verbs {
            for (method, skip) in self.calls(verb) {
                for (name, effect, outcome) in on_calls() {
                    let rule = Rule::on_call(method, "^/nodes/.*(lxc|qemu|vzdump)", effect).skip(skip);
                    self.tell(verb, &format!("{name} ({method} {skip})"), outcome, &[rule]).await;
                }
            }
            // A container has its settings at once.
            if (*verb, self.kind) == ("update", "lxc") {
                continue;
            }
            for (name, effect, outcome) in on_tasks() {
                let mut rule = Rule::on_task("", effect);
                rule.matcher.task = None;
                self.tell(verb, name, outcome, &[rule]).await;
            }
        }
    }

    /// The changing calls of a verb that matter: in most cases the first.
    fn calls(&self, verb: &str) -> Vec<(&'static str, u32)> {
        match (verb, self.kind) {
            ("create", _) => vec![("POST", 0), ("POST", 1), ("PUT", 0)],
            ("delete", _) => vec![("POST", 0), ("DELETE", 0)],
            ("rebuild", _) => vec![("POST", 0), ("DELETE", 0), ("POST", 1)],
            ("duplicate", "qemu") => vec![("POST", 0), ("POST", 1)],
            ("resize", "lxc") => vec![("PUT", 0), ("PUT", 1)],
            ("resize", _) => vec![("POST", 0), ("PUT", 0)],
            ("update", "lxc") => vec![("PUT", 0)],
            ("delete_snapshot", _) => vec![("DELETE", 0)],
            _ => vec![("POST", 0)],
        }
    }

    async fn tell(&mut self, verb: &str, name: &str, outcome: Outcome, rules: &[Rule]) {
        let ended = self.under(verb, rules).await;
        match (outcome, ended["state"].as_str().unwrap()) {
            (_, "succeeded") => {}
            (Outcome::Ends, "failed") => {
                let message = ended["error"]["message"].as_str().unwrap_or_default();
                assert!(!message.is_empty(), "{verb}, {name}: no reason is given");
            }
            (_, state) => panic!("{verb}, {name}: {state}: {ended:#}"),
        }
        check_house(&self.lab, &self.server).await;
        self.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_containers_being_made() {
    Story::begin("lxc").await.run(&["create"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_machines_being_made() {
    Story::begin("qemu").await.run(&["create"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_containers_being_switched_and_deleted() {
    Story::begin("lxc").await.run(&["start", "stop", "shutdown", "reboot", "delete"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_machines_being_switched_and_deleted() {
    Story::begin("qemu").await.run(&["start", "stop", "shutdown", "reboot", "delete"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_containers_being_changed() {
    Story::begin("lxc").await.run(&["update", "resize", "migrate"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_machines_being_changed() {
    Story::begin("qemu").await.run(&["update", "resize", "migrate", "pause", "resume"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_states_of_containers_being_kept_and_gone_back_to() {
    Story::begin("lxc").await.run(&["snapshot", "rollback", "delete_snapshot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_states_of_machines_being_kept_and_gone_back_to() {
    Story::begin("qemu").await.run(&["snapshot", "rollback", "delete_snapshot"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_containers_being_saved_brought_back_and_copied() {
    Story::begin("lxc").await.run(&["backup", "restore", "duplicate"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_machines_being_saved_brought_back_and_copied() {
    Story::begin("qemu").await.run(&["backup", "restore", "duplicate"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_guests_being_made_anew() {
    Story::begin("lxc").await.run(&["rebuild"]).await;
    Story::begin("qemu").await.run(&["rebuild"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_number_is_taken_by_somebody_else_the_next_one_is_used() {
    for kind in ["lxc", "qemu"] {
        let mut story = Story::begin(kind).await;
        let path = if kind == "lxc" { "/lxc$" } else { "/clone$" };
        let rule = Rule::on_call("POST", path, Effect::ForeignGuest).count(Count::Times(2));
        let ended = story.under("create", &[rule]).await;
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
        let creates =
            ended["steps"].as_array().unwrap().iter().filter(|step| step["act"] == "create").count();
        assert_eq!(creates, 3, "two numbers were taken: {ended:#}");
        // The guests that appeared are still there, untouched.
        let strangers =
            story.lab.guests("c1").into_iter().filter(|g| !g.description.contains("ins_")).count();
        assert_eq!(strangers, 3);
    }
}

/// What Proxmox says when the guest is no longer what it was when we looked. Each time we look again, and go on.
fn overtaken() -> Vec<(&'static str, &'static str, Rule)> {
    let says = |method: &str, path: &str, text: &str| {
        Rule::on_call(method, path, Effect::Answer { status: 500, text: text.into() })
    };
    let done_and_says = |method: &str, path: &str, text: &str| {
        Rule::on_call(method, path, Effect::AnswerAfter { status: 500, text: text.into() })
    };
    let fails = |task: &str, text: &str| Rule::on_task(task, Effect::TaskFails(text.into()));
    let done_and_fails = |task: &str, text: &str| Rule::on_task(task, Effect::TaskFailsAfter(text.into()));
    let changed = "detected modified configuration - file changed by other user? Try again.";
    let missing = "snapshot 'kept' does not exist";
    vec![
        ("lxc", "start", done_and_says("POST", "/start$", "CT 10000 already running")),
        ("qemu", "start", done_and_fails("qmstart", "VM 10000 already running")),
        ("lxc", "start", fails("vzstart", "CT is locked (backup)")),
        ("qemu", "start", fails("qmstart", "VM is locked (backup)")),
        ("lxc", "stop", done_and_says("POST", "/stop$", "CT 10000 not running")),
        ("lxc", "stop", fails("vzstop", "CT is locked (snapshot)")),
        ("qemu", "stop", fails("qmstop", "VM is locked (snapshot)")),
        ("lxc", "shutdown", done_and_says("POST", "/shutdown$", "CT 10000 not running")),
        ("qemu", "shutdown", fails("qmshutdown", "VM quit/powerdown failed - got timeout")),
        ("lxc", "reboot", says("POST", "/reboot$", "VM 10000 not running")),
        ("qemu", "reboot", says("POST", "/reboot$", "VM 10000 not running")),
        ("lxc", "update", says("PUT", "/config$", changed)),
        ("lxc", "update", says("PUT", "/config$", "CT is locked (backup)")),
        ("qemu", "update", says("POST", "/config$", "checksum mismatch (file change by other user?)")),
        ("qemu", "update", says("POST", "/config$", "VM is locked (backup)")),
        ("lxc", "resize", done_and_says("PUT", "/resize$", "disk is already at specified size")),
        ("qemu", "resize", done_and_fails("resize", "disk is already at specified size")),
        ("lxc", "delete_snapshot", done_and_fails("vzdelsnapshot", missing)),
        ("qemu", "delete_snapshot", done_and_fails("qmdelsnapshot", missing)),
        ("lxc", "delete", says("DELETE", "/lxc/", "unable to destroy CT 10000 - container is running")),
        ("qemu", "delete", says("DELETE", "/qemu/", "VM 10000 is running - destroy failed")),
        ("lxc", "delete", says("DELETE", "/lxc/", "CT is locked (backup)")),
        ("qemu", "delete", fails("qmdestroy", "VM is locked (backup)")),
        ("qemu", "delete", says("DELETE", "/qemu/", "can't remove VM 10000 - protection mode enabled")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn when_somebody_was_faster_in_proxmox_we_look_again() {
    let mut failed = Vec::new();
    for kind in ["lxc", "qemu"] {
        let mut story = Story::begin(kind).await;
        for (_, verb, rule) in overtaken().into_iter().filter(|(of, ..)| *of == kind) {
            let ended = story.under(verb, std::slice::from_ref(&rule)).await;
            if ended["state"] != "succeeded" {
                failed.push(format!("{kind}, {verb}, {:?}: {}", rule.effect, ended["error"]));
            }
            check_house(&story.lab, &story.server).await;
            story.clean_up().await;
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_chosen_node_is_dead_another_one_is_used() {
    let mut story = Story::begin("lxc").await;
    let asked = story.create().await;
    let first = story.server.settled(&asked).await;
    let shown = story.server.get(&format!("/instances/{}", first["instance_id"].as_str().unwrap())).await;
    // Placement prefers the emptier node, which is now the other one; the house does not know yet that it is dead.
    let other = if shown["placement"]["node"] == "n1" { "n2" } else { "n1" };
    let cluster = story.lab.sim.cluster("c1");
    cluster.with(|world| world.kill_node(other));
    let asked = story.create().await;
    let ended = story.server.settled(&asked).await;
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    let shown = story.server.get(&format!("/instances/{}", ended["instance_id"].as_str().unwrap())).await;
    assert_ne!(shown["placement"]["node"], other);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_while_a_node_or_the_quorum_is_away_happens_when_it_is_back() {
    let mut story = Story::begin("lxc").await;
    let asked = story.create().await;
    let made = story.server.settled(&asked).await;
    let id = made["instance_id"].as_str().unwrap().to_owned();
    let shown = story.server.get(&format!("/instances/{id}")).await;
    let node = shown["placement"]["node"].as_str().unwrap().to_owned();

    story.lab.sim.cluster("c1").with(|world| world.set_quorum(false));
    let stop = story.server.ask("stop", &id).await;
    story.fails_for_now(&stop).await;
    story.lab.sim.cluster("c1").with(|world| world.set_quorum(true));
    assert_eq!(story.server.settled(&stop).await["state"], "succeeded");

    // Through the other node, the dead one answers 595.
    story.lab.sim.cluster("c1").with(|world| world.kill_node(&node));
    let delete = story.server.ask("delete", &id).await;
    story.fails_for_now(&delete).await;
    story.lab.sim.cluster("c1").with(|world| world.power_on(&node));
    assert_eq!(story.server.settled(&delete).await["state"], "succeeded");
    check_house(&story.lab, &story.server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_told_and_nothing_is_lost() {
    let mut story = Story::begin("lxc").await;
    let asked = story.create().await;
    let made = story.server.settled(&asked).await;
    let id = made["instance_id"].as_str().unwrap().to_owned();
    let rule = Rule::on_call("GET", "^/nodes/", Effect::Unauthorized).count(Count::Always);
    story.lab.sim.cluster("c1").faults().add(rule).unwrap();
    let stop = story.server.ask("stop", &id).await;
    let ended = story.server.settled(&stop).await;
    assert_eq!(ended["state"], "failed");
    assert_eq!(ended["error"]["code"], "cluster_refuses_token", "{ended:#}");
    story.lab.sim.cluster("c1").faults().clear();
    let again = story.server.ask("stop", &id).await;
    assert_eq!(story.server.settled(&again).await["state"], "succeeded");
    check_house(&story.lab, &story.server).await;
}

impl Story {
    /// Waits until the operation has met its obstacle: it is neither done nor given up.
    async fn fails_for_now(&self, operation: &Value) {
        let id = operation["instance_id"].as_str().unwrap();
        loop {
            let shown = self.server.get(&format!("/instances/{id}")).await;
            if shown["problem"].is_string() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let now = self.server.get(&format!("/operations/{}", operation["id"].as_str().unwrap())).await;
        assert!(["pending", "running"].contains(&now["state"].as_str().unwrap()), "{now:#}");
    }
}
