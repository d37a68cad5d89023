//! The engine against a simulated cluster, in one process: instances are made, changed and removed, and other
//! people's are invisible.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use innkeeper_domain::access::{Actor, Refusal};
use innkeeper_domain::clusters::Endpoint;
use innkeeper_domain::ids::{ProjectId, SessionId, UserId};
use innkeeper_domain::instances::{Act, Kind, State as InstanceState};
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::{State, StepState, Verb};
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Adjustment, ClusterChange, Engine, Error, Fittings, NewCluster, NewInstance, NewPriceList, Options,
    WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey};
use pve_sim::{Count, Effect, Profile, Rule};
use tokio_util::sync::CancellationToken;

mod house;

use house::{House, introduction};
use innkeeper_testing::SECRET;

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_live_their_whole_life() {
    live(House::open().await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_they_do_on_8_4() {
    live(House::open_on(Profile::V8_4).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_they_do_on_7_4() {
    // Before 8.1, a container cannot be asked for its addresses.
    live(House::open_on(Profile::V7_4).await, false).await;
}

async fn live(house: House, containers_tell: bool) {
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let made = house.create(name, template).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        let instance = house.engine.instance(&house.owner, made.instance_id).await.unwrap();
        assert_eq!(instance.state(), InstanceState::Running);
        assert_eq!(instance.address.is_some(), name == "box" || containers_tell);
        let config = house.sim.cluster("lodge").with(|w| w.guest(instance.vmid).unwrap().config.clone());
        assert_eq!(config["cores"], "2");
        assert_eq!(config["memory"], "512");
        assert!(config["description"].contains(&instance.id.to_string()));
        assert!(config["tags"].contains("innkeeper"));

        for (verb, state) in [
            (Verb::Shutdown, InstanceState::Stopped),
            (Verb::Start, InstanceState::Running),
            (Verb::Reboot, InstanceState::Running),
            (Verb::Stop, InstanceState::Stopped),
        ] {
            let done = house.change(&made, verb).await;
            assert_eq!(done.state, State::Succeeded, "{done:#?}");
            assert_eq!(house.state(&made).await, state, "after {verb}");
            let runs = house.sim.cluster("lodge").with(|w| w.guest(instance.vmid).unwrap().run.is_some());
            assert_eq!(runs, state == InstanceState::Running);
        }
        let gone = house.change(&made, Verb::Delete).await;
        assert_eq!(gone.state, State::Succeeded);
        assert_eq!(house.state(&made).await, InstanceState::Deleted);
        assert!(house.sim.cluster("lodge").with(|w| w.guest(instance.vmid).is_none()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_things_do_not_exist() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let elsewhere = vec![(ProjectId::new(), Membership::Owner)];
    let stranger = Actor::user(UserId::new(), Role::User, elsewhere, SessionId::new());
    let hidden = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound(_))), "{result:?}");
    hidden(house.engine.instance(&stranger, made.instance_id).await.map(drop));
    hidden(house.engine.operation(&stranger, made.id).await.map(drop));
    hidden(house.engine.change_instance(&stranger, made.instance_id, Verb::Delete, None).await.map(drop));
    assert_eq!(house.state(&made).await, InstanceState::Running);
    assert!(house.engine.clusters(&stranger).await.is_err());
    let viewer = Actor { memberships: vec![(house.project, Membership::Viewer)], ..stranger };
    assert!(house.engine.instance(&viewer, made.instance_id).await.is_ok());
    let refused = house.engine.change_instance(&viewer, made.instance_id, Verb::Stop, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(Refusal::Role))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cluster_of_the_same_name_is_refused() {
    let house = House::open().await;
    let again = house.engine.add_cluster(&Actor::house(), introduction(&house.sim), None).await;
    assert!(matches!(again, Err(Error::Conflict { code: "name_taken", .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_cluster_names_the_missing_privilege() {
    let house = House::open().await;
    house.sim.cluster("lodge").with(|world| {
        world.add_token("poor@pve", "inn", false, SECRET);
        world.grant("/", "poor@pve", "PVEVMUser");
    });
    let poor = NewCluster {
        name: "annex".parse().unwrap(),
        token_id: "poor@pve!inn".into(),
        ..introduction(&house.sim)
    };
    let test = house.engine.test_new_cluster(&Actor::house(), &poor).await.unwrap();
    assert!(!test.ok);
    let text =
        test.checks.iter().filter(|c| !c.ok).map(|c| c.message.as_str()).collect::<Vec<_>>().join("\n");
    assert!(text.contains("VM.Allocate") && text.contains("Datastore.AllocateSpace"), "{text}");
    let bridge = NewCluster { bridge: "vmbr9".into(), ..introduction(&house.sim) };
    let test = house.engine.test_new_cluster(&Actor::house(), &bridge).await.unwrap();
    let check = test.checks.iter().find(|c| !c.ok).unwrap();
    assert!(check.message.contains("no bridge vmbr9") && check.message.contains("vmbr0"), "{check:?}");
    let wrong = NewCluster { token_secret: "nonsense".to_owned().into(), ..introduction(&house.sim) };
    let test = house.engine.test_new_cluster(&Actor::house(), &wrong).await.unwrap();
    assert!(!test.ok && test.checks.len() == 1, "{test:?}");
    let mut moved = introduction(&house.sim);
    moved.endpoints.truncate(1);
    moved.endpoints[0].fingerprint = Some(vec!["AA"; 32].join(":"));
    let test = house.engine.test_new_cluster(&Actor::house(), &moved).await.unwrap();
    assert!(test.checks[0].message.contains("certificate"), "{test:?}");
    assert_eq!(house.cluster.health.as_str(), "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_cannot_be_reached_are_not_tried_without_a_pause() {
    let house = House::open().await;
    let dead = Effect::Answer { status: 595, text: "No route to host".into() };
    let rule = Rule::on_call("POST", "^/nodes/(oak|elm)/lxc$", dead).count(Count::Always);
    house.sim.cluster("lodge").faults().add(rule).unwrap();
    let new = NewInstance {
        project_id: None,
        name: "web".parse().unwrap(),
        template_id: house.container,
        size: WantedSize::Default,
        ssh_keys: Vec::new(),
        fittings: Fittings::default(),
    };
    let asked = house.engine.create_instance(&house.owner, new, None).await.unwrap();
    let patience = Duration::from_secs(3);
    let operation = house.engine.await_operation(&house.owner, asked.id, patience).await.unwrap();
    let tries = operation.steps.len();
    assert!((3..10).contains(&tries), "{tries} tries in {patience:?}");
    house.sim.cluster("lodge").faults().clear();
    assert_eq!(house.settled(asked.id).await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_taken_over_from_an_earlier_operation_is_shown_and_not_pestered() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    house.change(&made, Verb::Stop).await;
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_task("vzstart", Effect::TaskHolds)).unwrap();
    let asked =
        house.engine.change_instance(&house.owner, made.instance_id, Verb::Start, None).await.unwrap();
    let mut events = house.engine.watch(&house.owner, Some(0)).await.unwrap();
    // The start is under way as soon as its task is known.
    while house.engine.operation(&house.owner, asked.id).await.unwrap().steps.iter().all(|s| s.upid.is_none())
    {
        tokio::time::timeout(Duration::from_millis(100), events.next()).await.ok();
    }
    let looks = Rule::on_call("GET", "/tasks/.*/status$", Effect::Latency(0)).count(Count::Always);
    let looks = cluster.faults().add(looks).unwrap();
    let delete =
        house.engine.change_instance(&house.owner, made.instance_id, Verb::Delete, None).await.unwrap();
    let patience = Duration::from_secs(4);
    let operation = house.engine.await_operation(&house.owner, delete.id, patience).await.unwrap();
    let asked_about = cluster.faults().list().iter().find(|rule| rule.id == looks).unwrap().struck;
    assert!((1..60).contains(&asked_about), "{asked_about} questions in {patience:?}");
    assert_eq!(operation.steps.len(), 1, "what is waited for is shown: {operation:#?}");
    assert_eq!(operation.steps[0].act, Act::Start);
    let before = house.engine.operation(&house.owner, asked.id).await.unwrap();
    assert_eq!(before.state, State::Superseded);
    assert_eq!(before.steps[0].state, StepState::Cancelled, "{before:#?}");
    cluster.faults().clear();
    cluster.release_tasks();
    assert_eq!(house.settled(delete.id).await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_cannot_be_cancelled_is_followed_to_its_end() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds)).unwrap();
    let asked =
        house.engine.change_instance(&house.owner, made.instance_id, Verb::Shutdown, None).await.unwrap();
    let mut events = house.engine.watch(&house.owner, Some(0)).await.unwrap();
    while house.engine.operation(&house.owner, asked.id).await.unwrap().steps.iter().all(|s| s.upid.is_none())
    {
        tokio::time::timeout(Duration::from_millis(100), events.next()).await.ok();
    }
    let refused = Effect::Answer { status: 403, text: "Permission check failed".into() };
    let refusal =
        cluster.faults().add(Rule::on_call("DELETE", "/tasks/", refused).count(Count::Always)).unwrap();
    let stop = house.engine.change_instance(&house.owner, made.instance_id, Verb::Stop, None).await.unwrap();
    while cluster.faults().list().iter().any(|rule| rule.id == refusal && rule.struck == 0) {
        tokio::time::timeout(Duration::from_millis(100), events.next()).await.ok();
    }
    cluster.release_tasks();
    assert_eq!(house.settled(stop.id).await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_loop_dies_the_house_ends_instead_of_looking_well() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
    db.migrate().await.unwrap();
    let keys = KeyRing::new(SealKey::generate(), Vec::new());
    // No semaphore has that many places.
    let options = Options { workers: usize::MAX, ..Options::default() };
    let stop = CancellationToken::new();
    let ended = Engine::new(db, keys, Clock::system(), options).run(stop.clone()).await;
    assert!(matches!(ended, Err(Error::Internal(_))), "{ended:?}");
    assert!(stop.is_cancelled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_can_be_reached_another_way_but_not_become_another_one() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let lodge = house.sim.cluster("lodge");
    lodge.with(|world| {
        world.revoke_token("root@pam", "inn");
        world.add_token("root@pam", "new", false, SECRET);
    });
    let refused = house.change(&made, Verb::Stop).await;
    assert_eq!(refused.state, State::Failed, "{refused:#?}");

    let actor = Actor::house();
    let token = Some(("root@pam!new".to_owned(), SECRET.to_owned().into()));
    let change = ClusterChange { token: token.clone(), ..ClusterChange::default() };
    let cluster = house.engine.change_cluster(&actor, house.cluster.id, change).await.unwrap();
    assert_eq!(cluster.token_id, "root@pam!new");
    assert_eq!(house.change(&made, Verb::Stop).await.state, State::Succeeded);

    let elsewhere = house.sim.cluster("annex").endpoints().iter();
    let elsewhere = elsewhere
        .map(|e| Endpoint { url: e.url.clone(), fingerprint: Some(e.fingerprint.clone()) })
        .collect();
    let token = Some(("root@pam!inn".to_owned(), SECRET.to_owned().into()));
    let change = ClusterChange { endpoints: Some(elsewhere), token, open: None };
    let moved = house.engine.change_cluster(&actor, house.cluster.id, change).await;
    assert!(matches!(moved, Err(Error::Conflict { code: "another_cluster", .. })), "{moved:?}");
    assert_eq!(house.change(&made, Verb::Start).await.state, State::Succeeded, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_mark_was_rewritten_is_neither_removed_nor_called_gone() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let vmid = house.engine.instance(&house.owner, made.instance_id).await.unwrap().vmid;
    let describe = |text: &str| {
        let text = text.to_owned();
        house.sim.cluster("lodge").with(|world| {
            world.guest_mut(vmid).unwrap().config.insert("description".into(), text);
        });
    };
    let mark = innkeeper_domain::mark::description(made.instance_id);
    describe("the web server of the third floor");
    let refused = house.change(&made, Verb::Delete).await;
    assert_eq!(refused.state, State::Failed, "{refused:#?}");
    assert_eq!(refused.fault.as_ref().unwrap().code, "guest_doubtful");
    assert!(refused.fault.unwrap().message.contains(&mark));
    assert!(house.sim.cluster("lodge").with(|w| w.guest(vmid).unwrap().run.is_some()), "it was touched");

    describe(&format!("the web server of the third floor\n{mark}"));
    assert_eq!(house.change(&made, Verb::Delete).await.state, State::Succeeded);
    assert!(house.sim.cluster("lodge").with(|w| w.guest(vmid).is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_in_the_operators_guide_is_enough() {
    let guide = include_str!("../../../docs/operator.md");
    let (_, from) = guide.split_once("--privs \"").unwrap();
    let (listed, _) = from.split_once('"').unwrap();
    let privileges: Vec<&str> = listed.split_whitespace().filter(|word| *word != "\\").collect();
    assert!(privileges.len() > 10, "{privileges:?}");

    let house = House::open().await;
    let lodge = house.sim.cluster("lodge");
    let oak = lodge.endpoint("oak");
    let trust = pve::Trust::pin(oak.fingerprint.parse().unwrap());
    let endpoint = pve::Endpoint::new(&oak.url, trust).unwrap();
    let root = pve::Credentials::token("root@pam!inn", SECRET.to_owned()).unwrap();
    let root = pve::Client::builder(endpoint, root).build().unwrap();
    root.create_role(&pve::RoleId::new("Innkeeper").unwrap(), &privileges).await.unwrap();
    lodge.with(|world| {
        world.add_token("innkeeper@pve", "desk", false, SECRET);
        world.grant("/", "innkeeper@pve", "Innkeeper");
    });
    let token = Some(("innkeeper@pve!desk".to_owned(), SECRET.to_owned().into()));
    let change = ClusterChange { token, ..ClusterChange::default() };
    house.engine.change_cluster(&Actor::house(), house.cluster.id, change).await.unwrap();
    live(house, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_is_changed_while_it_runs_and_while_it_does_not() {
    let house = House::open().await;
    for (name, template) in [("web", house.container), ("vm", house.machine)] {
        let made = house.create(name, template).await;
        let resize = async |cores, memory_mib, disk_gib| {
            let size = Size { cores, memory_mib, disk_gib };
            let to = WantedSize::Custom(size);
            let asked = house.engine.resize_instance(&house.owner, made.instance_id, to, None).await;
            match asked {
                Ok(operation) => Ok(house.settled(operation.id).await),
                Err(error) => Err(error),
            }
        };
        let first = house.engine.instance(&house.owner, made.instance_id).await.unwrap();
        let bigger = resize(2, 2048, first.size.disk_gib + 4).await.unwrap();
        assert_eq!(bigger.state, State::Succeeded, "{:?}", bigger.fault);
        let acts: Vec<Act> = bigger.steps.iter().map(|step| step.act).collect();
        assert_eq!(acts, [Act::Configure, Act::Grow]);
        assert_eq!(house.state(&made).await, InstanceState::Running);
        // A machine has its new settings when it is restarted; a container has them now.
        let told = |name: &str| {
            house.sim.cluster("lodge").with(|w| {
                let guest = w.guest(first.vmid).unwrap();
                let later = guest.pending.get(name).cloned().flatten();
                (later.is_some(), later.unwrap_or_else(|| guest.config[name].clone()))
            })
        };
        assert_eq!(told("memory"), (first.kind == Kind::Qemu, "2048".to_owned()));
        assert_eq!(told("cores").1, "2");

        // A disk never shrinks, and what does not fit is refused before anything is asked of Proxmox.
        assert!(matches!(
            resize(1, 512, first.size.disk_gib).await,
            Err(Error::Invalid { field: "disk_gib", .. })
        ));
        assert!(matches!(resize(1, 4_000_000, 64).await, Err(Error::Invalid { .. } | Error::NoPlace(_))));

        house.change(&made, Verb::Stop).await;
        let back = resize(1, 512, first.size.disk_gib + 4).await.unwrap();
        assert_eq!(back.steps.iter().map(|step| step.act).collect::<Vec<_>>(), [Act::Configure]);
        assert_eq!(house.state(&made).await, InstanceState::Stopped);
        let now = house.engine.instance(&house.owner, made.instance_id).await.unwrap();
        assert_eq!((now.size.cores, now.size.memory_mib), (1, 512));
        assert_eq!(now.resize_from, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_cannot_be_had_is_not_claimed() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let before = house.engine.instance(&house.owner, made.instance_id).await.unwrap().size;
    // Its disk does not grow: the storage says no.
    let effect = Effect::Answer { status: 500, text: "unable to resize: no space left on device".into() };
    let rule = Rule::on_call("PUT", "/resize$", effect).count(Count::Always);
    house.sim.cluster("lodge").faults().add(rule).unwrap();
    let to = WantedSize::Custom(Size { cores: 2, memory_mib: 1024, disk_gib: before.disk_gib + 8 });
    let asked = house.engine.resize_instance(&house.owner, made.instance_id, to, None).await.unwrap();
    let ended = house.settled(asked.id).await;
    assert_eq!(ended.state, State::Failed);
    // What was set stays and is said; what was not is not claimed.
    let after = house.engine.instance(&house.owner, made.instance_id).await.unwrap();
    assert_eq!((after.size.cores, after.size.memory_mib, after.size.disk_gib), (2, 1024, before.disk_gib));
    assert_eq!(house.state(&made).await, InstanceState::Running);
}

/// A core costs one credit an hour, whether it runs or not; memory and disk are free.
async fn priced(house: &House, credits: i64) {
    let core = UnitPrices { core_micros: Micros(1_000_000), ..UnitPrices::default() };
    let prices = NewPriceList { running: core, stopped: Some(core) };
    house.engine.create_price_list(&Actor::house(), prices, None).await.unwrap();
    let gift = Adjustment { amount: Micros(credits * 1_000_000), correction: false, reason: "a test".into() };
    house.engine.post_adjustment(&Actor::house(), house.project, gift, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_is_paid_from_when_it_is_had_and_until_it_is_given_back() {
    let house = House::open().await;
    priced(&house, 5).await;
    let made = house.create("web", house.container).await;
    let disk = house.engine.instance(&house.owner, made.instance_id).await.unwrap().size.disk_gib;
    let held = async || house.engine.balance(&house.owner, house.project).await.unwrap().held.0 / 1_000_000;
    let rates = async || {
        let found = house.engine.usage(&house.owner, house.project, Some(made.instance_id), None, 10);
        let found = found.await.unwrap();
        found.iter().rev().map(|segment| segment.rate.0 / 1_000_000).collect::<Vec<_>>()
    };
    let ask = async |cores, disk_gib| {
        let to = WantedSize::Custom(Size { cores, memory_mib: 512, disk_gib });
        house.engine.resize_instance(&house.owner, made.instance_id, to, None).await
    };
    assert_eq!((held().await, rates().await), (2, vec![2]));
    let done = house.settled(ask(3, disk).await.unwrap().id).await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!((held().await, rates().await), (3, vec![2, 3]));

    // What cannot be paid is not asked of Proxmox.
    assert!(matches!(ask(8, disk).await, Err(Error::InsufficientCredits { .. })));
    assert_eq!((held().await, rates().await), (3, vec![2, 3]));

    // What was not had is not paid, and what was held for it is given back.
    let refused = Effect::Answer { status: 500, text: "unable to write the configuration".into() };
    let cluster = house.sim.cluster("lodge");
    let rule = Rule::on_call("PUT", "/config$", refused).count(Count::Always);
    let fault = cluster.faults().add(rule).unwrap();
    let asked = ask(4, disk).await.unwrap();
    assert_eq!(house.settled(asked.id).await.state, State::Failed);
    assert_eq!((held().await, rates().await), (3, vec![2, 3]));
    cluster.faults().remove(fault);

    // And back: there is no way round paying for the time in between.
    let done = house.settled(ask(2, disk).await.unwrap().id).await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!((held().await, rates().await), (2, vec![2, 3, 2]));
    house.change(&made, Verb::Delete).await;
    let end = house.engine.balance(&house.owner, house.project).await.unwrap();
    assert_eq!(end.held, Micros::ZERO);
    let audit = house.engine.audit_ledger(&Actor::house()).await.unwrap();
    assert_eq!((audit.sum, audit.unbalanced, audit.drifted, audit.misheld), (0, 0, 0, 0));
}
