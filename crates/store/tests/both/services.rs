//! Services, what was seen of them, restarts, and what is kept of those who ask for them.

use std::collections::BTreeMap;
use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::hosts::{self, Host};
use innkeeper_domain::ids::{HostId, InstanceId, RestartId, ServiceId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::reports::{Fault, Report};
use innkeeper_domain::restarts::{Push, Restart, RestartState};
use innkeeper_domain::restraint::{Person, Record};
use innkeeper_domain::services::{
    Answer, Doorman, Heard, Place, Scene, Service, ServiceKind, ServiceState, Sighting, Way,
};
use innkeeper_store::{Db, Error, KeyRing, SealKey, Sealed, instances, restarts, restraint, services};

use crate::house::{House, NOW, at};

fn service(name: &str, place: Place) -> Service {
    Service {
        id: ServiceId::new(),
        name: name.parse().unwrap(),
        at: place,
        kind: ServiceKind::MinecraftJava,
        language: Language::Fr,
        address: Some("10.0.0.7".into()),
        port: 25565,
        join_address: Some("play.example.org".into()),
        path: None,
        rests: true,
        ready_seconds: 300,
        warn_seconds: 10,
        rcon_port: None,
        doorman: None,
        users_may: vec![Ability::See, Ability::Restart],
        created_at: NOW,
    }
}

fn sealed(text: &[u8]) -> Sealed {
    KeyRing::new(SealKey::generate(), Vec::new()).seal(text, "services/rcon_password/x")
}

fn sighting(service: &Service, players: u32) -> Sighting {
    let heard = Heard::Answer(Answer { players: Some(players), most: Some(20), ..Answer::default() });
    Sighting::judge(service, None, heard, Some(true), false, Report::success(NOW, "It answers."), NOW)
}

/// One host, which is the node of the house's instances.
async fn host(db: &Db, house: &House) -> Host {
    let host = Host {
        id: HostId::new(),
        name: "oak".parse().unwrap(),
        cluster_id: house.cluster.id,
        node: "pve1".parse().unwrap(),
        profile: hosts::Profile::default(),
        course: hosts::Course::new(NOW),
        seen: hosts::Seen::default(),
        signals: Vec::new(),
        created_at: NOW,
        fence: 0,
    };
    let mut tx = db.begin().await.unwrap();
    innkeeper_store::hosts::insert(&mut tx, &host, None).await.unwrap();
    tx.commit().await.unwrap();
    host
}

async fn added(db: &Db, service: &Service, rcon: Option<&Sealed>) -> Result<(), Error> {
    let mut tx = db.begin().await.unwrap();
    services::insert(&mut tx, service, rcon).await?;
    tx.commit().await
}

both! {
    async fn a_service_reads_back_changes_and_goes(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0);
        let mut oak = host(&db, &house).await;
        let host = oak.id;
        let mut one = service("survival", Place::Instance(instance.id));
        one.rcon_port = Some(25575);
        one.doorman = Some(Doorman {
            way: Way::Transfer,
            players: vec!["Ada".into()],
            proxy_protocol: true,
            texts: BTreeMap::from([(Scene::Asleep, "Il dort.".to_owned())]),
            ..Doorman::at("0.0.0.0:25565".parse().unwrap())
        });
        let mut web = service("web", Place::Guest { host, vmid: 105 });
        (web.kind, web.path, web.users_may) = (ServiceKind::Http, Some("/".into()), Vec::new());
        let ping = Service { kind: ServiceKind::Tcp, ..service("ping", Place::Host(host)) };
        let password = sealed(b"secret");
        added(&db, &one, Some(&password)).await.unwrap();
        added(&db, &web, None).await.unwrap();
        added(&db, &ping, None).await.unwrap();
        let taken = added(&db, &service("web", Place::Host(host)), None).await.unwrap_err();
        assert!(matches!(taken, Error::Conflict("service name")), "{taken:?}");

        let all: Vec<Service> = services::list(&db).await.unwrap().into_iter().map(|w| w.service).collect();
        assert_eq!(all, [ping.clone(), one.clone(), web.clone()]);
        assert_eq!(services::by_id(&db, one.id).await.unwrap().unwrap().service, one);
        let kept = services::rcon_password(&db, one.id).await.unwrap().unwrap();
        assert_eq!(kept.as_str(), password.as_str());
        assert!(services::rcon_password(&db, web.id).await.unwrap().is_none());
        assert_eq!(services::on_host(&db, &oak).await.unwrap().len(), 3);
        oak.node = "pve2".parse().unwrap();
        assert_eq!(services::on_host(&db, &oak).await.unwrap().len(), 2, "the instance is on another node");

        (one.name, one.port, one.rcon_port) = ("creative".parse().unwrap(), 25566, None);
        let mut tx = db.begin().await.unwrap();
        services::update(&mut tx, &one, None, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(services::by_id(&db, one.id).await.unwrap().unwrap().service, one);
        assert!(services::rcon_password(&db, one.id).await.unwrap().is_none());
        one.name = "web".parse().unwrap();
        let mut tx = db.begin().await.unwrap();
        let taken = services::update(&mut tx, &one, None, NOW).await.unwrap_err();
        assert!(matches!(taken, Error::Conflict("service name")), "{taken:?}");
        drop(tx);

        let mut tx = db.begin().await.unwrap();
        assert!(services::remove(&mut tx, web.id).await.unwrap());
        assert!(!services::remove(&mut tx, web.id).await.unwrap());
        tx.commit().await.unwrap();
        // A host does not go away under its services.
        let mut tx = db.begin().await.unwrap();
        let used = innkeeper_store::hosts::remove(&mut tx, host).await.unwrap_err();
        assert!(matches!(used, Error::Conflict("host")), "{used:?}");
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        services::remove(&mut tx, ping.id).await.unwrap();
        assert!(innkeeper_store::hosts::remove(&mut tx, host).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(services::list(&db).await.unwrap().len(), 1);
    }

    async fn one_looks_at_a_service_at_a_time_and_late_words_change_nothing(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0);
        let one = service("survival", Place::Instance(instance.id));
        added(&db, &one, None).await.unwrap();
        let claim = async |seconds: i64| {
            let mut tx = db.begin().await.unwrap();
            let claimed = services::claim(&mut tx, at(seconds), at(seconds + 30), 10).await.unwrap();
            tx.commit().await.unwrap();
            claimed
        };
        let saw = async |fence, seen: &Sighting, claimed, next| {
            let mut tx = db.begin().await.unwrap();
            let saved = services::saw(&mut tx, one.id, fence, seen, at(claimed), at(next)).await.unwrap();
            tx.commit().await.unwrap();
            saved
        };
        assert_eq!(services::next_due(&db).await.unwrap(), Some(NOW));
        let first = claim(0).await.remove(0);
        assert!(first.sighting.is_none() && claim(0).await.is_empty(), "it is being looked at");
        assert_eq!(services::next_due(&db).await.unwrap(), None);
        // The one who looked died; another goes on, and the first comes back too late.
        let second = claim(30).await.remove(0);
        assert!(second.fence > first.fence);
        assert!(!saw(first.fence, &sighting(&one, 9), 0, 15).await);
        let seen = sighting(&one, 2);
        assert!(saw(second.fence, &seen, 30, 45).await);
        assert_eq!(services::by_id(&db, one.id).await.unwrap().unwrap().sighting, Some(seen.clone()));
        assert_eq!(services::next_due(&db).await.unwrap(), Some(at(45)));
        assert!(claim(44).await.is_empty());
        // Somebody waits for it while it is looked at: the next look comes at once.
        let third = claim(45).await.remove(0);
        assert_eq!(third.sighting, Some(seen.clone()));
        let mut tx = db.begin().await.unwrap();
        services::hurry(&mut tx, one.id, at(46)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(saw(third.fence, &seen, 45, 60).await);
        assert_eq!(services::next_due(&db).await.unwrap(), Some(at(46)));
        let mut tx = db.begin().await.unwrap();
        services::set_door_problem(&mut tx, one.id, Some("address in use")).await.unwrap();
        let watched = services::by_id_tx(&mut tx, one.id).await.unwrap().unwrap();
        assert_eq!(watched.door_problem.as_deref(), Some("address in use"));
        assert_eq!(watched.sighting.unwrap().state, ServiceState::Up);
        services::set_door_problem(&mut tx, one.id, None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(services::by_id(&db, one.id).await.unwrap().unwrap().door_problem, None);
    }

    async fn a_service_is_restarted_once_at_a_time_and_each_restart_reads_back(db: Db) {
        let house = House::build(&db).await;
        let (instance, operation) = house.busy(&db, "box", 100).await;
        let one = service("survival", Place::Instance(instance.id));
        added(&db, &one, None).await.unwrap();
        let ada = Person::User(house.user.id);
        let mut first = Restart::new(&one, ada, "Ada".into(), NOW);
        let second = Restart::new(&one, Person::Discord(7), "Eve".into(), at(1));
        let mut tx = db.begin().await.unwrap();
        restarts::insert(&mut tx, &first).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let busy = restarts::insert(&mut tx, &second).await.unwrap_err();
        assert!(matches!(busy, Error::Conflict("restart")), "{busy:?}");
        drop(tx);
        assert_eq!(restarts::under_way(&db, one.id).await.unwrap(), Some(first.clone()));

        let mut tx = db.begin().await.unwrap();
        let (claimed, fence) = restarts::claim(&mut tx, NOW, at(30)).await.unwrap().remove(0);
        assert!(restarts::claim(&mut tx, NOW, at(30)).await.unwrap().is_empty());
        assert!(restarts::keep_claim(&mut tx, first.id, fence, at(40)).await.unwrap());
        assert!(restarts::claim(&mut tx, at(39), at(60)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        assert_eq!(claimed, first);
        first.enter(RestartState::Rebooting, &one, at(11));
        first.told = Some(1);
        first.pushed = Some((Push::Reboot, at(11)));
        first.operation_id = Some(operation.id);
        first.upid = Some("UPID:pve1:1".into());
        first.reports.push(Report::failure(at(3), "Players were not told.", "refused", "no"));
        let mut tx = db.begin().await.unwrap();
        assert!(!restarts::save(&mut tx, &second, fence).await.unwrap());
        assert!(!restarts::save(&mut tx, &first, fence - 1).await.unwrap());
        assert!(restarts::save(&mut tx, &first, fence).await.unwrap());
        restarts::rest(&mut tx, first.id, fence, at(20)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(restarts::by_id(&db, first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(restarts::next_due(&db).await.unwrap(), Some(at(20)));
        let tasks = restarts::tasks_of_others(&db, second.id, NOW).await.unwrap();
        assert_eq!(tasks, ["UPID:pve1:1"]);
        assert!(restarts::tasks_of_others(&db, first.id, NOW).await.unwrap().is_empty());
        assert!(restarts::tasks_of_others(&db, second.id, at(11)).await.unwrap().is_empty());

        let mut tx = db.begin().await.unwrap();
        restarts::hurry(&mut tx, one.id, at(12)).await.unwrap();
        let (_, fence) = restarts::claim(&mut tx, at(12), at(42)).await.unwrap().remove(0);
        first.enter(RestartState::Waiting, &one, at(13));
        first.seconds = Some(47);
        first.fault = Some(Fault { code: "not_ready".into(), message: "no".into() });
        first.enter(RestartState::Failed, &one, at(47));
        assert!(restarts::save(&mut tx, &first, fence).await.unwrap());
        // Once it has ended, the next may begin.
        restarts::insert(&mut tx, &second).await.unwrap();
        assert_eq!(restarts::under_way_tx(&mut tx, one.id).await.unwrap(), Some(second.clone()));
        let asked = restarts::asked_since(&mut tx, one.id, NOW.before(Duration::from_secs(1))).await.unwrap();
        assert_eq!(asked, [NOW, at(1)]);
        assert_eq!(restarts::asked_since(&mut tx, one.id, NOW).await.unwrap(), [at(1)]);
        tx.commit().await.unwrap();
        let newest = restarts::list(&db, one.id, None, 10).await.unwrap();
        assert_eq!(newest, [second.clone(), first.clone()]);
        assert_eq!(restarts::list(&db, one.id, Some(second.id), 10).await.unwrap(), [first]);
        assert_eq!(restarts::list(&db, ServiceId::new(), None, 10).await.unwrap(), []);
        assert_eq!(restarts::by_id(&db, RestartId::new()).await.unwrap(), None);
        assert!(instances::by_id(&db, InstanceId::new()).await.unwrap().is_none());
    }

    async fn what_stands_against_somebody_is_kept(db: Db) {
        let (eve, ada) = (Person::Discord(7), Person::House);
        let record = Record {
            asked_at: Some(at(-5)),
            tries: vec![at(-3), at(-3), at(-1)],
            warnings: vec![at(-100), at(-50)],
            banned_until: Some(at(3600)),
        };
        let mut tx = db.begin().await.unwrap();
        assert_eq!(restraint::of(&mut tx, eve, NOW).await.unwrap(), Record::default());
        restraint::keep(&mut tx, eve, &record, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(restraint::of(&mut tx, eve, NOW).await.unwrap(), record);
        assert_eq!(restraint::of(&mut tx, ada, NOW).await.unwrap(), Record::default());
        // While somebody is banned they are not forgotten.
        assert_eq!(restraint::prune(&mut tx, at(100)).await.unwrap(), 1);
        assert_eq!(restraint::of(&mut tx, eve, at(100)).await.unwrap().tries, []);
        assert_eq!(restraint::prune(&mut tx, at(3601)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}
