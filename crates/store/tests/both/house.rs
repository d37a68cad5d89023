//! A small house to tell stories in: one user with a project, one cluster with a node, a template, a plan.

use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::{ClusterId, InstanceId, OperationId, PlanId, ProjectId, TemplateId, UserId};
use innkeeper_domain::instances::{Course, Instance, Kind, Power, Settings};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::Title;
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::plans::Plan;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::standing::Measures;
use innkeeper_domain::templates::{Origin, Template};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Role, User};
use innkeeper_store::{
    Db, KeyRing, SealKey, clusters, instances, operations, plans, projects, templates, users,
};

pub(crate) const GIB: u64 = 1 << 30;

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// A point in time that tests call now.
pub(crate) const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

/// So many seconds after (or before) now.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * SECOND)
}

/// What the house has.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) user: User,
    pub(crate) project: Project,
    pub(crate) cluster: Cluster,
    pub(crate) template: Template,
    pub(crate) plan: Plan,
}

pub(crate) const SIZE: Size = Size { cores: 1, memory_mib: 1024, disk_gib: 10 };

/// A user and their personal project, which point at each other.
pub(crate) fn person(email: &str) -> (User, Project) {
    let (id, personal_project) = (UserId::new(), ProjectId::new());
    let name: Title = "Ada".parse().unwrap();
    let project =
        Project { id: personal_project, name: name.clone(), personal_of: Some(id), created_at: NOW };
    let email = email.parse().unwrap();
    let user = User {
        id,
        email,
        name,
        role: Role::User,
        personal_project,
        email_verified_at: Some(NOW),
        language: Language::En,
        measures: Measures::default(),
        created_at: NOW,
    };
    (user, project)
}

/// A cluster whose numbers go from 100 to `last`.
pub(crate) fn cluster(last: u32) -> Cluster {
    let fingerprint = Some("AA:BB".into());
    let endpoints = vec![
        Endpoint { url: "https://pve1.example:8006".into(), fingerprint },
        Endpoint { url: "https://pve2.example:8006".into(), fingerprint: None },
    ];
    Cluster {
        id: ClusterId::new(),
        name: "Cellar".parse().unwrap(),
        endpoints,
        token_id: "innkeeper@pve!desk".into(),
        bridge: "vmbr0".into(),
        pool: Some("guests".into()),
        vmids: VmidRange { first: 100, last },
        priority: -3,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: Some("8.4.1".into()),
        seen_at: Some(NOW),
        created_at: NOW,
    }
}

pub(crate) fn node(cluster_id: ClusterId, name: &str) -> Node {
    Node {
        cluster_id,
        name: name.parse().unwrap(),
        online: true,
        maintenance: false,
        cores: 8,
        memory_total: 64 * GIB,
        memory_used: GIB,
        seen_at: NOW,
    }
}

pub(crate) fn storage(cluster_id: ClusterId, node: &str, name: &str, shared: bool) -> Storage {
    Storage {
        cluster_id,
        node: node.parse().unwrap(),
        name: name.parse().unwrap(),
        holds_containers: true,
        holds_disks: false,
        holds_backups: true,
        shared,
        available: true,
        total: 1000 * GIB,
        used: GIB,
        seen_at: NOW,
    }
}

impl House {
    /// Builds the house into an empty database; the cluster's numbers go from 100 to 999.
    pub(crate) async fn build(db: &Db) -> Self {
        let (user, project) = person("ada@example.org");
        let template = Template {
            id: TemplateId::new(),
            name: "Debian 12".parse().unwrap(),
            kind: Kind::Lxc,
            least: Size::LEAST,
            default_size: SIZE,
            most: Size::MOST,
            reports_address: true,
            offered: true,
            created_at: NOW,
        };
        let plan = Plan {
            id: PlanId::new(),
            name: "Small".parse().unwrap(),
            size: SIZE,
            price: None,
            offered: true,
            created_at: NOW,
        };
        let house = Self { user, project, cluster: cluster(999), template, plan };
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &house.user, Some("$argon2id$x")).await.unwrap();
        projects::insert(&mut tx, &house.project).await.unwrap();
        projects::add_member(&mut tx, house.project.id, house.user.id, Membership::Owner).await.unwrap();
        let ring = KeyRing::new(SealKey::generate(), Vec::new());
        let secret = ring.seal(b"secret", "clusters/token_secret/x");
        clusters::insert(&mut tx, &house.cluster, &secret).await.unwrap();
        templates::insert(&mut tx, &house.template).await.unwrap();
        plans::insert(&mut tx, &house.plan).await.unwrap();
        tx.commit().await.unwrap();
        house
    }

    /// An instance that is being made, without its operation.
    pub(crate) fn instance(&self, name: &str, vmid: u32) -> Instance {
        Instance {
            id: InstanceId::new(),
            project_id: self.project.id,
            name: name.parse().unwrap(),
            kind: Kind::Lxc,
            template_id: Some(self.template.id),
            plan_id: Some(self.plan.id),
            size: SIZE,
            rate: Rate::FREE,
            tariff: None,
            ssh_keys: vec![format!("ssh-ed25519 {} ada", "A".repeat(68)).parse().unwrap()],
            cluster_id: self.cluster.id,
            node: "pve1".parse().unwrap(),
            storage: "local-lvm".parse().unwrap(),
            vmid,
            origin: Origin::Volume("local:vztmpl/debian-12.tar.zst".into()),
            course: Course::new(Verb::Create.wish(NOW, true, Power::Stopped, None)),
            upid: None,
            operation: None,
            address: None,
            awaits: None,
            problem: None,
            seen_at: None,
            created_at: NOW,
            deleted_at: None,
            resize_from: None,
            settings: Settings::default(),
            pending: Vec::new(),
            protected: false,
            trashed_until: None,
            fence: 0,
        }
    }

    /// An operation on an instance that waits for its turn.
    pub(crate) fn operation(&self, instance: InstanceId, verb: Verb) -> Operation {
        Operation {
            id: OperationId::new(),
            instance_id: instance,
            project_id: self.project.id,
            verb,
            errand: None,
            state: State::Pending,
            asked_by: Some(self.user.id),
            created_at: NOW,
            ended_at: None,
            deadline: verb.deadline(NOW),
            fault: None,
            steps: Vec::new(),
        }
    }

    /// Adds `count` instances (`guest-0`, …), the first due at `at(0)`, each a second before the one before.
    pub(crate) async fn fill(&self, db: &Db, count: u32) -> Vec<Instance> {
        let mut tx = db.begin().await.unwrap();
        let mut made = Vec::new();
        for n in 0..count {
            let instance = self.instance(&format!("guest-{n}"), 100 + n);
            instances::insert(&mut tx, &instance, Some(at(-i64::from(n)))).await.unwrap();
            made.push(instance);
        }
        tx.commit().await.unwrap();
        made
    }

    /// Adds an instance with an operation under way.
    pub(crate) async fn busy(&self, db: &Db, name: &str, vmid: u32) -> (Instance, Operation) {
        let mut instance = self.instance(name, vmid);
        let operation = self.operation(instance.id, Verb::Create);
        instance.operation = Some((operation.id, operation.verb));
        let mut tx = db.begin().await.unwrap();
        instances::insert(&mut tx, &instance, Some(NOW)).await.unwrap();
        operations::insert(&mut tx, &operation).await.unwrap();
        tx.commit().await.unwrap();
        (instance, operation)
    }
}
