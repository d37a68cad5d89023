//! What leases come to in Proxmox: containers that are confined, stopped when their time is over, and gone afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use innkeeper_domain::access::Actor;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::leases::{Lease, LeaseState};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::orders::OrderState;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{Bought, Egress, Error, Holding, NewLease, Ordered, Paying, WantedSize};
use pve_sim::{Count, Effect, Profile, Rule};

use crate::double::Double;
use crate::house::{HOUR, MINUTE, PATIENT, buying, demanded, lease_options, offer, ordered, prices, small};
use crate::proxmox::House;

struct Inn {
    house: House,
    clock: Clock,
    double: Double,
}

impl Inn {
    async fn open() -> Self {
        let clock = Clock::manual(Timestamp(Clock::system().now().0));
        let double = Double::start(clock.clone()).await;
        let sold = innkeeper_engine::LeaseOptions {
            wait: PATIENT,
            look_every: Duration::from_millis(50),
            ..lease_options(&double, &clock, PATIENT)
        };
        let house = House::open_at(Profile::V9_2, clock.clone(), |options| {
            options.leases = Some(Arc::new(sold));
            options.poll_every = Duration::from_millis(200);
            options.poll_lag = Duration::ZERO;
            options.sweep_every = Duration::from_millis(100);
        })
        .await;
        // The clock goes on by itself, and a test may put it forward.
        let (ticking, stop) = (clock.clone(), house.stop.clone());
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            while !stop.is_cancelled() {
                tick.tick().await;
                ticking.advance(Duration::from_millis(20));
            }
        });
        house.engine.create_price_list(&Actor::house(), prices(), None).await.unwrap();
        Self { house, clock, double }
    }

    fn wallet(&self) -> Wallet {
        let wallet = Wallet::random();
        self.double.chain(|chain| chain.give(wallet.address(), 100_000_000));
        wallet
    }

    async fn buy(&self, wallet: &Wallet, minutes: u32) -> Ordered {
        let new = NewLease {
            name: Some("web".parse().unwrap()),
            template_id: Some(self.house.container),
            size: WantedSize::Custom(small()),
            minutes,
            ssh_keys: Vec::new(),
            user_data: None,
        };
        let engine = &self.house.engine;
        let asked = demanded(engine.order_lease(&new, &buying("lease"), Paying::Nothing).await.unwrap());
        let paying = self.signed(wallet, &asked.requirements[0]);
        ordered(engine.order_lease(&new, &buying("lease"), paying).await.unwrap())
    }

    async fn renew(&self, wallet: &Wallet, lease: &Lease, minutes: u32) -> Result<Bought, Error> {
        let engine = &self.house.engine;
        let asked = engine.order_time(lease.id, minutes, &buying("renew"), Paying::Nothing).await?;
        let paying = self.signed(wallet, &demanded(asked).requirements[0]);
        engine.order_time(lease.id, minutes, &buying("renew"), paying).await
    }

    fn signed(&self, wallet: &Wallet, asked: &innkeeper_connectors::x402::Requirements) -> Paying {
        Paying::Wallet(wallet.authorize(&offer(asked), asked, self.clock.now(), nonce()))
    }

    async fn instance(&self, lease: &Lease) -> Instance {
        self.house.engine.instance(&Actor::house(), lease.instance_id.unwrap()).await.unwrap()
    }

    async fn lease(&self, ordered: &Ordered) -> Lease {
        self.house.engine.order(ordered.order.id).await.unwrap().lease.unwrap()
    }

    fn runs(&self, vmid: u32) -> bool {
        self.house
            .sim
            .cluster("lodge")
            .with(|world| world.guest(vmid).is_some_and(pve_sim::Guest::is_running))
    }

    fn is_there(&self, vmid: u32) -> bool {
        self.house.sim.cluster("lodge").with(|world| world.guest(vmid).is_some())
    }

    fn config(&self, vmid: u32) -> BTreeMap<String, String> {
        self.house.sim.cluster("lodge").with(|world| world.guest(vmid).unwrap().config.clone())
    }
}

