//! What is done to instances in their life besides starting and stopping: other names, snapshots, being made anew, being
//! copied, the trash. For containers and machines alike, against a simulated cluster.
#![allow(clippy::unwrap_used, missing_docs)]

mod house;

use std::collections::BTreeSet;
use std::time::Duration;

use house::House;
use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{InstanceId, SessionId};
use innkeeper_domain::instances::{Act, Kind, State as InstanceState};
use innkeeper_domain::mark;
use innkeeper_domain::operations::{Operation, State, StepState, Verb};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::shares::Right;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Bulk, DiskChange, DiskWanted, Duplicate, Error, Idempotency, InstanceFilter, InstanceUpdate, NewIso,
    NewSnapshot, Rebuild,
};
use pve_sim::{Effect, Profile, Rule};

/// Both kinds, each made and running.
async fn both(house: &House) -> Vec<(Kind, Operation)> {
    let mut made = Vec::new();
    for (kind, name, template) in [(Kind::Lxc, "web", house.container), (Kind::Qemu, "box", house.machine)] {
        let operation = house.create(name, template).await;
        assert_eq!(operation.state, State::Succeeded, "{operation:#?}");
        made.push((kind, operation));
    }
    made
}

fn snapshot(name: &str) -> NewSnapshot {
    NewSnapshot { name: Some(name.parse().unwrap()), description: "before the upgrade".into(), memory: false }
}

impl House {
    async fn vmid(&self, of: &Operation) -> u32 {
        self.engine.instance(&self.owner, of.instance_id).await.unwrap().vmid
    }

    fn config(&self, vmid: u32, key: &str) -> Option<String> {
        self.sim.cluster("lodge").with(|w| w.guest(vmid).and_then(|guest| guest.config.get(key).cloned()))
    }

    fn runs(&self, vmid: u32) -> bool {
        self.sim.cluster("lodge").with(|w| w.guest(vmid).unwrap().run.is_some())
    }

    async fn done(&self, asked: Result<Operation, Error>) -> Operation {
        let operation = self.settled(asked.unwrap().id).await;
        assert_eq!(operation.state, State::Succeeded, "{operation:#?}");
        operation
    }

    async fn names(&self, of: &Operation) -> Vec<String> {
        let (found, seen_at) = self.engine.snapshots(&self.owner, of.instance_id, false).await.unwrap();
        assert!(seen_at.is_some(), "never looked");
        found.into_iter().map(|snapshot| snapshot.name.to_string()).collect()
    }
}

