//! Two hosts that are nothing but hardware addresses are woken, each by its own packet, and laid to rest again, each in the
//! way that it allows; an instance wakes its host first; a house that is killed on the way goes on; and whatever link of
//! the chain is cut is named.

use std::time::Duration;

use innkeeper_connectors::ping;
use innkeeper_domain::time::Clock;
use pve_sim::{Effect, Kind, Rule};
use reqwest::Method;
use serde_json::json;

use crate::support::guard::{BARN, Guard, SHED, answers, magic, needs, parts, profile, until};
use crate::support::machine::{Machine, Made, NODE, SSH_PORT, lay_cables};
use crate::support::network;
use crate::support::sshd::Sshd;

const EVERYBODY: &str = "ffffffffffff";

#[tokio::test(flavor = "multi_thread")]
async fn a_host_wakes_by_its_own_packet_and_sleeps_when_nothing_needs_it() {
    let name = "hosts_wake_and_sleep::a_host_wakes_by_its_own_packet_and_sleeps_when_nothing_needs_it";
    if !network::inside(name) {
        return;
    }
    lay_cables();
    let (barn, shed) = (Machine::plug_in(BARN), Machine::plug_in(Made { ssh: false, ..SHED }));
    barn.cluster().with(|world| {
        for vmid in [104, 105] {
            world.add_guest(NODE, Kind::Lxc, vmid, &[("hostname", "game"), ("onboot", "1")], true);
        }
    });
    let guard = Guard::open().await;
    let guests = json!({ "may_stop": [105, 104] });
    let path = guard.look_after(&barn, &profile(&BARN, &guests)).await;
    barn.pull_the_plug();
    shed.pull_the_plug();
    guard.stands(&path, "off").await;
    assert!(!barn.is_on() && !answers_ping(&BARN).await);

    // The wrong password wakes nobody, though both cards have heard it.
    guard.change(&path, json!({ "secrets": { "secure_on": "01:02:03:04:05:07" } })).await;
    guard.server.post(&format!("{path}/wake"), json!({ "reason": "game night" })).await;
    for machine in [&barn, &shed] {
        until("six frames are heard", || machine.heard().len() >= 6).await;
        for frame in machine.heard() {
            assert_eq!(parts(&frame), (EVERYBODY, magic(&BARN, "01:02:03:04:05:07").as_str()));
        }
    }
    let host = guard.server.get(&path).await;
    assert_eq!((&host["state"], barn.is_on()), (&json!("waking"), false), "{host:#}");
    assert!(!host.to_string().contains("01:02:03"), "what is secret is not shown");

    // The right one does: it is on, then answers, then serves, and each is seen.
    barn.hang(true);
    guard.change(&path, json!({ "secrets": { "secure_on": "01:02:03:04:05:06" } })).await;
    guard.stands(&path, "booting").await;
    let right = magic(&BARN, "01:02:03:04:05:06");
    assert!(barn.heard().iter().any(|frame| parts(frame) == (EVERYBODY, right.as_str())));
    let host = guard.until(&path, "ping answers", |host| answers(host, "ping") == Some(true)).await;
    assert_eq!([answers(&host, "tcp"), answers(&host, "api")], [Some(false); 2], "{host:#}");
    assert!(!shed.is_on(), "the other machine heard the same and slept on");
    barn.hang(false);
    let host = guard.stands(&path, "ready").await;
    for probe in ["ping", "tcp", "api"] {
        assert_eq!(answers(&host, probe), Some(true), "{probe}: {host:#}");
    }
    until("its guests run", || barn.runs(104) && barn.runs(105)).await;

    // The way down: the guests one after the other, then one command.
    barn.cluster().faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds).vmid(105)).unwrap();
    let sleepy = profile(&BARN, &json!({ "may_stop": [105, 104], "automatic": true }));
    guard.change(&path, json!({ "profile": sleepy })).await;
    let host = guard.stands(&path, "idle").await;
    assert!(!host["deadline"].is_null(), "{host:#}");
    guard.stands(&path, "draining").await;
    until("the first guest is asked to stop", || barn.tasks("vzshutdown") == 1).await;
    assert!(barn.runs(105) && barn.runs(104), "the second is not asked before the first has stopped");
    barn.linger(true);
    barn.cluster().faults().clear();
    guard.stands(&path, "shutting_down").await;
    until("the API is gone", || !barn.cluster().with(|world| world.has_power(NODE))).await;
    assert_eq!((barn.tasks("vzshutdown"), barn.told_by_api()), (2, 1));
    barn.linger(false);
    guard.stands(&path, "off").await;
    assert!(!barn.is_on() && !answers_ping(&BARN).await);
    let turns = ["off", "waking", "booting", "ready", "idle", "draining", "shutting_down", "off"];
    assert_eq!(guard.last_turns(&path, turns.len()).await, turns);
    assert_eq!(barn.told_by_api(), 1, "one command for one sleep");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_wakes_its_host_first_and_a_house_that_dies_on_the_way_goes_on() {
    let name =
        "hosts_wake_and_sleep::an_instance_wakes_its_host_first_and_a_house_that_dies_on_the_way_goes_on";
    if !network::inside(name) {
        return;
    }
    lay_cables();
    let barn = Machine::plug_in(BARN);
    barn.cluster().with(|world| world.add_guest(NODE, Kind::Lxc, 105, &[("hostname", "game")], true));
    let mut guard = Guard::open().await;
    let path = guard.look_after(&barn, &profile(&BARN, &json!({ "may_stop": [105] }))).await;
    let template = guard.template(&barn).await;
    let made = guard.server.create("mill", &template).await;
    assert_eq!(guard.server.settled(&made).await["state"], "succeeded");
    let mill = made["instance_id"].as_str().unwrap().to_owned();
    let stopped = guard.server.ask("stop", &mill).await;
    assert_eq!(guard.server.settled(&stopped).await["state"], "succeeded");

    barn.cluster().faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds)).unwrap();
    guard.lay_to_rest(&path).await;
    guard.stands(&path, "idle").await;
    guard.dies();
    guard.stands(&path, "draining").await;
    until("its guest is asked to stop", || barn.tasks("vzshutdown") == 1).await;
    guard.dies();
    barn.linger(true);
    barn.cluster().faults().clear();
    guard.stands(&path, "shutting_down").await;
    until("it is told to switch itself off", || barn.told_by_api() == 1).await;
    guard.dies();
    barn.linger(false);
    guard.stands(&path, "off").await;
    assert_eq!((barn.tasks("vzshutdown"), barn.told_by_api(), barn.is_on()), (1, 1, false));
    guard.dies();

    // It is woken for the instance; the packets are lost at first.
    barn.cut(true);
    let start = guard.server.ask("start", &mill).await;
    guard.stands(&path, "waking").await;
    guard.dies();
    let of_mill = format!("/instances/{mill}");
    let waits = |instance: &serde_json::Value| {
        instance["awaits"]["host_id"].as_str().is_some_and(|id| path.ends_with(id))
    };
    guard.until(&of_mill, "the instance says what it waits for", waits).await;
    barn.hang(true);
    barn.cut(false);
    guard.stands(&path, "booting").await;
    assert!(!barn.runs(made_number(&barn, &mill)));
    guard.dies();
    barn.hang(false);
    guard.stands(&path, "ready").await;
    guard.dies();
    let start = guard.server.settled(&start).await;
    assert_eq!(start["state"], "succeeded", "{start:#}");
    assert!(barn.runs(made_number(&barn, &mill)));
    guard
        .until(&of_mill, "it waits for nothing", |mill| mill["awaits"].is_null() && mill["problem"].is_null())
        .await;
    until("what was stopped for the sleep runs again", || barn.runs(105)).await;
    let turns = ["idle", "draining", "shutting_down", "off", "waking", "booting", "ready"];
    assert_eq!(guard.last_turns(&path, turns.len()).await, turns);

    // And while the instance runs, it does not sleep.
    let asked = guard.until(&path, "the instance is seen to need it", |host| needs(host, "instances")).await;
    assert_eq!(asked["state"], "ready", "{asked:#}");
    let (status, refused) = guard.server.request(Method::POST, &format!("{path}/sleep"), None).await;
    assert_eq!((status.as_u16(), &refused["code"]), (409, &json!("host_needed")), "{refused:#}");
    assert_eq!(barn.told_by_api(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_refuses_is_told_by_ssh_and_each_link_that_is_cut_is_named() {
    let name = "hosts_wake_and_sleep::a_host_that_refuses_is_told_by_ssh_and_each_link_that_is_cut_is_named";
    if !has_sshd() || !network::inside(name) {
        return;
    }
    lay_cables();
    let shed = Machine::plug_in(SHED);
    let guard = Guard::open().await;
    let key = shed.host_key();
    let key: Vec<&str> = key.split(' ').take(2).collect();
    let fallback = json!({ "user": Sshd::user(), "port": SSH_PORT, "host_key": key.join(" ") });
    let whole = profile(&SHED, &json!({ "port": SSH_PORT, "fallback": fallback }));
    let path = guard.look_after(&shed, &whole).await;
    let broken = async |links: &str| {
        let (well, said) = guard.cli(&["host", "check", "shed"]).await;
        assert!(!well && said.contains(&format!("is broken at: {links}\n")), "{links}: {said}");
        said
    };
    let said = broken("power_privilege, ssh").await;
    assert!(said.contains("Sys.PowerMgmt") && said.contains("innkeeper host key shed"), "{said}");
    let (_, line) = guard.cli(&["host", "key", "shed"]).await;
    shed.authorize(Some(line.trim()));
    broken("power_privilege").await;

    guard.lay_to_rest(&path).await;
    let down = guard.stands(&path, "off").await;
    assert_eq!((shed.told_by_api(), shed.told_by_ssh().as_str()), (1, "-h now\n"), "{down:#}");
    let refused = shed.cluster().stats().answers.get(&403).copied();
    assert!(refused.is_some() && !shed.is_on(), "the API has refused it: {refused:?}");
    let past = guard.server.get(&format!("{path}/history")).await.to_string();
    assert!(past.contains("told by SSH to switch itself off"), "{past}");

    // Silence of a host that sleeps is no link that is broken.
    let (well, said) = guard.cli(&["host", "check", "shed"]).await;
    assert!(well && said.contains("the host sleeps"), "{said}");
    let (well, said) = guard.cli(&["host", "wake", "shed", "--wait"]).await;
    assert!(well && said.contains("shed is waking") && said.contains("shed is ready"), "{said}");
    assert!(shed.heard().iter().all(|frame| parts(frame) == (EVERYBODY, magic(&SHED, "").as_str())));

    shed.cluster().with(|world| world.grant("/", "root@pam!inn", "Administrator"));
    let (well, said) = guard.cli(&["host", "check", "shed"]).await;
    assert!(well, "{said}");
    shed.sh("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
    broken("ping").await;
    shed.sh("echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
    shed.authorize(None);
    broken("ssh").await;
    shed.authorize(Some(line.trim()));
    shed.cluster().with(|world| world.set_proxy_stopped(NODE, true));
    broken("api").await;
    shed.cluster().with(|world| world.set_proxy_stopped(NODE, false));
    guard.stands(&path, "ready").await;
    for (change, link) in [
        (json!({ "port": 2223, "fallback": whole["fallback"] }), "tcp"),
        (json!({ "port": SSH_PORT, "fallback": whole["fallback"], "wake": { "by": "none" } }), "wake"),
    ] {
        guard.change(&path, json!({ "profile": profile(&SHED, &change) })).await;
        broken(link).await;
    }
}

/// The number of an instance's guest.
fn made_number(machine: &Machine, instance: &str) -> u32 {
    machine.cluster().with(|world| {
        let is_it = |guest: &&pve_sim::Guest| {
            guest.config.get("description").is_some_and(|description| description.contains(instance))
        };
        world.guests().find(is_it).unwrap().vmid
    })
}

async fn answers_ping(made: &Made) -> bool {
    ping::echo(&Clock::system(), made.address.into(), Duration::from_secs(1)).await.success
}

/// An `sshd` may be missing, and one that lets in who is root only in a namespace cannot become anybody.
fn has_sshd() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let root = Sshd::user() == "root" && map.split_whitespace().eq(["0", "0", "4294967295"]);
    let there = std::path::Path::new("/usr/sbin/sshd").exists();
    if !(root && there) {
        let say = "a real sshd in a network of its own takes root and openssh-server";
        assert!(std::env::var("CI").as_deref() != Ok("true") || !root, "{say}");
        println!("skipped: {say}");
    }
    root && there
}
