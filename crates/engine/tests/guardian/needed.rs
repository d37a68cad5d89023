//! What needs a host keeps it awake, each kind by itself; what cannot be read does, too.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Reading, SignalKind, State, Window};
use innkeeper_domain::ids::{InstanceId, LeaseId, ProjectId};
use innkeeper_domain::instances::{Guest, Kind, Owner, Power, Seen};
use innkeeper_domain::leases::{Lease, LeaseState};
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::State as OperationState;
use innkeeper_domain::schedules::Weekday;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::users::Role;
use innkeeper_engine::{NewInstance, NewTemplate};
use innkeeper_store::{instances, leases, operations};
use innkeeper_testing::{instance as new_instance, offer, person, template};
use pve_sim::{Count, Effect, Rule};

use crate::house::{House, SECOND, SECRET};

/// Nothing else needs it: it stays awake as long as this does, and sleeps afterwards.
async fn stays_awake_for(house: &House, kind: SignalKind, reading: Reading) {
    house.look(3 * SECOND).await;
    assert_eq!(house.reading(kind).await, reading);
    assert_eq!(house.wait().await, [State::Ready], "{kind}");
    assert_eq!(house.told_off(), 0);
    let others: Vec<_> =
        house.host().await.signals.into_iter().filter(|signal| signal.kind != kind).collect();
    assert!(others.iter().all(|signal| signal.reading == Reading::Quiet), "{others:?}");
}

async fn sleeps_now(house: &House) {
    house.until(State::Off).await;
    assert_eq!(house.told_off(), 1);
}

/// Asks for an instance; nobody drives it.
async fn instance(house: &House) -> (InstanceId, ProjectId) {
    let template = NewTemplate { reports_address: false, ..template(Kind::Lxc) };
    let template_id = offer(&house.engine, house.cluster, template).await;
    let (user, _) = person(&house.engine, "ada@inn.example", Role::User).await;
    let project = user.personal_project;
    let new = NewInstance { project_id: Some(project), ..new_instance("web-1", template_id) };
    (house.engine.create_instance(&Actor::house(), new, None).await.unwrap().instance_id, project)
}

/// What was asked of an instance is done: its guest is there, and has this state.
async fn settle(house: &House, id: InstanceId, power: Power) {
    let mut tx = house.db.begin().await.unwrap();
    let mut instance = instances::by_id_tx(&mut tx, id).await.unwrap().unwrap();
    if let Some((operation, _)) = instance.operation.take() {
        let now = Some(house.clock.now());
        operations::set_state(&mut tx, operation, OperationState::Succeeded, None, now).await.unwrap();
    }
    instance.course.born = true;
    instance.course.seen = Seen::Present(Guest {
        owner: Owner::Ours,
        power,
        locked: false,
        fitted: true,
        grown: true,
        guarded: true,
        addressed: true,
    });
    assert!(instances::save(&mut tx, &instance).await.unwrap());
    tx.commit().await.unwrap();
    let vmid = instance.vmid;
    house.sim.cluster("annex").with(|world| world.remove_guest(vmid));
    if power == Power::Running {
        house.stranger(vmid);
    }
}

