//! A house that leases, without a Proxmox: what is asked of instances is done by a porter, who writes down what would have
//! been seen. Chain and facilitator are doubles; time passes when a test says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::x402::chain as nodes_of;
use innkeeper_connectors::x402::facilitator::{self, Facilitator};
use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use innkeeper_connectors::x402::{Offer, Payment, Requirements};
use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::clusters::{Cluster, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::{ClusterId, LeaseId, OrderId, ProjectId, SessionId, TemplateId};
use innkeeper_domain::instances::{Guest, Kind, Owner, Power, Seen};
use innkeeper_domain::leases::{Lease, Terms};
use innkeeper_domain::ledger::HouseAccount;
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::{State as OperationState, Verb};
use innkeeper_domain::orders::{Order, OrderState};
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::users::Role;
use innkeeper_domain::wallets::Address;
use innkeeper_engine::{
    Bought, Buying, Demand, Desk, Egress, Engine, Error, LeaseOptions, NewLease, NewPriceList, NewSource,
    NewTemplate, NewUser, Options, Ordered, Paying, WantedSize,
};
use innkeeper_store::{
    Db, KeyRing, SealKey, clusters, instances, leases, ledger, nodes, operations, orders, payers, projects,
    restrictions, vmids,
};

use crate::chain::{NETWORK, TOKEN, TOKEN_NAME, TOKEN_VERSION};
use crate::double::Double;

/// Seconds.
pub(crate) const NOW: i64 = 1_795_221_883;

/// Where the house is paid.
pub(crate) const PAY_TO: Address = Address([0x99; 20]);

pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

#[derive(Clone)]
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) double: Double,
    pub(crate) template: TemplateId,
    pub(crate) cluster: ClusterId,
    pub(crate) keys: KeyRing,
}

/// How leases are sold in tests.
pub(crate) fn lease_options(double: &Double, clock: &Clock, timeout: Duration) -> LeaseOptions {
    let facilitator = facilitator::Settings {
        url: double.facilitator.clone(),
        timeout: Some(timeout),
        cdp: None,
        strip: false,
        extra_ca: None,
        clock: clock.clone(),
    };
    let chain = nodes_of::Settings {
        url: double.node.clone(),
        network: NETWORK,
        timeout: Some(timeout),
        extra_ca: None,
        range: None,
    };
    LeaseOptions {
        terms: Terms::default(),
        desks: vec![Desk {
            network: NETWORK,
            asset: TOKEN,
            token_name: TOKEN_NAME.into(),
            token_version: TOKEN_VERSION.into(),
            pay_to: PAY_TO,
            credit_price: 1_000_000,
            confirmations: 1,
            facilitator: Facilitator::new(facilitator).unwrap(),
            chain: nodes_of::Chain::new(chain).unwrap(),
        }],
        public_url: "https://inn.example".parse().unwrap(),
        network: None,
        egress: Egress::Internet,
        wait: Duration::ZERO,
        payable: Duration::from_mins(5),
        look_every: Duration::from_secs(1),
    }
}

pub(crate) fn prices() -> NewPriceList {
    let running = UnitPrices {
        core_micros: Micros(4_000),
        memory_gib_micros: Micros(2_000),
        disk_gib_micros: Micros(100),
    };
    NewPriceList { running, stopped: None }
}

pub(crate) fn small() -> Size {
    Size { cores: 1, memory_mib: 512, disk_gib: 4 }
}

/// Patience that no test outlives.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

/// For tests in which somebody does not answer.
pub(crate) const HASTY: Duration = Duration::from_millis(400);

impl House {
    pub(crate) async fn open(db: Db) -> Self {
        Self::open_with(db, PATIENT, |_| {}).await
    }

    /// The same where nobody is waited for for long.
    pub(crate) async fn hasty(db: Db) -> Self {
        Self::open_with(db, HASTY, |_| {}).await
    }

