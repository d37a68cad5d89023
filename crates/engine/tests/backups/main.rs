//! Backups against a simulated cluster: made, found, restored and removed, whatever goes wrong on the way.
#![allow(clippy::unwrap_used, missing_docs)]

mod house;
#[path = "../house/mod.rs"]
mod plain;

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::backups::{BackupMaker, BackupState};
use innkeeper_domain::instances::{BackupMode, Kind, State as InstanceState};
use innkeeper_domain::mark;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::retention::Keep;
use innkeeper_domain::schedules::{Every, Schedule, When};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{
    BackupChange, Error, NewBackup, NewFromBackup, NewSchedule, OperationFilter, ScheduleChange, WantedSize,
};
use pve_sim::{Count, Effect, Rule};

use house::House;

const KINDS: [(&str, Kind); 2] = [("web", Kind::Lxc), ("box", Kind::Qemu)];

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_are_saved_and_brought_back_in_place() {
    let house = House::open().await;
    for (name, kind) in KINDS {
        let instance = house.create(name, kind).await;
        house.set_config(instance.vmid, "nameserver", "192.0.2.53");
        let (operation, backup) = house.back_up(instance.id).await;
        assert_eq!(operation.state, State::Succeeded, "{operation:#?}");
        assert_eq!(backup.state, BackupState::Ready, "{backup:#?}");
        assert!(backup.size.unwrap() > 0 && backup.taken_at.is_some());
        assert_eq!((backup.storage.as_str(), backup.node.as_ref()), ("vault", None));
        let volume = house.volumes("vault").await.into_iter().next_back().unwrap();
        assert_eq!(volume.notes.as_deref().and_then(mark::read_backup_notes), Some((backup.id, instance.id)));
        // Afterwards it is changed, and given another size.
        house.set_config(instance.vmid, "nameserver", "198.51.100.1");
        let bigger = innkeeper_domain::sizes::Size { cores: 4, memory_mib: 1024, disk_gib: 8 };
        let size = innkeeper_engine::WantedSize::Custom(bigger);
        let resized = house.engine.resize_instance(&house.owner, instance.id, size, None).await.unwrap();
        assert_eq!(house.settled(resized.id).await.state, State::Succeeded);
        let before = house.instance(instance.id).await;
        let mac = house.config(instance.vmid, "net0");

        let restored = house.restore(&before, backup.id).await;
        assert_eq!(restored.state, State::Succeeded, "{restored:#?}");
        let after = house.instance(instance.id).await;
        assert_eq!(after.state(), InstanceState::Running);
        assert!(after.address.is_some());
        assert_eq!(house.config(instance.vmid, "nameserver").as_deref(), Some("192.0.2.53"));
        // Its size is what it is paid for, not what it was then; its card is the one that it had.
        assert_eq!(house.config(instance.vmid, "cores").as_deref(), Some("4"));
        assert_eq!(house.config(instance.vmid, "memory").as_deref(), Some("1024"));
        let disk = if kind == Kind::Lxc { "rootfs" } else { "scsi0" };
        assert!(house.config(instance.vmid, disk).unwrap().contains("size=8G"), "{disk}");
        assert_eq!(house.config(instance.vmid, "net0"), mac);
        assert_eq!(mark::read(&house.config(instance.vmid, "description").unwrap()), Some(instance.id));
        // A stopped one stays stopped.
        house.change(instance.id, Verb::Stop).await;
        assert_eq!(house.restore(&after, backup.id).await.state, State::Succeeded);
        assert_eq!(house.instance(instance.id).await.state(), InstanceState::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_is_gone_is_brought_back() {
    let house = House::open().await;
    for (name, kind) in KINDS {
        let instance = house.create(name, kind).await;
        let (_, backup) = house.back_up(instance.id).await;
        house.sim.cluster("lodge").with(|world| world.remove_guest(instance.vmid));
        let restored = house.restore(&instance, backup.id).await;
        assert_eq!(restored.state, State::Succeeded, "{restored:#?}");
        assert!(house.config(instance.vmid, "description").unwrap().contains(&instance.id.to_string()));
        // Another's guest under the number is left alone.
        house.sim.cluster("lodge").with(|world| {
            world.remove_guest(instance.vmid);
            let kind = if kind == Kind::Lxc { pve_sim::Kind::Lxc } else { pve_sim::Kind::Qemu };
            world.add_guest("oak", kind, instance.vmid, &[("hostname", "theirs"), ("name", "theirs")], false);
        });
        let name = instance.name.to_string();
        let asked = house.engine.restore_backup(&house.owner, instance.id, backup.id, &name, None).await;
        match asked {
            Ok(operation) => {
                let operation = house.settled(operation.id).await;
                assert_eq!(operation.fault.unwrap().code, "guest_not_ours");
            }
            // The poller may have seen it first.
            Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
        }
        assert_eq!(house.config(instance.vmid, "name").as_deref(), Some("theirs"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_asked_for_by_name_and_takes_only_its_own_backups() {
    let house = House::open().await;
    let (web, shop) = (house.create("web", Kind::Lxc).await, house.create("shop", Kind::Lxc).await);
    let (_, backup) = house.back_up(web.id).await;
    let ask = async |instance: &innkeeper_domain::instances::Instance, confirm: &str| {
        house.engine.restore_backup(&house.owner, instance.id, backup.id, confirm, None).await
    };
    assert!(matches!(ask(&web, "").await, Err(Error::Invalid { field: "confirm", .. })));
    assert!(matches!(ask(&shop, "shop").await, Err(Error::Invalid { field: "backup_id", .. })));
    let stranger = Actor { memberships: Vec::new(), ..house.owner.clone() };
    let hidden = house.engine.restore_backup(&stranger, web.id, backup.id, "web", None).await;
    assert!(matches!(hidden, Err(Error::NotFound(_))));
    assert!(matches!(house.engine.backup(&stranger, backup.id).await, Err(Error::NotFound(_))));
    // Somebody has put another archive in its place: it does not carry our mark, and nothing is touched.
    house.set_config(web.vmid, "description", "nothing");
    let odd = house.back_up_in_proxmox(web.node.as_str(), web.vmid, None).await;
    house.set_config(web.vmid, "description", &mark::description(web.id));
    house
        .until("a foreign backup is not ours", async || {
            (house.backups(web.id).await.len() == 1).then_some(())
        })
        .await;
    assert!(!house.backups(web.id).await.iter().any(|b| b.volume.as_deref() == Some(odd.volid.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_lost_at_each_call_makes_one_backup() {
    let house = House::open().await;
    for (name, kind) in KINDS {
        let instance = house.create(name, kind).await;
        let faults = [
            (Rule::on_call("POST", "/vzdump$", Effect::DropAfter), true),
            (Rule::on_call("POST", "/vzdump$", Effect::DropBefore), true),
            (
                Rule::on_call(
                    "POST",
                    "/vzdump$",
                    Effect::AnswerAfter { status: 596, text: "Connection timed out".into() },
                ),
                true,
            ),
            (Rule::on_call("GET", "/content", Effect::DropAfter), true),
            (Rule::on_call("GET", "/tasks/.*/status$", Effect::DropAfter), true),
            (Rule::on_task("vzdump", Effect::TaskWarns("odd".into())), true),
            (Rule::on_task("vzdump", Effect::TaskFails("no space left on device".into())), false),
        ];
        for (fault, good) in faults {
            house.sim.cluster("lodge").faults().add(fault.clone()).unwrap();
            let (operation, backup) = house.back_up(instance.id).await;
            house.sim.cluster("lodge").faults().clear();
            let named = Some((backup.id, instance.id));
            let volumes = house.volumes("vault").await;
            let notes = volumes.iter().map(|v| v.notes.as_deref().and_then(mark::read_backup_notes));
            let made = notes.filter(|notes| *notes == named).count();
            let expected = if good {
                (State::Succeeded, BackupState::Ready, 1)
            } else {
                (State::Failed, BackupState::Failed, 0)
            };
            assert_eq!(
                (operation.state, backup.state, made),
                expected,
                "{fault:?} {operation:#?} {backup:#?}"
            );
            let problem = backup.problem.unwrap_or_default();
            assert!(good || problem.contains("no space left"), "{problem}");
            if good {
                house.engine.delete_backup(&house.owner, backup.id).await.unwrap();
            }
        }
        let counted = house.backups(instance.id).await;
        assert!(counted.iter().all(|backup| backup.maker == BackupMaker::Operation), "{counted:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_lost_at_each_call_restores_once() {
    let house = House::open().await;
    for (name, kind) in KINDS {
        let instance = house.create(name, kind).await;
        house.set_config(instance.vmid, "nameserver", "192.0.2.53");
        let (_, backup) = house.back_up(instance.id).await;
        let path = format!("/{kind}$");
        for fault in [
            Rule::on_call("POST", &path, Effect::DropAfter),
            Rule::on_call("POST", &path, Effect::DropBefore),
            Rule::on_call("GET", "/extractconfig$", Effect::DropAfter),
            Rule::on_call("POST", "/status/stop$", Effect::DropAfter),
            Rule::on_call("PUT", "/config$", Effect::DropAfter),
        ] {
            house.set_config(instance.vmid, "nameserver", "198.51.100.1");
            house.sim.cluster("lodge").faults().add(fault.clone()).unwrap();
            let restored = house.restore(&instance, backup.id).await;
            house.sim.cluster("lodge").faults().clear();
            assert_eq!(restored.state, State::Succeeded, "{fault:?} {restored:#?}");
            assert_eq!(house.config(instance.vmid, "nameserver").as_deref(), Some("192.0.2.53"), "{fault:?}");
            assert_eq!(house.instance(instance.id).await.state(), InstanceState::Running);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_fails_says_what_is_left() {
    let house = House::open().await;
    let instance = house.create("web", Kind::Lxc).await;
    let (_, backup) = house.back_up(instance.id).await;
    let full = Effect::TaskFailsAfter("no space left on device".into());
    house.sim.cluster("lodge").faults().add(Rule::on_task("vzrestore", full)).unwrap();
    let failed = house.restore(&instance, backup.id).await;
    let message = failed.fault.unwrap().message;
    assert_eq!(failed.state, State::Failed);
    assert!(message.contains("the guest is") && message.contains("no space left"), "{message}");
    house.sim.cluster("lodge").faults().clear();
    house.sim.cluster("lodge").with(|world| world.set_storage_full(instance.storage.as_str(), true));
    let failed = house.restore(&instance, backup.id).await;
    let message = failed.fault.unwrap().message;
    assert!(message.contains("the guest is gone; restore again"), "{message}");
    house.sim.cluster("lodge").with(|world| world.set_storage_full(instance.storage.as_str(), false));
    let again = house.restore(&instance, backup.id).await;
    assert_eq!(again.state, State::Succeeded, "{again:#?}");
    // As it was before: the restore that failed had stopped it.
    assert_eq!(house.instance(instance.id).await.state(), InstanceState::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_made_in_proxmox_are_given_to_whom_they_belong_and_never_by_number() {
    let house = House::open().await;
    let web = house.create("web", Kind::Lxc).await;
    let node = web.node.to_string();
    let ours = house.back_up_in_proxmox(&node, web.vmid, Some("nightly")).await;
    let found = house
        .until("a backup made in Proxmox is found", async || house.backups(web.id).await.into_iter().next())
        .await;
    assert_eq!((found.maker, found.state), (BackupMaker::Proxmox, BackupState::Ready));
    assert_eq!(found.volume.as_deref(), Some(ours.volid.as_str()));
    // It is the house's own: its owner may restore it, but not remove it.
    let refused = house.engine.delete_backup(&house.owner, found.id).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "backup_of_the_house", .. })), "{refused:?}");
    house.set_config(web.vmid, "nameserver", "198.51.100.1");
    assert_eq!(house.restore(&web, found.id).await.state, State::Succeeded);
    assert_eq!(house.config(web.vmid, "nameserver"), None);

    // The number goes to somebody else for a while, whose data must not come to us; nor ours to them.
    let theirs = house.sim.cluster("lodge").with(|world| {
        let guest = world.guest(web.vmid).unwrap().clone();
        world.remove_guest(web.vmid);
        world.add_guest(&node, pve_sim::Kind::Lxc, web.vmid, &[("hostname", "theirs")], false);
        guest
    });
    let unmarked = house.back_up_in_proxmox(&node, web.vmid, Some("nightly")).await;
    let stolen = mark::description(innkeeper_domain::ids::InstanceId::new());
    house.set_config(web.vmid, "description", &stolen);
    let marked = house.back_up_in_proxmox(&node, web.vmid, Some("nightly")).await;
    // Not even with our mark, if the number was never the one that bears it.
    house.sim.cluster("lodge").with(|world| {
        let options = [("hostname", "copy"), ("description", theirs.config["description"].as_str())];
        world.add_guest(&node, pve_sim::Kind::Lxc, 700, &options, false);
    });
    let copied = house.back_up_in_proxmox(&node, 700, Some("nightly")).await;
    // A later one of our own is found, so that all of these were looked at.
    house.sim.cluster("lodge").with(|world| world.remove_guest(web.vmid));
    assert_eq!(house.restore(&web, found.id).await.state, State::Succeeded);
    let later = house.back_up_in_proxmox(&node, web.vmid, None).await;
    let all = house
        .until("the later one is found", async || {
            let all = house.backups(web.id).await;
            all.iter().any(|b| b.volume.as_deref() == Some(later.volid.as_str())).then_some(all)
        })
        .await;
    assert_eq!(all.len(), 2, "{all:#?}");
    for foreign in [unmarked, marked, copied] {
        assert!(!all.iter().any(|backup| backup.volume.as_deref() == Some(foreign.volid.as_str())));
    }

    // One that somebody removes in Proxmox is lost, and said to be.
    house.remove_in_proxmox(&ours.volid).await;
    house
        .until("it is lost", async || {
            let row = house.engine.backup(&house.owner, found.id).await.unwrap();
            (row.state == BackupState::Lost).then_some(())
        })
        .await;
    let refused = house.engine.restore_backup(&house.owner, web.id, found.id, "web", None).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "backup_unusable", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_removed_only_while_it_is_still_the_same() {
    let house = House::open().await;
    let instance = house.create("web", Kind::Lxc).await;
    let (_, backup) = house.back_up(instance.id).await;
    let protect = BackupChange { protected: Some(true), note: Some("before the upgrade".into()) };
    let changed = house.engine.change_backup(&house.owner, backup.id, protect).await.unwrap();
    assert_eq!(changed.note.as_deref(), Some("before the upgrade"));
    let refused = house.engine.delete_backup(&house.owner, backup.id).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "protected", .. })));
    let free = BackupChange { protected: Some(false), note: None };
    house.engine.change_backup(&house.owner, backup.id, free).await.unwrap();
    // Refused by Proxmox for a while, then with the answer lost.
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_call("DELETE", "/content/", Effect::DropAfter)).unwrap();
    house.engine.delete_backup(&house.owner, backup.id).await.unwrap();
    house
        .until("it is gone", async || {
            matches!(house.engine.backup(&house.owner, backup.id).await, Err(Error::NotFound(_)))
                .then_some(())
        })
        .await;
    assert!(house.volumes("vault").await.is_empty());

    // Another archive has taken its name: that one stays.
    let (_, backup) = house.back_up(instance.id).await;
    let volume = house.volumes("vault").await.remove(0);
    let hold =
        Rule::on_call("DELETE", "/content/", Effect::Answer { status: 595, text: "No route to host".into() });
    cluster.faults().add(hold.count(Count::Always)).unwrap();
    let another = mark::backup_notes(innkeeper_domain::ids::BackupId::new(), instance.id);
    cluster.with(|world| world.set_volume_notes("oak", volume.volid.as_str(), &another));
    house.engine.delete_backup(&house.owner, backup.id).await.unwrap();
    house
        .until("it is called lost", async || {
            let row = house.engine.backup(&house.owner, backup.id).await.unwrap();
            (row.state == BackupState::Lost).then_some(())
        })
        .await;
    cluster.faults().clear();
    assert_eq!(house.volumes("vault").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn room_and_numbers_are_limited() {
    let mut options = house::options();
    options.backups.per_instance = 2;
    let house = House::open_with(innkeeper_domain::time::Clock::system(), options).await;
    let instance = house.create("web", Kind::Lxc).await;
    house.back_up(instance.id).await;
    house.back_up(instance.id).await;
    let third = house.engine.make_backup(&house.owner, instance.id, NewBackup::default(), None).await;
    assert!(matches!(third, Err(Error::Conflict { code: "too_many_backups", .. })), "{third:?}");
    let named = NewBackup { storage: Some("vault".parse().unwrap()), ..NewBackup::default() };
    let refused = house.engine.make_backup(&house.owner, instance.id, named, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let other = house.create("shop", Kind::Lxc).await;
    let nowhere = NewBackup { storage: Some("local-lvm".parse().unwrap()), ..NewBackup::default() };
    let refused = house.engine.make_backup(&Actor::house(), other.id, nowhere, None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "storage", .. })), "{refused:?}");
    // A storage that fills up while the backup is being made.
    house.sim.cluster("lodge").faults().add(Rule::on_task("vzdump", Effect::StorageFull)).unwrap();
    let (operation, backup) = house.back_up(other.id).await;
    assert_eq!((operation.state, backup.state), (State::Failed, BackupState::Failed));
    // And one that is full to begin with.
    house.sim.cluster("lodge").with(|world| {
        world.set_storage_full("vault", true);
        world.set_storage_full("local", true);
        world.publish_now();
    });
    house
        .until("no room is seen", async || {
            let asked = house.engine.make_backup(&house.owner, other.id, NewBackup::default(), None).await;
            match asked {
                Err(Error::Conflict { code: "no_backup_room", .. }) => Some(()),
                Ok((_, operation)) => {
                    house.settled(operation.id).await;
                    None
                }
                Err(_) => None,
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_outlives_its_instance_for_a_while() {
    let mut options = house::options();
    options.backups.kept_after = std::time::Duration::from_secs(2);
    let house = House::open_with(innkeeper_domain::time::Clock::system(), options).await;
    let instance = house.create("web", Kind::Lxc).await;
    let (_, kept) = house.back_up(instance.id).await;
    let (_, backup) = house.back_up(instance.id).await;
    let protect = BackupChange { protected: Some(true), note: None };
    house.engine.change_backup(&house.owner, kept.id, protect).await.unwrap();
    assert_eq!(house.change(instance.id, Verb::Delete).await.state, State::Succeeded);
    assert_eq!(house.backups(instance.id).await.len(), 2);
    let left = house
        .until("it is removed", async || {
            let left = house.volumes("vault").await;
            (left.len() == 1).then_some(left)
        })
        .await;
    assert_eq!(left[0].notes.as_deref().and_then(mark::read_backup_notes), Some((kept.id, instance.id)));
    assert_eq!(backup.state, BackupState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_instance_is_made_from_a_backup() {
    let house = House::open().await;
    for (name, kind) in KINDS {
        let source = house.create(name, kind).await;
        house.set_config(source.vmid, "nameserver", "192.0.2.53");
        let (_, backup) = house.back_up(source.id).await;
        let new = |name: &str, size| NewFromBackup {
            backup_id: backup.id,
            project_id: None,
            name: name.parse().unwrap(),
            size,
        };
        let small = WantedSize::Custom(Size { cores: 1, memory_mib: 256, disk_gib: 2 });
        let refused =
            house.engine.create_from_backup(&house.owner, new(&format!("{name}-2"), small), None).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "size", .. })), "{refused:?}");
        let stranger = Actor { memberships: Vec::new(), ..house.owner.clone() };
        let refused = house.engine.create_from_backup(&stranger, new("a", WantedSize::Default), None).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "backup_id", .. })), "{refused:?}");

        // The node cannot be reached at first, and an answer is lost.
        let cluster = house.sim.cluster("lodge");
        let dead = Effect::Answer { status: 595, text: "No route to host".into() };
        let path = format!("/{kind}$");
        cluster.faults().add(Rule::on_call("POST", &path, dead).count(Count::Times(2))).unwrap();
        cluster.faults().add(Rule::on_call("POST", &path, Effect::DropAfter).skip(2)).unwrap();
        let larger = WantedSize::Custom(Size { cores: 1, memory_mib: 256, disk_gib: 8 });
        let asked =
            house.engine.create_from_backup(&house.owner, new(&format!("{name}-2"), larger), None).await;
        let made = house.settled(asked.unwrap().id).await;
        cluster.faults().clear();
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        let copy = house.instance(made.instance_id).await;
        assert_eq!(copy.state(), InstanceState::Running);
        assert_ne!(copy.vmid, source.vmid);
        assert_eq!(house.config(copy.vmid, "nameserver").as_deref(), Some("192.0.2.53"));
        assert_eq!(mark::read(&house.config(copy.vmid, "description").unwrap()), Some(copy.id));
        assert_ne!(house.config(copy.vmid, "net0"), house.config(source.vmid, "net0"));
        assert_eq!(house.config(copy.vmid, "cores").as_deref(), Some("1"));
        let disk = if kind == Kind::Lxc { "rootfs" } else { "scsi0" };
        assert!(house.config(copy.vmid, disk).unwrap().contains("size=8G"));
        // One of one that is gone by now.
        assert_eq!(house.change(source.id, Verb::Delete).await.state, State::Succeeded);
        let again = new(&format!("{name}-3"), WantedSize::Default);
        let asked = house.engine.create_from_backup(&house.owner, again, None).await.unwrap();
        let made = house.settled(asked.id).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        assert_eq!(house.instance(made.instance_id).await.size, source.size);
    }
}

fn nightly() -> NewSchedule {
    NewSchedule {
        when: When {
            every: Every::Day,
            hour: 2,
            minute: 30,
            weekday: None,
            day: None,
            time_zone: "Europe/Paris".into(),
        },
        storage: None,
        mode: BackupMode::Snapshot,
        keep: Keep { last: 2, ..Keep::default() },
        enabled: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_make_one_backup_of_a_schedule_and_its_rules_apply_to_its_own_alone() {
    let clock = Clock::manual(Timestamp(Clock::system().now().0));
    let house = House::open_with(clock.clone(), house::options()).await;
    let _second = house.second(clock.clone(), house::options()).await;
    let instance = house.create("web", Kind::Lxc).await;
    let (_, by_hand) = house.back_up(instance.id).await;
    let bad = NewSchedule { keep: Keep::default(), ..nightly() };
    let refused = house.engine.create_schedule(&house.owner, instance.id, bad, None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "keep", .. })), "{refused:?}");
    let schedule = house.engine.create_schedule(&house.owner, instance.id, nightly(), None).await.unwrap();
    let mut made = Vec::new();
    for night in 0..4 {
        // A moment past the time; on the second night we were down for three days, which is made up for once.
        let days = if night == 1 { 3 } else { 1 };
        let to = schedule_of(&house, &schedule).await.next_at.after(Duration::from_hours(24 * (days - 1)));
        clock.set(to.after(Duration::from_secs(1)));
        let backup = house
            .until("the schedule has run", async || {
                tick(&clock);
                let id = schedule_of(&house, &schedule).await.last_backup_id?;
                let backup = house.engine.backup(&house.owner, id).await.ok()?;
                (!made.contains(&id) && backup.state == BackupState::Ready).then_some(backup)
            })
            .await;
        assert_eq!((backup.maker, backup.schedule_id), (BackupMaker::Schedule, Some(schedule.id)));
        made.push(backup.id);
        if night == 0 {
            let protect = BackupChange { protected: Some(true), note: None };
            house.engine.change_backup(&house.owner, backup.id, protect).await.unwrap();
        }
    }
    // The protected one neither goes nor counts; the one made by hand is none of the schedule's business.
    let left = house
        .until("the rules are applied", async || {
            tick(&clock);
            let left = house.backups(instance.id).await;
            (left.len() == 4).then_some(left)
        })
        .await;
    let mut ids: Vec<_> = left.iter().map(|backup| backup.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [by_hand.id, made[0], made[2], made[3]]);
    let filter = OperationFilter { instance_id: Some(instance.id), active_only: false };
    let operations = house.engine.operations(&house.owner, filter, None, 100).await.unwrap();
    let backups = operations.iter().filter(|operation| operation.verb == Verb::BackUp).count();
    assert_eq!(backups, 1 + 4, "each time makes one, whoever is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_waits_for_what_is_in_the_way_and_says_so() {
    let clock = Clock::manual(Timestamp(Clock::system().now().0));
    let house = House::open_with(clock.clone(), house::options()).await;
    let instance = house.create("web", Kind::Lxc).await;
    let schedule = house.engine.create_schedule(&house.owner, instance.id, nightly(), None).await.unwrap();
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_task("vzstop", Effect::TaskHolds)).unwrap();
    let busy = house.engine.change_instance(&house.owner, instance.id, Verb::Stop, None).await.unwrap();
    clock.set(schedule.next_at.after(Duration::from_secs(1)));
    let waiting = house
        .until("it waits", async || {
            let now = schedule_of(&house, &schedule).await;
            now.problem.is_some().then_some(now)
        })
        .await;
    assert_eq!(waiting.problem.as_deref(), Some("something else is being done to the instance"));
    assert_eq!((waiting.next_at, waiting.last_run_at), (schedule.next_at, None));
    cluster.faults().clear();
    cluster.release_tasks();
    house
        .until("the other thing ends", async || {
            tick(&clock);
            let operation = house.engine.operation(&house.owner, busy.id).await.unwrap();
            operation.state.is_final().then_some(())
        })
        .await;
    clock.advance(Duration::from_mins(6));
    let ran = house
        .until("it is made after all", async || {
            tick(&clock);
            let now = schedule_of(&house, &schedule).await;
            now.last_run_at.is_some().then_some(now)
        })
        .await;
    assert_eq!(ran.problem, None);
    // Switched off, it makes none; and strangers do not know of it.
    let off = ScheduleChange { enabled: Some(false), ..ScheduleChange::default() };
    let off = house.engine.change_schedule(&house.owner, schedule.id, off).await.unwrap();
    assert!(!off.enabled);
    let stranger = Actor { memberships: Vec::new(), ..house.owner.clone() };
    let hidden = house.engine.delete_schedule(&stranger, schedule.id).await;
    assert!(matches!(hidden, Err(Error::NotFound(_))));
    house.engine.delete_schedule(&house.owner, schedule.id).await.unwrap();
    assert_eq!(house.engine.schedules(&house.owner, instance.id).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_something_stands_against_a_project_schedules_are_switched_off_only() {
    let house = House::open().await;
    let instance = house.create("web", Kind::Lxc).await;
    let schedule = house.engine.create_schedule(&house.owner, instance.id, nightly(), None).await.unwrap();
    let user = house.owner.user_id.unwrap();
    let why = "the invoice of May is open".parse().unwrap();
    house.engine.suspend_user(&Actor::house(), user, why, None).await.unwrap();
    let suspended = |result: Result<Schedule, Error>| {
        assert!(matches!(result, Err(Error::Restricted(Restriction::Suspended))), "{result:?}");
    };
    suspended(house.engine.create_schedule(&house.owner, instance.id, nightly(), None).await);
    let change = async |change| house.engine.change_schedule(&house.owner, schedule.id, change).await;
    let keep = Keep { last: 5, ..Keep::default() };
    suspended(change(ScheduleChange { keep: Some(keep), ..ScheduleChange::default() }).await);
    let switch = |to| ScheduleChange { enabled: Some(to), ..ScheduleChange::default() };
    assert!(!change(switch(false)).await.unwrap().enabled);
    suspended(change(switch(true)).await);
    assert_eq!(schedule_of(&house, &schedule).await.keep, schedule.keep);
    house.engine.unsuspend_user(&Actor::house(), user, None).await.unwrap();
    assert!(change(switch(true)).await.unwrap().enabled);
}

async fn schedule_of(house: &House, schedule: &Schedule) -> Schedule {
    let all = house.engine.schedules(&house.owner, schedule.instance_id).await.unwrap();
    all.into_iter().find(|s| s.id == schedule.id).unwrap()
}

/// Time goes on a little, so that what rests is taken up again.
fn tick(clock: &Clock) {
    clock.advance(Duration::from_millis(500));
}