both! {
    async fn somebody_keeps_it_awake(db: Db) {
        let house = House::open(db).await;
        let until = house.clock.now().after(Duration::from_hours(2));
        house.engine.keep_awake(&Actor::house(), house.id, Some(until)).await.unwrap();
        stays_awake_for(&house, SignalKind::KeepAwake, Reading::Busy).await;
        house.clock.advance(Duration::from_hours(2));
        sleeps_now(&house).await;
    }

    async fn a_wish_is_ended_by_its_opposite(db: Db) {
        let house = House::open(db).await;
        let until = house.clock.now().after(Duration::from_hours(2));
        house.engine.keep_awake(&Actor::house(), house.id, Some(until)).await.unwrap();
        house.look(SECOND).await;
        house.engine.sleep_host(&Actor::house(), house.id).await.unwrap();
        assert_eq!(house.look(SECOND).await.course.state, State::Idle);
        house.engine.keep_awake(&Actor::house(), house.id, Some(until)).await.unwrap();
        assert_eq!(house.look(SECOND).await.course.state, State::Ready);
        house.engine.keep_awake(&Actor::house(), house.id, None).await.unwrap();
        sleeps_now(&house).await;
    }

    async fn its_hours_keep_it_awake(db: Db) {
        let window = Window {
            days: vec![Weekday::Saturday],
            from: "00:00".into(),
            to: "03:00".into(),
            time_zone: "Etc/UTC".into(),
        };
        let house = House::open_with(db, |profile| profile.windows = vec![window]).await;
        stays_awake_for(&house, SignalKind::Schedule, Reading::Busy).await;
        house.clock.advance(Duration::from_hours(3));
        sleeps_now(&house).await;
    }

    async fn people_in_the_voice_channel_keep_it_awake(db: Db) {
        let house = House::open_with(db, |profile| profile.voice_channels = vec!["77".into()]).await;
        let told = async |members| {
            house.engine.note_voice("77", members).await.unwrap();
            house.look(5 * SECOND).await
        };
        for _ in 0..40 {
            assert_eq!(told(2).await.course.state, State::Ready);
        }
        assert_eq!(house.reading(SignalKind::Voice).await, Reading::Busy);
        // Nobody tells any more: who is there is not known, and it stays awake.
        house.clock.advance(90 * SECOND);
        stays_awake_for(&house, SignalKind::Voice, Reading::Unreadable).await;
        for _ in 0..60 {
            if told(0).await.course.state == State::Off {
                break;
            }
        }
        assert_eq!(house.told_off(), 1);
    }

    async fn a_lost_bot_breaks_off_the_countdown(db: Db) {
        let house = House::open_with(db, |profile| profile.voice_channels = vec!["77".into()]).await;
        for _ in 0..30 {
            house.engine.note_voice("77", 0).await.unwrap();
            if house.look(5 * SECOND).await.course.state == State::Idle {
                break;
            }
        }
        house.engine.lose_voices().await.unwrap();
        assert_eq!(house.look(3 * SECOND).await.course.state, State::Ready);
        assert_eq!(house.told_off(), 0);
    }

    async fn somebody_who_joins_during_the_countdown_calls_it_off(db: Db) {
        let house = House::open_with(db, |profile| profile.voice_channels = vec!["77".into()]).await;
        for _ in 0..30 {
            house.engine.note_voice("77", 0).await.unwrap();
            if house.look(5 * SECOND).await.course.state == State::Idle {
                break;
            }
        }
        assert_eq!(house.host().await.course.state, State::Idle);
        // To be told is enough: it is looked at at once.
        house.engine.note_voice("77", 1).await.unwrap();
        let host = house.look_if_due().await;
        assert_eq!(host.course.state, State::Ready);
        assert!(host.course.reason.unwrap().contains("one person is in voice channel 77"));
    }

    async fn guests_of_others_keep_it_awake(db: Db) {
        let house = House::open(db).await;
        house.stranger(104);
        stays_awake_for(&house, SignalKind::Guests, Reading::Busy).await;
        house.sim.cluster("annex").with(|world| world.remove_guest(104));
        sleeps_now(&house).await;
    }

    async fn tasks_of_proxmox_keep_it_awake(db: Db) {
        let house = House::open(db).await;
        let annex = house.sim.cluster("annex");
        annex.with(|world| world.add_guest("barn", pve_sim::Kind::Lxc, 104, &[("hostname", "x")], false));
        let hold = annex.faults().add(Rule::on_task("vzstart", Effect::TaskHolds)).unwrap();
        let barn = annex.endpoint("barn");
        let trust = pve::Trust::pin(barn.fingerprint.parse().unwrap());
        let root = pve::Credentials::token("root@pam!inn", SECRET.to_owned()).unwrap();
        let root = pve::Client::builder(pve::Endpoint::new(&barn.url, trust).unwrap(), root).build().unwrap();
        let node = pve::NodeName::new("barn").unwrap();
        root.guest(&pve::GuestRef::lxc(node, pve::Vmid::new(104).unwrap())).start().await.unwrap();
        stays_awake_for(&house, SignalKind::Tasks, Reading::Busy).await;
        annex.faults().remove(hold);
        annex.release_tasks();
        annex.with(|world| world.remove_guest(104));
        sleeps_now(&house).await;
    }

    async fn what_proxmox_does_not_tell_keeps_it_awake(db: Db) {
        let house = House::open(db).await;
        let faults = house.sim.cluster("annex").faults();
        let mute = Effect::Answer { status: 500, text: "no".into() };
        let rule = faults.add(Rule::on_call("GET", "/nodes/barn/lxc$", mute).count(Count::Always)).unwrap();
        house.look(3 * SECOND).await;
        assert_eq!(house.reading(SignalKind::Guests).await, Reading::Unreadable);
        assert_eq!(house.reading(SignalKind::Tasks).await, Reading::Unreadable);
        assert_eq!(house.wait().await, [State::Ready]);
        faults.remove(rule);
        sleeps_now(&house).await;
    }

    async fn an_instance_keeps_it_awake_while_it_is_wanted_or_runs(db: Db) {
        let house = House::open(db).await;
        let (id, _) = instance(&house).await;
        stays_awake_for(&house, SignalKind::Instances, Reading::Busy).await;
        settle(&house, id, Power::Running).await;
        stays_awake_for(&house, SignalKind::Instances, Reading::Busy).await;
        settle(&house, id, Power::Stopped).await;
        sleeps_now(&house).await;
    }

    async fn a_lease_keeps_it_awake(db: Db) {
        let house = House::open(db).await;
        let (id, project_id) = instance(&house).await;
        let now = house.clock.now();
        let lease = Lease {
            id: LeaseId::new(),
            project_id,
            instance_id: Some(id),
            wallet: None,
            state: LeaseState::Active,
            name: "web-1".parse().unwrap(),
            template_id: instances::by_id(&house.db, id).await.unwrap().unwrap().template_id.unwrap(),
            plan_id: None,
            size: Size { cores: 1, memory_mib: 512, disk_gib: 4 },
            hourly: Micros(3_600),
            minutes: 60,
            started_at: Some(now),
            expires_at: Some(now.after(Duration::from_hours(1))),
            notices: 0,
            created_at: now,
            ended_at: None,
            due_at: None,
        };
        let mut tx = house.db.begin().await.unwrap();
        leases::insert(&mut tx, &lease, None).await.unwrap();
        tx.commit().await.unwrap();
        stays_awake_for(&house, SignalKind::Leases, Reading::Busy).await;
        settle(&house, id, Power::Stopped).await;
        sleeps_now(&house).await;
    }

    async fn an_instance_asked_for_while_it_sleeps_wakes_it(db: Db) {
        let house = House::open_asleep(db).await;
        instance(&house).await;
        let waking = house.until(State::Waking).await;
        assert!(waking.course.reason.unwrap().contains("web-1"));
        assert_eq!(house.packets().await.len(), 3);
    }
}
