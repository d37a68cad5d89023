//! A house in this process that leases for payments on the test chain, and whose containers run commands for real: behind
//! all of them is one `sshd`, which lets in who may enter the container that is asked for.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::x402::{chain, facilitator};
use innkeeper_domain::access::Actor;
use innkeeper_domain::instances::Kind;
use innkeeper_domain::leases::Terms;
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Clock;
use innkeeper_domain::wallets::Network;
use innkeeper_engine::{
    CommandOptions, Desk, Egress, Engine, LeaseOptions, NewPriceList, NewTemplate, Options, Reach,
};
use innkeeper_store::seal::{KeyRing, SealKey};
use innkeeper_testing::{database, introduction, offer, run, simulate, template};
use pve_sim::{ClusterOptions, Sim};
use tokio_util::sync::CancellationToken;

use super::Chain;
use super::sshd::Sshd;

pub struct Inn {
    pub url: String,
    pub sim: Arc<Sim>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Inn {
    /// Opens it; `None` where there is no `sshd`, and need not be.
    pub async fn open(paid_at: &Chain) -> Option<Self> {
        let sshd = Arc::new(Sshd::start()?);
        let clusters = vec![ClusterOptions::named("lodge", &["oak"])];
        let sim = simulate(pve_sim::Options { clusters, ..Default::default() }).await;
        let sim = Arc::new(sim);
        let (db, folder) = database().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inside = Arc::clone(&sim);
        let options = Options {
            settle: Duration::from_millis(200),
            commands: CommandOptions {
                ssh_user: Sshd::user(),
                reach: Some(Reach::new(move |instance| {
                    let keys = inside.cluster("lodge").with(|world| {
                        let runs =
                            world.guests().any(|guest| guest.vmid == instance.vmid && guest.run.is_some());
                        runs.then(|| world.keys_inside(instance.vmid).unwrap_or_default().to_owned())
                    });
                    sshd.authorize(&keys?);
                    Some(sshd.address)
                })),
                ..CommandOptions::default()
            },
            leases: Some(Arc::new(sold(&url, paid_at))),
            ..Options::default()
        };
        let engine = Engine::new(db, KeyRing::new(SealKey::generate(), Vec::new()), Clock::system(), options);
        furnish(&engine, &sim).await;
        let stop = CancellationToken::new();
        run(&engine, &stop);
        let router = innkeeper_api::router(engine, innkeeper_api::Options::default());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Some(Self { url, sim, stop, _folder: folder })
    }
}

impl Drop for Inn {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn sold(url: &str, paid_at: &Chain) -> LeaseOptions {
    let facilitator = facilitator::Settings {
        url: format!("{}/", paid_at.facilitator()).parse().unwrap(),
        timeout: None,
        cdp: None,
        strip: false,
        extra_ca: None,
        clock: Clock::system(),
    };
    let node = chain::Settings {
        url: paid_at.rpc_url().parse().unwrap(),
        network: Network::BASE_SEPOLIA,
        timeout: None,
        extra_ca: None,
        range: None,
    };
    let desk = Desk {
        network: Network::BASE_SEPOLIA,
        asset: "0x036cbd53842c5426634e7929541ec2318f3dcf7e".parse().unwrap(),
        token_name: "USDC".into(),
        token_version: "2".into(),
        pay_to: paid_at.address("seller").parse().unwrap(),
        credit_price: 1_000_000,
        confirmations: 1,
        facilitator: facilitator::Facilitator::new(facilitator).unwrap(),
        chain: chain::Chain::new(node).unwrap(),
    };
    LeaseOptions {
        terms: Terms::default(),
        desks: vec![desk],
        public_url: url.parse().unwrap(),
        network: None,
        egress: Egress::Internet,
        wait: Duration::from_secs(30),
        payable: Duration::from_mins(2),
        look_every: Duration::from_millis(200),
    }
}

async fn furnish(engine: &Engine, sim: &Sim) {
    let house = Actor::house();
    let cluster = engine.add_cluster(&house, introduction(sim, "lodge"), None).await.unwrap();
    offer(engine, cluster.id, lent()).await;
    let running = UnitPrices {
        core_micros: Micros(4_000),
        memory_gib_micros: Micros(2_000),
        disk_gib_micros: Micros(100),
    };
    engine.create_price_list(&house, NewPriceList { running, stopped: None }, None).await.unwrap();
}

/// What rooms are made from.
pub fn lent() -> NewTemplate {
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let template = template(Kind::Lxc);
    let (default_size, most) = (size(1, 256, 4), size(8, 16_384, 100));
    NewTemplate { name: "Debian 12".parse().unwrap(), default_size, most, ..template }
}
