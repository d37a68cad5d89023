//! However many ask at once, nobody gets more than their quota, and no address is given out twice.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::{ClusterId, InstanceId, ProjectId, SessionId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::networks::PoolWanted;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::quotas::{Overrides, Resource};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Engine, Error, Fittings, NewInstance, NewNetwork, NewSource, NewTemplate, NewUser, Options, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey, clusters, networks, nodes};
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
    let sealed = ring.seal(b"secret", "elsewhere");
    let engine = Engine::new(db.clone(), ring, Clock::system(), Options::default());
    let now = engine.clock().now();
    let cluster = Cluster {
        id: ClusterId::new(),
        name: "Cellar".parse().unwrap(),
        endpoints: vec![Endpoint { url: "https://127.0.0.1:9".into(), fingerprint: None }],
        token_id: "innkeeper@pve!desk".into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 10_000, last: 10_999 },
        priority: 0,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: None,
        seen_at: Some(now),
        created_at: now,
    };
    let node = Node {
        cluster_id: cluster.id,
        name: "oak".parse().unwrap(),
        online: true,
        maintenance: false,
        cores: 64,
        memory_total: 1 << 42,
        memory_used: 0,
        seen_at: now,
    };
    let storage = Storage {
        cluster_id: cluster.id,
        node: node.name.clone(),
        name: "local".parse().unwrap(),
        holds_containers: true,
        holds_disks: true,
        holds_backups: true,
        shared: false,
        available: true,
        total: 1 << 46,
        used: 0,
        seen_at: now,
    };
    let mut tx = db.begin().await.unwrap();
    clusters::insert(&mut tx, &cluster, &sealed).await.unwrap();
    nodes::replace(&mut tx, cluster.id, &[node], &[storage]).await.unwrap();
    tx.commit().await.unwrap();
    let house = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: "Debian".parse().unwrap(),
        kind: Kind::Lxc,
        least: size(1, 64, 1),
        default_size: size(2, 64, 1),
        most: size(8, 8192, 50),
        reports_address: false,
    };
    let template = engine.create_template(&house, new, None).await.unwrap().id;
    let origin = Origin::Volume("local:vztmpl/debian-12.tar.zst".into());
    let source = NewSource { cluster_id: cluster.id, node: None, origin };
    engine.add_template_source(&house, template, source, None).await.unwrap();
    let new = NewUser {
        email: "owner@inn.example".parse().unwrap(),
        name: "Owner".parse().unwrap(),
        role: Role::User,
        password: "correct horse battery".to_owned().into(),
    };
    let user = engine.create_user(&house, new, None).await.unwrap();
    let project = user.personal_project;
    let memberships = vec![(project, Membership::Owner)];
    let owner = Actor::user(user.id, Role::User, memberships, SessionId::new());
    House { engine, cluster: cluster.id, template, project, owner }
}

impl House {
    /// Asks for so many instances at once, and gives what was answered.
    async fn ask(&self, names: std::ops::Range<u32>) -> Vec<Result<Operation, Error>> {
        let asked: Vec<_> = names
            .map(|n| {
                let (engine, owner, template_id) = (self.engine.clone(), self.owner.clone(), self.template);
                tokio::spawn(async move {
                    let new = NewInstance {
                        project_id: None,
                        name: format!("web-{n}").parse().unwrap(),
                        template_id,
                        size: WantedSize::Default,
                        ssh_keys: Vec::new(),
                        fittings: Fittings::default(),
                    };
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