fn code(result: Result<Operation, Error>) -> String {
    match result {
        Err(Error::Conflict { code, .. }) => code.to_string(),
        Err(Error::Invalid { field, .. }) => field.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_and_tags_are_what_the_configuration_says() {
    let house = House::open().await;
    for (kind, made) in both(&house).await {
        let (id, vmid) = (made.instance_id, house.vmid(&made).await);
        let tags = |words: &[&str]| Some(words.iter().map(|word| word.parse().unwrap()).collect());
        let update = InstanceUpdate {
            name: Some(format!("{kind}-renamed").parse().unwrap()),
            tags: tags(&["prod", "web"]),
            onboot: Some(true),
            ..InstanceUpdate::default()
        };
        house.done(house.engine.update_instance(&house.owner, id, update, None).await).await;
        let name = if kind == Kind::Lxc { "hostname" } else { "name" };
        assert_eq!(house.config(vmid, name).unwrap(), format!("{kind}-renamed"));
        assert_eq!(house.config(vmid, "tags").unwrap(), "innkeeper;prod;web");
        assert_eq!(house.config(vmid, "onboot").unwrap(), "1");
        assert!(house.runs(vmid), "changing a name stops nothing");

        // A tag that an operator put there stays; one that was ours goes.
        house.sim.cluster("lodge").with(|w| {
            w.guest_mut(vmid).unwrap().config.insert("tags".into(), "innkeeper;prod;theirs;web".into());
        });
        let update = InstanceUpdate { tags: tags(&["web"]), ..InstanceUpdate::default() };
        house.done(house.engine.update_instance(&house.owner, id, update, None).await).await;
        assert_eq!(house.config(vmid, "tags").unwrap(), "innkeeper;theirs;web");
    }
    let taken = InstanceUpdate { name: Some("qemu-renamed".parse().unwrap()), ..InstanceUpdate::default() };
    let first = house
        .engine
        .instances(&house.owner, &InstanceFilter::default(), None, 10)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(code(house.engine.update_instance(&house.owner, first.id, taken, None).await), "name_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_kept_gone_back_to_and_removed() {
    let house = House::open().await;
    snapshots(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_it_is_on_8_4() {
    let house = House::open_on(Profile::V8_4).await;
    snapshots(&house).await;
}

async fn snapshots(house: &House) {
    for (kind, made) in both(house).await {
        let (id, vmid) = (made.instance_id, house.vmid(&made).await);
        let engine = &house.engine;
        let done = house.done(engine.create_snapshot(&house.owner, id, snapshot("first"), None).await).await;
        assert_eq!(done.steps.iter().map(|step| step.act).collect::<Vec<_>>(), [Act::Snapshot]);
        assert_eq!(house.names(&made).await, ["first"]);
        assert_eq!(
            code(engine.create_snapshot(&house.owner, id, snapshot("first"), None).await),
            "name_taken"
        );
        let memory = NewSnapshot { memory: true, ..snapshot("awake") };
        let asked = engine.create_snapshot(&house.owner, id, memory, None).await;
        if kind == Kind::Lxc {
            assert_eq!(code(asked), "memory");
        } else {
            house.done(asked).await;
            house.done(engine.delete_snapshot(&house.owner, id, "awake".parse().unwrap(), None).await).await;
        }

        // What came after is undone, but for what is paid for.
        let update =
            InstanceUpdate { name: Some(format!("{kind}-later").parse().unwrap()), ..Default::default() };
        house.done(engine.update_instance(&house.owner, id, update, None).await).await;
        let back = engine.roll_back(&house.owner, id, "first".parse().unwrap(), None).await;
        let back = house.done(back).await;
        assert!(back.steps.iter().any(|step| step.act == Act::Rollback && step.state == StepState::Done));
        assert!(house.runs(vmid), "it ran before, and runs again");
        let name = if kind == Kind::Lxc { "hostname" } else { "name" };
        assert_eq!(house.config(vmid, name).unwrap(), format!("{kind}-later"), "as it is wanted now");
        assert_eq!(house.state(&made).await, InstanceState::Running);

        house.done(engine.delete_snapshot(&house.owner, id, "first".parse().unwrap(), None).await).await;
        assert!(house.names(&made).await.is_empty());
        let gone = engine.roll_back(&house.owner, id, "first".parse().unwrap(), None).await;
        assert!(matches!(gone, Err(Error::NotFound("snapshot"))), "{gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_whose_answer_is_lost_is_made_once() {
    let house = House::open().await;
    for (_, made) in both(&house).await {
        let cluster = house.sim.cluster("lodge");
        cluster.faults().add(Rule::on_call("POST", "/snapshot$", Effect::DropAfter)).unwrap();
        let asked = house.engine.create_snapshot(&house.owner, made.instance_id, snapshot("one"), None).await;
        let done = house.done(asked).await;
        assert_eq!(done.steps.len(), 1, "{done:#?}");
        assert_eq!(house.names(&made).await, ["one"]);
        cluster.faults().add(Rule::on_call("POST", "/rollback$", Effect::DropAfter)).unwrap();
        let back = house.engine.roll_back(&house.owner, made.instance_id, "one".parse().unwrap(), None).await;
        let done = house.done(back).await;
        assert_eq!(done.steps.iter().filter(|step| step.act == Act::Rollback).count(), 1, "{done:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_says_why_and_changes_nothing() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let (id, engine) = (made.instance_id, &house.engine);
    let cluster = house.sim.cluster("lodge");
    let lvm = "snapshot feature is not available";
    cluster.faults().add(Rule::on_task("vzsnapshot", Effect::TaskFails(lvm.into()))).unwrap();
    let asked = engine.create_snapshot(&house.owner, id, snapshot("one"), None).await.unwrap();
    let failed = house.settled(asked.id).await;
    assert_eq!(failed.state, State::Failed);
    assert!(failed.fault.unwrap().message.contains(lvm));
    assert_eq!(house.state(&made).await, InstanceState::Running);
    house.done(engine.create_snapshot(&house.owner, id, snapshot("one"), None).await).await;
    // It goes in Proxmox, and nobody tells us.
    let vmid = house.vmid(&made).await;
    cluster.with(|w| w.guest_mut(vmid).unwrap().snapshots.clear());
    let asked = engine.roll_back(&house.owner, id, "one".parse().unwrap(), None).await.unwrap();
    assert_eq!(house.settled(asked.id).await.fault.unwrap().code, "snapshot_missing");
    let (left, _) = engine.snapshots(&house.owner, id, true).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_made_anew_with_all_that_is_its_own() {
    let house = House::open().await;
    for (kind, made) in both(&house).await {
        let (id, vmid) = (made.instance_id, house.vmid(&made).await);
        let engine = &house.engine;
        let before = engine.instance(&house.owner, id).await.unwrap();
        house.done(engine.create_snapshot(&house.owner, id, snapshot("gone"), None).await).await;
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEPXk0qNiP2jIHWB2Y1hhL+L3u6qvQ7Jz0kP2pG7Y5Cw ada"
            .parse()
            .unwrap();
        let rebuild = Rebuild { ssh_keys: Some(vec![key]), ..Rebuild::default() };
        let done = house.done(engine.rebuild_instance(&house.owner, id, rebuild, None).await).await;
        let acts: Vec<Act> = done.steps.iter().map(|step| step.act).collect();
        assert_eq!(acts[..3], [Act::Stop, Act::Delete, Act::Create], "{done:#?}");
        let after = engine.instance(&house.owner, id).await.unwrap();
        assert_eq!((after.vmid, after.size, after.rate), (vmid, before.size, before.rate));
        assert_eq!(after.state(), InstanceState::Running);
        assert_eq!(after.ssh_keys.len(), 1);
        assert!(house.names(&made).await.is_empty(), "{kind}: the snapshots went with it");
        assert_eq!(mark::read(&house.config(vmid, "description").unwrap()), Some(id));
        assert_eq!(after.tariff, before.tariff, "it is paid for again");
    }
    let made = house.create("other", house.container).await;
    let wrong = Rebuild { template_id: Some(house.machine), ..Rebuild::default() };
    let asked = house.engine.rebuild_instance(&house.owner, made.instance_id, wrong, None).await;
    assert_eq!(code(asked), "template_id");
    let unsure = Rebuild { confirm: Some("another".into()), ..Rebuild::default() };
    let asked = house.engine.rebuild_instance(&house.owner, made.instance_id, unsure, None).await;
    assert_eq!(code(asked), "confirm");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_changed_at_once_each_for_itself() {
    let house = House::open().await;
    let made = both(&house).await;
    let mut ids: BTreeSet<InstanceId> = made.iter().map(|(_, operation)| operation.instance_id).collect();
    ids.insert(InstanceId::new());
    let engine = &house.engine;
    let results = engine.change_instances(&house.owner, Bulk::Power(Verb::Stop), ids.clone()).await.unwrap();
    assert_eq!(results.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), ids);
    let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
    assert!(matches!(failed[..], [(_, Err(Error::NotFound("instance")))]), "{failed:?}");
    for (_, operation) in done {
        assert_eq!(house.settled(operation.unwrap().id).await.state, State::Succeeded);
    }
    for (_, operation) in made {
        assert_eq!(house.state(&operation).await, InstanceState::Stopped);
    }
    let none = engine.change_instances(&house.owner, Bulk::Snapshot, BTreeSet::new()).await;
    assert!(matches!(none, Err(Error::Invalid { .. })), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_fails_can_be_asked_for_again() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let cluster = house.sim.cluster("lodge");
    cluster
        .faults()
        .add(Rule::on_task("vzcreate", Effect::TaskFails("no space left on device".into())))
        .unwrap();
    let asked = house.engine.rebuild_instance(&house.owner, made.instance_id, Rebuild::default(), None).await;
    let failed = house.settled(asked.unwrap().id).await;
    assert_eq!(failed.state, State::Failed, "{failed:#?}");
    assert_eq!(house.state(&made).await, InstanceState::Failed);
    let start = house.engine.change_instance(&house.owner, made.instance_id, Verb::Start, None).await;
    assert_eq!(code(start), "failed");
    cluster.faults().clear();
    house
        .done(house.engine.rebuild_instance(&house.owner, made.instance_id, Rebuild::default(), None).await)
        .await;
    assert_eq!(house.state(&made).await, InstanceState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_what_was_there_and_a_mark_of_its_own() {
    let house = House::open().await;
    for (kind, made) in both(&house).await {
        let id = made.instance_id;
        let engine = &house.engine;
        let copy = |name: &str, snapshot: Option<&str>| Duplicate {
            name: name.parse().unwrap(),
            project_id: None,
            snapshot: snapshot.map(|name| name.parse().unwrap()),
        };
        let running =
            engine.duplicate_instance(&house.owner, id, copy(&format!("{kind}-live"), None), None).await;
        if kind == Kind::Lxc {
            assert_eq!(code(running), "running");
            house.done(engine.create_snapshot(&house.owner, id, snapshot("base"), None).await).await;
            let from = copy("lxc-copy", Some("base"));
            house.done(engine.duplicate_instance(&house.owner, id, from, None).await).await;
            house.change(&made, Verb::Shutdown).await;
        } else {
            house.done(running).await;
        }
        let cold =
            engine.duplicate_instance(&house.owner, id, copy(&format!("{kind}-cold"), None), None).await;
        let done = house.done(cold).await;
        let twin = engine.instance(&house.owner, done.instance_id).await.unwrap();
        let source = engine.instance(&house.owner, id).await.unwrap();
        assert_ne!(twin.vmid, source.vmid);
        assert_eq!((twin.size, twin.state()), (source.size, InstanceState::Running));
        assert_eq!(mark::read(&house.config(twin.vmid, "description").unwrap()), Some(twin.id));
        assert_eq!(mark::read(&house.config(source.vmid, "description").unwrap()), Some(source.id));
        let missing = engine.duplicate_instance(&house.owner, id, copy("nope", Some("nope")), None).await;
        assert!(matches!(missing, Err(Error::NotFound("snapshot"))), "{missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_held_in_memory_and_goes_on_and_a_container_is_not() {
    let house = House::open().await;
    for (kind, made) in both(&house).await {
        if kind == Kind::Lxc {
            let asked = house.engine.change_instance(&house.owner, made.instance_id, Verb::Pause, None).await;
            assert_eq!(code(asked), "not_for_containers");
            continue;
        }
        assert_eq!(house.change(&made, Verb::Pause).await.state, State::Succeeded);
        assert_eq!(house.state(&made).await, InstanceState::Paused);
        assert_eq!(house.change(&made, Verb::Resume).await.state, State::Succeeded);
        assert_eq!(house.state(&made).await, InstanceState::Running);
        let asked = house.engine.change_instance(&house.owner, made.instance_id, Verb::Resume, None).await;
        assert_eq!(code(asked), "not_paused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_stays_and_what_is_in_the_trash_comes_back() {
    let house = House::open_with(Profile::V9_2, |options| options.trash = Duration::from_secs(3600)).await;
    let made = house.create("web", house.container).await;
    let (id, vmid) = (made.instance_id, house.vmid(&made).await);
    let engine = &house.engine;
    engine.protect_instance(&house.owner, id, true).await.unwrap();
    assert_eq!(code(engine.remove_instance(&house.owner, id, false, None).await), "protected");
    assert_eq!(code(engine.remove_instance(&house.owner, id, true, None).await), "protected");
    assert_eq!(code(engine.rebuild_instance(&house.owner, id, Rebuild::default(), None).await), "protected");
    engine.protect_instance(&house.owner, id, false).await.unwrap();

    let done = house.done(engine.remove_instance(&house.owner, id, false, None).await).await;
    assert_eq!(done.verb, Verb::Trash);
    assert!(!house.runs(vmid));
    assert_eq!(house.state(&made).await, InstanceState::Stopped);
    assert_eq!(code(engine.change_instance(&house.owner, id, Verb::Start, None).await), "trashed");
    let back = engine.recover_instance(&house.owner, id).await.unwrap();
    assert_eq!(back.trashed_until, None);
    assert_eq!(house.change(&made, Verb::Start).await.state, State::Succeeded);

    house.done(engine.remove_instance(&house.owner, id, false, None).await).await;
    let again = engine.remove_instance(&house.owner, id, false, None).await;
    assert_eq!(code(again), "trashed", "asking twice is no more than asking once");
    let gone = house.done(engine.remove_instance(&house.owner, id, true, None).await).await;
    assert_eq!(gone.verb, Verb::Delete);
    assert_eq!(house.state(&made).await, InstanceState::Deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_is_emptied_in_time() {
    let house = House::open_with(Profile::V9_2, |options| options.trash = Duration::from_millis(1)).await;
    let made = house.create("web", house.container).await;
    let id = made.instance_id;
    house.done(house.engine.remove_instance(&house.owner, id, false, None).await).await;
    let mut events = house.engine.watch(&house.owner, Some(0)).await.unwrap();
    while house.state(&made).await != InstanceState::Deleted {
        tokio::time::timeout(Duration::from_secs(40), events.next()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_may_be_used_but_not_removed_and_only_while_it_is_shared() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let id = made.instance_id;
    let engine = &house.engine;
    let friend = house.user("friend@inn.example").await;
    let other = friend.personal_project;
    let with = |membership| Actor::user(friend.id, Role::User, vec![(other, membership)], SessionId::new());
    let (guest, viewer) = (with(Membership::Owner), with(Membership::Viewer));
    let hidden =
        |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound("instance"))), "{result:?}");
    hidden(engine.instance(&guest, id).await.map(drop));
    hidden(engine.unshare_instance(&guest, id, other).await);
    engine.share_instance(&house.owner, id, other, Right::See).await.unwrap();
    engine.instance(&guest, id).await.unwrap();
    let refused =
        |result: Result<Operation, Error>| assert!(matches!(result, Err(Error::Forbidden(_))), "{result:?}");
    refused(engine.change_instance(&guest, id, Verb::Stop, None).await);
    engine.share_instance(&house.owner, id, other, Right::Use).await.unwrap();
    refused(engine.change_instance(&viewer, id, Verb::Stop, None).await);
    let done = engine.change_instance(&guest, id, Verb::Stop, None).await.unwrap();
    assert_eq!(house.settled(done.id).await.state, State::Succeeded);
    refused(engine.change_instance(&guest, id, Verb::Delete, None).await);
    refused(engine.rebuild_instance(&guest, id, Rebuild::default(), None).await);
    hidden(
        engine
            .duplicate_instance(
                &guest,
                id,
                Duplicate { name: "mine".parse().unwrap(), project_id: Some(other), snapshot: None },
                None,
            )
            .await
            .map(drop),
    );
    let shared = engine.shared_with_me(&guest).await.unwrap();
    assert_eq!((shared.len(), shared[0].1), (1, Right::Use));
    // Either side may end it.
    engine.unshare_instance(&guest, id, other).await.unwrap();
    hidden(engine.instance(&guest, id).await.map(drop));
    hidden(engine.change_instance(&guest, id, Verb::Start, None).await.map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_started_from_a_disc_and_from_its_own_disk_again() {
    let house = House::open().await;
    let staff = Actor::house();
    let engine = &house.engine;
    let made = both(&house).await;
    let new = |volume: &str, rescue| NewIso {
        cluster_id: house.cluster.id,
        name: "Disc".parse().unwrap(),
        volume: volume.into(),
        rescue,
    };
    let climbing = engine.add_iso(&staff, new("local:iso/../../etc.iso", false), None).await;
    assert!(matches!(climbing, Err(Error::Invalid { .. })), "{climbing:?}");
    let disc = engine.add_iso(&staff, new("local:iso/debian.iso", false), None).await.unwrap();
    assert!(engine.add_iso(&house.owner, new("local:iso/x.iso", false), None).await.is_err());
    for (kind, made) in made {
        let (id, vmid) = (made.instance_id, house.vmid(&made).await);
        let asked = engine.insert_disc(&house.owner, id, Some((disc.id, true)), None).await;
        if kind == Kind::Lxc {
            assert_eq!(code(asked), "not_for_containers");
            continue;
        }
        let before = house.config(vmid, "boot").unwrap();
        house.done(asked).await;
        let waiting = engine.instance(&house.owner, id).await.unwrap().pending;
        assert!(
            waiting.contains(&"boot".to_owned()),
            "a running machine has it from its next start: {waiting:?}"
        );
        house.change(&made, Verb::Reboot).await;
        assert!(house.config(vmid, "sata5").unwrap().starts_with("local:iso/debian.iso,"));
        assert!(house.config(vmid, "boot").unwrap().starts_with("order=sata5;"));
        house.done(engine.insert_disc(&house.owner, id, None, None).await).await;
        house.change(&made, Verb::Reboot).await;
        assert_eq!(house.config(vmid, "sata5"), None);
        assert_eq!(house.config(vmid, "boot").unwrap(), before);

        assert_eq!(code(engine.rescue_instance(&house.owner, id, true, None).await), "no_rescue_disc");
        engine.add_iso(&staff, new("local:iso/rescue.iso", true), None).await.unwrap();
        let done = house.done(engine.rescue_instance(&house.owner, id, true, None).await).await;
        let acts: Vec<Act> = done.steps.iter().map(|step| step.act).collect();
        assert_eq!(acts, [Act::Configure, Act::Reboot], "{done:#?}");
        assert!(house.config(vmid, "boot").unwrap().starts_with("order=sata5;"));
        let rescued = engine.instance(&house.owner, id).await.unwrap();
        assert_eq!((rescued.state(), rescued.pending.clone()), (InstanceState::Running, Vec::new()));
        house.done(engine.rescue_instance(&house.owner, id, false, None).await).await;
        assert_eq!((house.config(vmid, "sata5"), house.config(vmid, "boot").unwrap()), (None, before));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_new_makes_no_snapshot_of_a_name_that_is_taken() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let (id, engine) = (made.instance_id, &house.engine);
    let key = |text: &str| Idempotency::new(text, &[b"snapshot"]).unwrap();
    let first = engine.create_snapshot(&house.owner, id, snapshot("one"), Some(&key("a"))).await;
    let first = house.done(first).await;
    let again = engine.create_snapshot(&house.owner, id, snapshot("one"), Some(&key("a"))).await.unwrap();
    assert_eq!(again.id, first.id, "a retry is answered as it was then");
    let other = engine.create_snapshot(&house.owner, id, snapshot("one"), Some(&key("b"))).await;
    assert_eq!(code(other), "name_taken");
    let gone = engine.delete_snapshot(&house.owner, id, "two".parse().unwrap(), Some(&key("c"))).await;
    assert!(matches!(gone, Err(Error::NotFound("snapshot"))), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_removed_does_not_come_back_unpaid() {
    let house = House::open().await;
    let made = house.create("web", house.container).await;
    let (id, engine) = (made.instance_id, &house.engine);
    let disk = DiskWanted { size_gib: 5, path: Some("/srv".parse().unwrap()), bus: None };
    house.done(engine.change_disks(&house.owner, id, DiskChange::Add(disk), None).await).await;
    house.done(engine.create_snapshot(&house.owner, id, snapshot("with"), None).await).await;
    house.change(&made, Verb::Shutdown).await;
    house.done(engine.change_disks(&house.owner, id, DiskChange::Remove(1), None).await).await;
    let before = engine.instance(&house.owner, id).await.unwrap();
    let back = engine.roll_back(&house.owner, id, "with".parse().unwrap(), None).await.unwrap();
    let refused = house.settled(back.id).await;
    assert_eq!((refused.state, refused.fault.unwrap().code.as_str()), (State::Failed, "other_disks"));
    let copy = Duplicate {
        name: "copy".parse().unwrap(),
        project_id: None,
        snapshot: Some("with".parse().unwrap()),
    };
    let copied = engine.duplicate_instance(&house.owner, id, copy, None).await.unwrap();
    let refused = house.settled(copied.id).await;
    assert_eq!((refused.state, refused.fault.unwrap().code.as_str()), (State::Failed, "other_disks"));
    let after = engine.instance(&house.owner, id).await.unwrap();
    assert_eq!((after.rate, after.settings.disks.len()), (before.rate, 0));
}
