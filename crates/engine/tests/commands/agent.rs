//! By the guest agent of a virtual machine.

use innkeeper_domain::commands::{By, Command, Unable};
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::users::Role;
use innkeeper_engine::{Error, NewCommand, NewPassword, Setup};
use pve_sim::{Effect, Rule};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::house::{House, by, code, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_runs_commands_by_its_agent() {
    let house = House::open().await;
    let id = house.create(house.machine, Setup::default()).await;
    let ways = house.engine.command_ways(&house.owner, id).await.unwrap();
    assert_eq!(ways.map(|way| (way.by, way.unable))[0], (By::Agent, None));
    assert_eq!(ways[2].unable, Some(Unable::NotAContainer));

    let new = NewCommand { input: b"given".to_vec(), ..script("cat; echo err >&2; exit 7") };
    let ran = house.run(id, new).await.unwrap();
    assert_eq!((ran.by, ran.exit_code, ran.signal), (By::Agent, Some(7), None));
    assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"given"[..], &b"err\n"[..]));

    let words = ["printf", "%s|", "a b", "$HOME", "';", ""].map(str::to_owned).to_vec();
    let ran =
        house.run(id, NewCommand { command: Command::Words(words.clone()), ..script("") }).await.unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "a b|$HOME|';||");

    let ran = house.run(id, script("head -c 3000000 /dev/zero | tr '\\0' x")).await.unwrap();
    assert_eq!((ran.stdout.len(), ran.stdout_truncated, ran.exit_code), (1 << 20, true, Some(0)));

    let ran = house.run(id, script("kill -TERM $$")).await.unwrap();
    // Some agents tell the signal, and some what a shell makes of it.
    assert!(ran.signal.as_deref() == Some("15") || ran.exit_code == Some(143), "{ran:?}");

    let slow = NewCommand { timeout_seconds: Some(1), ..script("sleep 1000") };
    let ran = house.run(id, slow).await.unwrap();
    assert!(ran.timed_out && ran.exit_code.is_none(), "{ran:?}");

    let told = house.log("command.run").await;
    let printf = told.iter().find(|entry| entry["program"] == "printf").unwrap();
    assert_eq!((&printf["exit_code"], &printf["by"]), (&0.into(), &"agent".into()));
    assert_eq!(printf["command_sha256"], hex::encode(Sha256::digest(words.join("\0").as_bytes())));
    assert_eq!(house.log("command.ask").await.len(), told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_agent_is_named_and_nothing_secret_is_logged() {
    let house = House::open().await;
    let id = house.create(house.machine, Setup { management_key: false, user_data: None }).await;
    let secret = NewCommand { input: b"tiger".to_vec(), ..script("echo hunter2; cat") };
    house.run(id, secret).await.unwrap();
    let log = house.whole_log().await;
    assert!(!log.contains("hunter2") && !log.contains("tiger"), "{log}");

    assert_eq!(house.code(id, by(By::Ssh, script("true"))).await, "key_declined");
    assert_eq!(house.code(id, by(By::Node, script("true"))).await, "not_a_container");
    let bytes = NewCommand { input: vec![0xff], ..script("cat") };
    assert_eq!(house.code(id, bytes).await, "agent_takes_text");
    let vmid = house.engine.instance(&house.owner, id).await.unwrap().vmid;
    let faults = house.sim.cluster("lodge").faults();
    let gone = Effect::Answer { status: 500, text: "QEMU guest agent is not running".into() };
    faults.add(Rule::on_call("POST", "agent/exec$", gone)).unwrap();
    assert_eq!(house.code(id, script("true")).await, "agent_not_running");
    // The answer after the end is given once; how many answers come before it depends on how fast all are.
    let lost = async {
        loop {
            faults.add(Rule::on_call("GET", "agent/exec-status", Effect::DropAfter)).unwrap();
            match house.run(id, script("true")).await {
                Err(Error::Conflict { code, .. }) => return code,
                ran => assert_eq!(ran.unwrap().exit_code, Some(0)),
            }
        }
    };
    let lost = tokio::time::timeout(std::time::Duration::from_secs(30), lost).await.unwrap();
    assert_eq!(lost, "outcome_unknown");
    faults.clear();
    house.sim.cluster("lodge").with(|world| {
        world.guest_mut(vmid).unwrap().config.remove("agent");
    });
    assert_eq!(house.code(id, script("true")).await, "agent_not_configured");
    // A number that has come to another: nothing is run there.
    house.sim.cluster("lodge").with(|world| {
        world.guest_mut(vmid).unwrap().config.insert("description".into(), "somebody else's".into());
    });
    assert_eq!(house.code(id, script("true")).await, "not_ours");
    let told = house.log("command.run").await;
    assert!(told[0]["problem"].is_string(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_use_the_project_run_commands_and_not_while_it_is_restricted() {
    let house = House::open().await;
    let id = house.create(house.machine, Setup::default()).await;
    let stranger =
        innkeeper_domain::access::Actor { memberships: Vec::new(), role: Role::User, ..house.owner.clone() };
    let hidden = house.engine.run_command(&stranger, id, script("true")).await;
    assert!(matches!(hidden, Err(Error::NotFound("instance"))), "{hidden:?}");
    for (bad, field) in [
        (NewCommand { timeout_seconds: Some(601), ..script("true") }, "timeout_seconds"),
        (NewCommand { timeout_seconds: Some(0), ..script("true") }, "timeout_seconds"),
        (NewCommand { user: Some("a;b".into()), ..script("true") }, "user"),
        (NewCommand { input: vec![b'x'; 65_537], ..script("true") }, "input"),
        (script(""), "command"),
    ] {
        let refused = house.run(id, bad).await;
        assert!(matches!(refused, Err(Error::Invalid { field: f, .. }) if f == field), "{refused:?}");
    }
    let busy: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let (engine, owner) = (house.engine.clone(), house.owner.clone());
                async move { engine.run_command(&owner, id, script("sleep 2")).await }
            })
        })
        .collect();
    let full = async {
        while house.log("command.ask").await.len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), full).await.unwrap();
    assert!(matches!(house.run(id, script("true")).await, Err(Error::TooMany(_))));
    for one in busy {
        assert_eq!(one.await.unwrap().unwrap().exit_code, Some(0));
    }
    house.run(id, script("true")).await.unwrap();

    let reason = "the invoice of May is open".parse().unwrap();
    let staff = innkeeper_domain::access::Actor::house();
    house.engine.suspend_user(&staff, house.user, reason, None).await.unwrap();
    let refused = house.run(id, script("true")).await;
    assert!(matches!(refused, Err(Error::Restricted(Restriction::Suspended))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_by_the_agent_shown_once_and_never_logged() {
    let house = House::open().await;
    let id = house.create(house.machine, Setup::default()).await;
    let vmid = house.engine.instance(&house.owner, id).await.unwrap().vmid;
    let inside = |user: &str| {
        house.sim.cluster("lodge").with(|world| world.password_inside(vmid, user).map(str::to_owned))
    };
    let new = |user: Option<&str>, password: Option<&str>| NewPassword {
        user: user.map(str::to_owned),
        password: password.map(|password| password.to_owned().into()),
        by: None,
    };
    let set = house.engine.set_instance_password(&house.owner, id, new(None, None)).await.unwrap();
    let chosen = set.generated.unwrap().expose_secret().to_owned();
    assert_eq!((set.user.as_str(), set.by), ("root", By::Agent));
    assert_eq!(inside("root"), Some(chosen.clone()));
    let given = new(Some("debian"), Some("correct: horse"));
    let set = house.engine.set_instance_password(&house.owner, id, given).await.unwrap();
    assert!(set.generated.is_none());
    assert_eq!(inside("debian").as_deref(), Some("correct: horse"));
    let log = house.whole_log().await;
    assert!(!log.contains(&chosen) && !log.contains("correct: horse"), "{log}");
    let nobody = house.engine.set_instance_password(&house.owner, id, new(Some("nobody"), None)).await;
    assert_eq!(code(nobody.unwrap_err()), "password_not_set");
    let bad = house.engine.set_instance_password(&house.owner, id, new(None, Some("a\nb:cdefgh"))).await;
    assert!(matches!(bad, Err(Error::Invalid { field: "password", .. })));
}