/// Waits until something holds; what waits for it has no event of its own.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never came: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_container_of_a_stranger_is_confined() {
    let inn = Inn::open().await;
    let bought = inn.buy(&inn.wallet(), 60).await;
    assert_eq!(bought.order.state, OrderState::Delivered, "{bought:?}");
    assert!(bought.token.is_some());
    let lease = inn.lease(&bought).await;
    let vmid = inn.instance(&lease).await.vmid;
    assert!(inn.runs(vmid));
    let config = inn.config(vmid);
    assert_eq!(config["unprivileged"], "1", "{config:?}");
    assert!(!config.get("features").is_some_and(|features| features.contains("nesting=1")), "{config:?}");
    assert!(config["net0"].contains("firewall=1"), "{config:?}");
    let (rules, options) = inn.house.sim.cluster("lodge").with(|world| {
        let guest = world.guest(vmid).unwrap();
        (guest.firewall_rules(), guest.firewall_options())
    });
    assert_eq!(options["enable"], "1", "{options:?}");
    assert_eq!(rules.len(), Egress::Internet.firewall().rules.len(), "{rules:?}");
    let text = format!("{rules:?}");
    for private in ["10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "25,465,587"] {
        assert!(text.contains(private), "{private}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::used_underscore_binding)] // its database is looked at
async fn an_expired_lease_stands_still_in_proxmox_until_it_is_renewed_and_is_gone_after_its_grace() {
    let inn = Inn::open().await;
    let wallet = inn.wallet();
    let bought = inn.buy(&wallet, 60).await;
    let lease = inn.lease(&bought).await;
    let vmid = inn.instance(&lease).await.vmid;
    inn.clock.advance(HOUR + MINUTE);
    until("stopped", async || !inn.runs(vmid)).await;
    assert_eq!(inn.lease(&bought).await.state, LeaseState::Expired);
    until("at rest", async || inn.instance(&lease).await.operation.is_none()).await;
    let house = Actor::house();
    let start = inn.house.engine.change_instance(&house, lease.instance_id.unwrap(), Verb::Start, None).await;
    assert!(matches!(start, Err(Error::Restricted(_))), "{start:?}");
    let time = ordered(inn.renew(&wallet, &lease, 60).await.unwrap());
    assert_eq!(time.order.state, OrderState::Delivered);
    until("running again", async || inn.runs(vmid)).await;
    assert_eq!(inn.lease(&bought).await.state, LeaseState::Active);
    until("at rest", async || inn.instance(&lease).await.operation.is_none()).await;
    inn.clock.advance(HOUR + MINUTE);
    until("stopped", async || !inn.runs(vmid)).await;
    until("at rest", async || inn.instance(&lease).await.operation.is_none()).await;
    inn.clock.advance(HOUR * 24);
    until("removed", async || !inn.is_there(vmid)).await;
    until("ended", async || {
        inn.clock.advance(Duration::from_secs(5));
        inn.lease(&bought).await.state == LeaseState::Ended
    })
    .await;
    let gone = inn.instance(&lease).await;
    assert!(gone.deleted_at.is_some() && gone.address.is_none());
    // Its number is free: the next one may have it.
    let mut tx = inn.house.db.begin().await.unwrap();
    let own = innkeeper_domain::ids::InstanceId::new();
    assert!(
        innkeeper_store::vmids::hold(&mut tx, inn.house.cluster.id, vmid, own).await.is_ok_and(|free| free)
    );
    tx.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_proxmox_refuses_for_good_is_credited_and_nothing_of_it_is_left() {
    let inn = Inn::open().await;
    let wallet = inn.wallet();
    let faults = inn.house.sim.cluster("lodge").faults();
    let refused = Effect::TaskFails("unable to create the container".into());
    faults.add(Rule::on_task("vzcreate", refused).count(Count::Always)).unwrap();
    let bought = inn.buy(&wallet, 60).await;
    until("credited", async || {
        inn.clock.advance(MINUTE);
        inn.house.engine.order(bought.order.id).await.unwrap().order.state == OrderState::Credited
    })
    .await;
    assert_eq!(inn.house.engine.wallet_credits(wallet.address()).await.unwrap(), bought.order.price);
    until("closed", async || {
        inn.clock.advance(Duration::from_secs(5));
        inn.lease(&bought).await.ended_at.is_some()
    })
    .await;
    assert_eq!(inn.lease(&bought).await.state, LeaseState::Failed);
    let ours = inn
        .house
        .sim
        .cluster("lodge")
        .with(|world| world.guests().filter(|guest| (10_000..=10_999).contains(&guest.vmid)).count());
    assert_eq!(ours, 0);
    assert_eq!(inn.house.engine.wallet_credits(wallet.address()).await.unwrap(), bought.order.price);
}

#[tokio::test(flavor = "multi_thread")]
async fn resized_and_given_up_proxmox_follows() {
    let inn = Inn::open().await;
    let bought = inn.buy(&inn.wallet(), 600).await;
    let lease = inn.lease(&bought).await;
    let vmid = inn.instance(&lease).await.vmid;
    let by = Holding::Token(bought.token.clone().unwrap(), None);
    let larger = Size { cores: 2, memory_mib: 1024, disk_gib: 6 };
    let resized = inn.house.engine.resize_lease(lease.id, &by, WantedSize::Custom(larger)).await.unwrap();
    assert_eq!(resized.size, larger);
    until("larger", async || inn.config(vmid)["cores"] == "2" && inn.config(vmid)["memory"] == "1024").await;
    until("at rest", async || inn.instance(&lease).await.operation.is_none()).await;
    inn.house.engine.end_lease(lease.id, &by).await.unwrap();
    until("removed", async || {
        inn.clock.advance(Duration::from_secs(5));
        !inn.is_there(vmid)
    })
    .await;
    until("ended", async || {
        inn.clock.advance(Duration::from_secs(5));
        inn.lease(&bought).await.state == LeaseState::Ended
    })
    .await;
}
