//! However many ask at once, nobody gets more than their quota.
#![allow(clippy::unwrap_used, missing_docs)]

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::{ClusterId, SessionId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::quotas::{Overrides, Resource};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{Engine, Error, Fittings, NewInstance, NewSource, NewTemplate, NewUser, Options, WantedSize};
use innkeeper_store::{Db, KeyRing, SealKey, clusters, nodes};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

async fn two_hundred_at_once(db: Db) {
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
    let set = Overrides { instances: Some(50), cores: Some(15), ..Overrides::default() };
    engine.set_quota(&house, project, set).await.unwrap();
    let memberships = vec![(project, Membership::Owner)];
    let owner = Actor::user(user.id, Role::User, memberships, SessionId::new());

    let asked: Vec<_> = (0..200)
        .map(|n| {
            let (engine, owner) = (engine.clone(), owner.clone());
            tokio::spawn(async move {
                let new = NewInstance {
                    project_id: None,
                    name: format!("web-{n}").parse().unwrap(),
                    template_id: template,
                    size: WantedSize::Default,
                    ssh_keys: Vec::new(),
                    fittings: Fittings::default(),
                };
                engine.create_instance(&owner, new, None).await
            })
        })
        .collect();
    let (mut made, mut refused) = (0, 0);
    for one in asked {
        match one.await.unwrap() {
            Ok(_) => made += 1,
            Err(Error::Quota(exceeded)) => {
                assert_eq!((exceeded.what, exceeded.used, exceeded.allowed), (Resource::Cores, 14, 15));
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((made, refused), (7, 193));
    let quota = engine.quota(&owner, project).await.unwrap();
    assert_eq!((quota.used.instances, quota.used.cores, quota.allowed.cores), (7, 14, 15));
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    two_hundred_at_once(Db::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let Some(server) = std::env::var("INNKEEPER_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "INNKEEPER_TEST_POSTGRES is not set");
        println!("skipped: INNKEEPER_TEST_POSTGRES is not set (scripts/test sets it)");
        return;
    };
    let name = format!("test_quotas_{}", std::process::id());
    let mut hand = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut hand).await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    let url = format!("{host}/{name}");
    let outcome = tokio::spawn(async move { two_hundred_at_once(Db::open(&url).await.unwrap()).await }).await;
    let drop = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut hand).await.unwrap();
    outcome.unwrap();
}