    pub(crate) async fn open_with(db: Db, timeout: Duration, set: impl FnOnce(&mut LeaseOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::manual(Timestamp(NOW * 1_000_000));
        let double = Double::start(clock.clone()).await;
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let mut sold = lease_options(&double, &clock, timeout);
        set(&mut sold);
        let options = Options { leases: Some(Arc::new(sold)), ..Options::default() };
        let engine = Engine::new(db.clone(), keys.clone(), clock.clone(), options);
        let cluster = furnish(&db, &keys, clock.now()).await;
        let template = template(&engine, cluster).await;
        engine.create_price_list(&Actor::house(), prices(), None).await.unwrap();
        Self { db, engine, clock, double, template, cluster, keys }
    }

    /// A wallet with so many credits' worth of the token.
    pub(crate) fn wallet(&self, credits: u64) -> Wallet {
        let wallet = Wallet::random();
        self.double.chain(|chain| chain.give(wallet.address(), u128::from(credits) * 1_000_000));
        wallet
    }

    pub(crate) fn room(&self, minutes: u32) -> NewLease {
        NewLease {
            name: Some("web".parse().unwrap()),
            template_id: Some(self.template),
            size: WantedSize::Custom(small()),
            minutes,
            ssh_keys: Vec::new(),
            user_data: None,
        }
    }

    /// What is to be paid for a lease.
    pub(crate) async fn asked(&self, new: &NewLease) -> Demand {
        demanded(self.engine.order_lease(new, &buying("lease"), Paying::Nothing).await.unwrap())
    }

    /// A payment of what is asked.
    pub(crate) fn pay(&self, wallet: &Wallet, demand: &Demand) -> Payment {
        self.signed(wallet, &demand.requirements[0])
    }

    pub(crate) fn signed(&self, wallet: &Wallet, asked: &Requirements) -> Payment {
        wallet.authorize(&offer(asked), asked, self.clock.now(), nonce())
    }

    /// Buys a lease, and waits until it is there.
    pub(crate) async fn lease(&self, wallet: &Wallet, minutes: u32) -> (Lease, Ordered) {
        let new = self.room(minutes);
        let payment = self.pay(wallet, &self.asked(&new).await);
        let bought = self.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await.unwrap();
        let ordered = ordered(bought);
        self.rest().await;
        let lease = leases::by_id(&self.db, ordered.order.lease_id).await.unwrap().unwrap();
        (lease, ordered)
    }

    /// Buys more time with a new payment.
    pub(crate) async fn renew(&self, wallet: &Wallet, lease: LeaseId, minutes: u32) -> Result<Bought, Error> {
        let asked = self.engine.order_time(lease, minutes, &buying("renew"), Paying::Nothing).await?;
        let payment = self.pay(wallet, &demanded(asked));
        self.engine.order_time(lease, minutes, &buying("renew"), Paying::Wallet(payment)).await
    }

    /// Buys a lease with credits of a project.
    pub(crate) async fn by_credits(
        &self,
        actor: &Actor,
        project: ProjectId,
        name: &str,
    ) -> Result<Bought, Error> {
        let new = NewLease { name: Some(name.parse().unwrap()), ..self.room(60) };
        self.engine.order_lease(&new, &buying(name), Paying::Credits(actor.clone(), project)).await
    }

    pub(crate) async fn order(&self, id: OrderId) -> Order {
        orders::by_id(&self.db, id).await.unwrap().unwrap()
    }

    pub(crate) async fn orders(&self) -> Vec<Order> {
        orders::list(&self.db, None, None, 100_000).await.unwrap()
    }

    pub(crate) async fn held(&self, id: LeaseId) -> Lease {
        leases::by_id(&self.db, id).await.unwrap().unwrap()
    }

    pub(crate) async fn leases(&self) -> Vec<Lease> {
        leases::list(&self.db, &innkeeper_engine::LeaseFilter::default(), None, 100_000).await.unwrap()
    }

    pub(crate) async fn credits_of(&self, wallet: &Wallet) -> Micros {
        self.engine.wallet_credits(wallet.address()).await.unwrap()
    }

    /// Somebody with an account, and so many credits.
    pub(crate) async fn person(&self, name: &str, credits: i64) -> (Actor, ProjectId) {
        let new = NewUser {
            email: format!("{name}@inn.example").parse().unwrap(),
            name: name.parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        let user = self.engine.create_user(&Actor::house(), new, None).await.unwrap();
        let project = user.personal_project;
        if credits > 0 {
            let gift = innkeeper_engine::Adjustment {
                amount: Micros::CREDIT.times(credits).unwrap(),
                correction: false,
                reason: "welcome".to_owned(),
            };
            self.engine.post_adjustment(&Actor::house(), project, gift, None).await.unwrap();
        }
        let memberships = vec![(project, Membership::Owner)];
        (Actor::user(user.id, Role::User, memberships, SessionId::new()), project)
    }

    /// Who a wallet is that has signed in, for the credits it has here.
    pub(crate) async fn payer(&self, wallet: &Wallet) -> (Actor, ProjectId) {
        let project = payers::project_of(&self.db, wallet.address()).await.unwrap().unwrap();
        (Actor::holder([project], Proof::Wallet(wallet.address()), None), project)
    }

    /// Time passes, and the house looks after its leases.
    pub(crate) async fn later(&self, by: Duration) {
        self.clock.advance(by);
        self.engine.watch_leases().await.unwrap();
    }

    /// Everything comes to rest: what is asked of instances is done, and what is owed is delivered.
    pub(crate) async fn rest(&self) {
        for _ in 0..12 {
            self.porter(|_| true).await;
            self.later(Duration::from_secs(16)).await;
            let open = self.orders().await.iter().any(|order| order.state == OrderState::Paid);
            if !open && self.porter(|_| true).await == 0 {
                return;
            }
        }
    }

    /// Does what is asked of instances; a new one comes to be where `works` says so. Answers how much that was.
    pub(crate) async fn porter(&self, mut works: impl FnMut(Verb) -> bool) -> usize {
        // What the loop of restrictions would ask for.
        for id in restrictions::to_stop(&self.db, 1000).await.unwrap() {
            let _ = self.engine.change_instance(&Actor::house(), id, Verb::Shutdown, None).await;
        }
        for id in restrictions::to_resume(&self.db, 1000).await.unwrap() {
            let _ = self.engine.change_instance(&Actor::house(), id, Verb::Start, None).await;
        }
        let busy = instances::in_cluster(&self.db, self.cluster).await.unwrap();
        let mut done = 0;
        for instance in busy.into_iter().filter(|instance| instance.operation.is_some()) {
            done += usize::from(self.carry_out(instance.id, &mut works).await);
        }
        done
    }

    async fn carry_out(
        &self,
        id: innkeeper_domain::ids::InstanceId,
        works: &mut impl FnMut(Verb) -> bool,
    ) -> bool {
        let now = self.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        let mut instance = instances::by_id_tx(&mut tx, id).await.unwrap().unwrap();
        let Some((operation, verb)) = instance.operation.take() else { return false };
        let state = if works(verb) { OperationState::Succeeded } else { OperationState::Failed };
        let seen = |power| {
            Seen::Present(Guest {
                owner: Owner::Ours,
                power,
                locked: false,
                fitted: true,
                grown: true,
                guarded: true,
                addressed: true,
            })
        };
        instance.course.seen = match (verb, state) {
            (Verb::Create, OperationState::Succeeded) => {
                instance.course.born = true;
                seen(Power::Running)
            }
            (Verb::Create, _) => Seen::Absent,
            (Verb::Shutdown | Verb::Stop, _) => seen(Power::Stopped),
            (Verb::Delete, _) => {
                instance.deleted_at = Some(now);
                vmids::release(&mut tx, instance.cluster_id, instance.vmid).await.unwrap();
                Seen::Absent
            }
            _ => seen(Power::Running),
        };
        let before = instance.resize_from.take();
        if let (Verb::Resize, OperationState::Failed, Some(before)) = (verb, state, before) {
            instance.size = before.size;
        }
        operations::set_state(&mut tx, operation, state, None, Some(now)).await.unwrap();
        assert!(instances::save(&mut tx, &instance).await.unwrap());
        instances::schedule(&mut tx, id, instance.fence, None, None).await.unwrap();
        tx.commit().await.unwrap();
        true
    }

    /// What every house must satisfy at any time: the ledger adds up, and everything that came into our account on the
    /// chain is earned, or somebody's credit.
    pub(crate) async fn adds_up(&self) {
        assert_eq!(ledger::audit(&self.db).await.unwrap(), ledger::Audit::default());
        let came = self.double.chain(|chain| chain.balance(PAY_TO));
        let booked = ledger::house_balance(&self.db, HouseAccount::Payments).await.unwrap();
        assert_eq!(i128::try_from(came).unwrap(), -i128::from(booked.0), "what came is booked once");
    }

    /// The money that came is earned by what was delivered, or credited to wallets, and to nobody else.
    pub(crate) async fn all_accounted_for(&self, wallets: &[Wallet]) {
        self.adds_up().await;
        let came = i64::try_from(self.double.chain(|chain| chain.balance(PAY_TO))).unwrap();
        let earned = ledger::house_balance(&self.db, HouseAccount::Leases).await.unwrap().0;
        let mut credited = 0;
        for wallet in wallets {
            credited += self.credits_of(wallet).await.0;
        }
        assert_eq!(came, earned + credited, "earned {earned}, credited {credited}");
    }

    /// How the orders stand.
    pub(crate) async fn tally(&self) -> BTreeMap<&'static str, usize> {
        let mut tally = BTreeMap::new();
        for order in self.orders().await {
            *tally.entry(order.state.as_str()).or_default() += 1;
        }
        tally
    }

    pub(crate) async fn instances(&self) -> usize {
        instances::in_cluster(&self.db, self.cluster).await.unwrap().len()
    }

    pub(crate) async fn is_running(&self, lease: &Lease) -> bool {
        let instance = instances::by_id(&self.db, lease.instance_id.unwrap()).await.unwrap().unwrap();
        instance.course.runs()
    }

    pub(crate) async fn project_is_there(&self, project: ProjectId) -> bool {
        projects::by_id(&self.db, project).await.unwrap().is_some()
    }
}

/// A request of which only this matters.
pub(crate) fn buying(body: &str) -> Buying {
    Buying::new(&[b"POST", body.as_bytes()], None).unwrap()
}

pub(crate) fn keyed(body: &str, key: &str) -> Buying {
    Buying::new(&[b"POST", body.as_bytes()], Some(key)).unwrap()
}

pub(crate) fn offer(asked: &Requirements) -> Offer {
    Offer {
        resource: "https://inn.example/leases".parse().unwrap(),
        description: "a lease".into(),
        requirements: vec![asked.clone()],
        extensions: serde_json::Map::new(),
    }
}

pub(crate) fn demanded(bought: Bought) -> Demand {
    match bought {
        Bought::Demanded(demand) => demand,
        Bought::Ordered(ordered) => panic!("not asked to pay: {ordered:?}"),
    }
}

pub(crate) fn ordered(bought: Bought) -> Ordered {
    match bought {
        Bought::Ordered(ordered) => *ordered,
        Bought::Demanded(demand) => panic!("asked to pay: {demand:?}"),
    }
}

/// What is said to be wrong.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result.unwrap_err() {
        Error::Conflict { code, .. } | Error::Unavailable { code, .. } | Error::Denied { code, .. } => code,
        Error::Invalid { field, .. } => field,
        Error::Provider(_) => "provider",
        Error::NotFound(what) => what,
        Error::Restricted(_) => "restricted",
        other => panic!("{other:?}"),
    }
}

