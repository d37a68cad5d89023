//! However many ask at once, nobody gets more than their quota, and no address is given out twice.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{ClusterId, InstanceId, ProjectId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::networks::PoolWanted;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::quotas::{Overrides, Resource};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{Engine, Error, NewNetwork, NewTemplate, Options};
use innkeeper_store::{Db, KeyRing, SealKey, networks};
use innkeeper_testing::{cluster, furnish, instance, node, offer, person, template};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A house without a Proxmox: everything is only asked for.
struct House {
    engine: Engine,
    cluster: ClusterId,
    template: TemplateId,
    project: ProjectId,
    owner: Actor,
}

async fn furnished(db: &Db) -> House {
    db.migrate().await.unwrap();
    let ring = KeyRing::new(SealKey::generate(), Vec::new());
    let engine = Engine::new(db.clone(), ring.clone(), Clock::system(), Options::default());
    let now = engine.clock().now();
    let cluster = cluster(now);
    furnish(db, &ring, &cluster, &node(cluster.id, "oak", now)).await;
    let default_size = Size { cores: 2, memory_mib: 64, disk_gib: 1 };
    let new = NewTemplate { default_size, reports_address: false, ..template(Kind::Lxc) };
    let template = offer(&engine, cluster.id, new).await;
    let (user, owner) = person(&engine, "owner@inn.example", Role::User).await;
    let project = user.personal_project;
    House { engine, cluster: cluster.id, template, project, owner }
}

impl House {
    /// Asks for so many instances at once, and gives what was answered.
    async fn ask(&self, names: std::ops::Range<u32>) -> Vec<Result<Operation, Error>> {
        let asked: Vec<_> = names
            .map(|n| {
                let (engine, owner, template_id) = (self.engine.clone(), self.owner.clone(), self.template);
                tokio::spawn(async move {
                    let new = instance(&format!("web-{n}"), template_id);
                    engine.create_instance(&owner, new, None).await
                })
            })
            .collect();
        let mut answers = Vec::new();
        for one in asked {
            answers.push(one.await.unwrap());
        }
        answers
    }
}

async fn two_hundred_at_once(db: Db) {
    let house = furnished(&db).await;
    let (engine, owner, project) = (&house.engine, &house.owner, house.project);
    let set = Overrides { instances: Some(50), cores: Some(15), ..Overrides::default() };
    engine.set_quota(&Actor::house(), project, set).await.unwrap();
    let (mut made, mut refused) = (0, 0);
    for one in house.ask(0..200).await {
        match one {
            Ok(_) => made += 1,
            Err(Error::Quota(exceeded)) => {
                assert_eq!((exceeded.what, exceeded.used, exceeded.allowed), (Resource::Cores, 14, 15));
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((made, refused), (7, 193));
    let quota = engine.quota(owner, project).await.unwrap();
    assert_eq!((quota.used.instances, quota.used.cores, quota.allowed.cores), (7, 14, 15));
    db.close().await;
}

async fn a_hundred_from_a_pool_of_fifty(db: Db) {
    let house = furnished(&db).await;
    let (engine, staff) = (&house.engine, Actor::house());
    let set = Overrides { instances: Some(500), cores: Some(5000), ..Overrides::default() };
    engine.set_quota(&staff, house.project, set).await.unwrap();
    let network = NewNetwork {
        cluster_id: house.cluster,
        name: "Guests".parse().unwrap(),
        bridge: "vmbr0".parse().unwrap(),
        vlan: None,
        project_id: None,
        default: true,
        mtu: None,
        rate_mbps: None,
    };
    let network = engine.create_network(&staff, network, None).await.unwrap().id;
    let pool = PoolWanted {
        range: "192.0.2.0/24".parse().unwrap(),
        gateway: Some("192.0.2.1".parse().unwrap()),
        // With the gateway and one that is left out, 50 of 52.
        first: Some("192.0.2.1".parse().unwrap()),
        last: Some("192.0.2.52".parse().unwrap()),
        excluded: vec!["192.0.2.30".parse().unwrap()],
        dns: Vec::new(),
    };
    engine.create_address_pool(&staff, network, pool, None).await.unwrap();
    let answers = house.ask(0..100).await;
    let made: Vec<InstanceId> = answers.iter().flatten().map(|operation| operation.instance_id).collect();
    let exhausted = answers
        .iter()
        .filter(|one| matches!(one, Err(Error::Conflict { code: "pool_exhausted", .. })))
        .count();
    assert_eq!((made.len(), exhausted), (50, 50), "{answers:?}");
    let mut addresses = BTreeSet::new();
    for id in &made {
        let nics = engine.instance(&house.owner, *id).await.unwrap().settings.nics.unwrap();
        addresses.insert(nics[0].plug.as_ref().unwrap().ipv4.fixed().unwrap().address);
    }
    assert_eq!(addresses.len(), 50, "each has its own");
    let taken = engine.addresses(&staff, network).await.unwrap();
    assert_eq!(taken.iter().map(|one| one.address).collect::<BTreeSet<_>>(), addresses);
    // Who was refused has left nothing behind, and what is given back is given out again.
    assert_eq!(engine.quota(&house.owner, house.project).await.unwrap().used.instances, 50);
    let mut tx = db.begin().await.unwrap();
    for id in &made[..3] {
        networks::release(&mut tx, *id, &[]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let again = house.ask(100..110).await;
    assert_eq!(again.iter().filter(|one| one.is_ok()).count(), 3, "{again:?}");
    db.close().await;
}

async fn on_sqlite<F: Future<Output = ()>>(story: impl FnOnce(Db) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    story(Db::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    on_sqlite(two_hundred_at_once).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_on_sqlite() {
    on_sqlite(a_hundred_from_a_pool_of_fifty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    on_postgres("quotas", two_hundred_at_once).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_on_postgres() {
    on_postgres("addresses", a_hundred_from_a_pool_of_fifty).await;
}

async fn on_postgres<F: Future<Output = ()> + Send + 'static>(name: &str, story: fn(Db) -> F) {
    let Some(server) = std::env::var("INNKEEPER_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "INNKEEPER_TEST_POSTGRES is not set");
        println!("skipped: INNKEEPER_TEST_POSTGRES is not set (scripts/test sets it)");
        return;
    };
    let name = format!("test_{name}_{}", std::process::id());
    let mut hand = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut hand).await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    let url = format!("{host}/{name}");
    let outcome = tokio::spawn(async move { story(Db::open(&url).await.unwrap()).await }).await;
    let drop = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut hand).await.unwrap();
    outcome.unwrap();
}