async fn furnish(db: &Db, keys: &KeyRing, now: Timestamp) -> ClusterId {
    let cluster = Cluster {
        id: ClusterId::new(),
        name: "Cellar".parse().unwrap(),
        endpoints: vec![innkeeper_domain::clusters::Endpoint {
            url: "https://127.0.0.1:9".into(),
            fingerprint: None,
        }],
        token_id: "innkeeper@pve!desk".into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 10_000, last: 999_999 },
        priority: 0,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: None,
        seen_at: Some(now),
        created_at: now,
    };
    let mut tx = db.begin().await.unwrap();
    clusters::insert(&mut tx, &cluster, &keys.seal(b"secret", "elsewhere")).await.unwrap();
    tx.commit().await.unwrap();
    furnish_node(db, cluster.id, true, now).await;
    cluster.id
}

/// A node, with room or without.
pub(crate) async fn furnish_node(db: &Db, cluster_id: ClusterId, online: bool, now: Timestamp) {
    let node = Node {
        cluster_id,
        name: "oak".parse().unwrap(),
        online,
        maintenance: false,
        cores: 64,
        memory_total: 1 << 50,
        memory_used: 0,
        seen_at: now,
    };
    let storage = Storage {
        cluster_id,
        node: node.name.clone(),
        name: "local".parse().unwrap(),
        holds_containers: true,
        holds_disks: true,
        holds_backups: true,
        shared: false,
        available: true,
        total: 1 << 54,
        used: 0,
        seen_at: now,
    };
    let mut tx = db.begin().await.unwrap();
    nodes::replace(&mut tx, cluster_id, &[node], &[storage]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn template(engine: &Engine, cluster_id: ClusterId) -> TemplateId {
    let house = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: "Debian".parse().unwrap(),
        kind: Kind::Lxc,
        least: size(1, 64, 1),
        default_size: size(1, 512, 4),
        most: size(8, 8192, 50),
        reports_address: false,
    };
    let template = engine.create_template(&house, new, None).await.unwrap().id;
    let origin = Origin::Volume("local:vztmpl/debian-12.tar.zst".into());
    let source = NewSource { cluster_id, node: None, origin };
    engine.add_template_source(&house, template, source, None).await.unwrap();
    template
}
