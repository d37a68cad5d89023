//! `innkeeper demo`: the whole house on one machine with no Proxmox at all.

mod chain;
mod doors;
mod guardian;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use innkeeper_domain::access::Actor;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::audit::Doer;
use innkeeper_domain::clusters::{Endpoint, VmidRange};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::instances::Kind;
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::money::Micros;
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::users::{Role, User};
use innkeeper_engine::{
    Adjustment, Engine, Fittings, NewCluster, NewInstance, NewPlan, NewPriceList, NewSource, NewTemplate,
    NewUser, Reach, WantedSize,
};
use pve_sim::{ClusterOptions, GuestProcesses, Latency, Sim};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::{house, serve, simulate};
use chain::Chain;

/// Run everything on this machine with no Proxmox at all: SQLite, the simulator, sample data.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// A new or empty folder to keep the database in; by default a temporary one that is removed at the end.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Address and port to listen on; when the default one is taken, another port is used.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How long simulated tasks take, as a multiple of real life.
    #[arg(long, default_value_t = 0.5)]
    latency: f64,
    /// Leave the chain out, on which wallets pay for leases; then they are sold for credits only.
    #[arg(long)]
    no_chain: bool,
    /// What runs in instances: `sandbox` (bubblewrap), `process` (plain processes with all your rights: for yourself
    /// only), or `nothing`. By default a sandbox where bubblewrap works.
    #[arg(long, value_enum)]
    guests: Option<Guests>,
}

/// What runs in the demo's instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Guests {
    Sandbox,
    Process,
    Nothing,
}

impl Guests {
    /// What was asked for, or what is safe here: whoever may use the demo could do there what we can.
    fn choose(asked: Option<Self>) -> (Self, GuestProcesses) {
        let chosen =
            asked.unwrap_or_else(|| if pve_sim::bubblewrap_works() { Self::Sandbox } else { Self::Nothing });
        let processes = match chosen {
            Self::Sandbox => GuestProcesses::Bwrap,
            Self::Process => GuestProcesses::Process,
            Self::Nothing => GuestProcesses::Off,
        };
        (chosen, processes)
    }
}

/// Two houses in one: what the simulator plays, and which nodes they have.
const CLUSTERS: [(&str, &[&str]); 2] = [("lodge", &["oak", "elm", "ash"]), ("annex", &["barn"])];

/// Who the simulated clusters let in.
const TOKEN_USER: &str = "innkeeper@pve";

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let kept = Folder::open(self.folder.as_deref())?;
        let listener = listen(self.listen).await?;
        let address = listener.local_addr()?;
        let chain = if self.no_chain { None } else { start_chain(&kept.path).await };
        let mut config = config(&kept.path, address);
        config.leases = Some(chain.as_ref().map(Chain::leases).unwrap_or_default());
        let (guests, processes) = Guests::choose(self.guests);
        let latency = if self.latency <= 0.0 { Latency::Zero } else { Latency::Scaled(self.latency) };
        let options = pve_sim::Options {
            clusters: CLUSTERS.iter().map(|(name, nodes)| ClusterOptions::named(name, nodes)).collect(),
            latency,
            auth_delay: Duration::from_secs(3),
            control: true,
            guests: processes,
            ..pve_sim::Options::default()
        };
        let sim = Sim::start(options).await.context("the simulator cannot start")?;
        let mut options = config.engine_options()?;
        // Simulated guests have no network by which they could be reached.
        options.commands.reach = Some(Reach::new(|_| None));
        let engine = house::open_with(&config, options).await?;
        let password = simulate::new_secret();
        let guest = furnish(&engine, &sim, &password).await.context("the sample data cannot be made")?;
        println!(
            "Innkeeper demo: two simulated clusters, sample templates and plans, two instances on their way,\n\
             two hosts to wake and to rest, and a game on one of them\n"
        );
        println!("  address    http://{address}");
        println!("  API        http://{address}/api/v1/docs");
        println!("  sign in    {} with the password {password}", guest.email);
        if let Some(control) = sim.control_addr() {
            println!(
                "  faults     http://{control}/faults?cluster=lodge (break it as docs/operator.md shows)"
            );
        }
        println!("  mails      {}/mails (one file each; nothing leaves this machine)", kept.path.display());
        println!(
            "  folder     {}{}\n",
            kept.path.display(),
            if kept.temporary { " (removed at the end)" } else { "" }
        );
        if guests == Guests::Nothing {
            println!("  commands   none run in instances: bubblewrap does not work here (see --guests)\n");
        }
        println!("From another terminal (`cargo run --` instead of `innkeeper` if it is not installed):\n");
        println!("  innkeeper login --url http://{address} --email {}", guest.email);
        println!("  innkeeper instance create my-first --template \"Debian 12\"\n");
        tell_leases(&config, chain.as_ref());
        println!("Ctrl-C ends it.");
        let result = serve::until_signal(engine, listener, serve::api_options(&config), None).await;
        if let Some(chain) = chain {
            chain.end().await;
        }
        sim.shutdown().await;
        result
    }
}

/// The chain; without one the demo goes on, and says so.
async fn start_chain(folder: &Path) -> Option<Chain> {
    match Chain::start(folder).await {
        Ok(chain) => Some(chain),
        Err(error) => {
            println!("no wallets, only credits, pay for leases here: {error:#}\n");
            None
        }
    }
}

/// How a lease is rented.
fn tell_leases(config: &Config, chain: Option<&Chain>) {
    // A wallet signs in at the address by which the house calls itself.
    let url = config.server.public_url.as_deref().unwrap_or_default();
    println!("Or rent one for ten minutes, without an account:\n");
    let Some(chain) = chain else {
        println!("  innkeeper lease rent --minutes 10 --plan Small --credits PROJECT --yes --save\n");
        return;
    };
    let key = chain.buyer.display();
    println!(
        "  innkeeper lease rent --url {url} --minutes 10 --plan Small --wallet-key-file {key} --yes --save"
    );
    println!("  innkeeper lease exec --url {url} LEASE -- uname -a\n");
    println!(
        "The dollars are of a test chain on this machine ({}). What is asked of wallets:\n",
        chain.rpc()
    );
    println!("  curl -i {url}/api/v1/leases --json '{{\"minutes\": 10, \"plan\": \"Small\"}}'\n");
}

/// Everybody may register, and mails go into a folder. Passkeys need a name, which `localhost` is and a number is not.
fn config(folder: &Path, address: SocketAddr) -> Config {
    let mut config = Config { data_dir: folder.to_owned(), ..Config::default() };
    config.server.public_url = Some(format!("http://localhost:{}", address.port()));
    config.access.registration = Registration::Open;
    config.mail.from = Some("Innkeeper demo <desk@inn.example>".to_owned());
    config.mail.folder = Some(folder.join("mails"));
    // What receives webhooks runs on this machine too.
    config.webhooks.own_networks.extend("127.0.0.0/8".parse::<AddressRange>());
    config
}

/// The demo's folder; a temporary one is removed when this is dropped.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn open(named: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = named {
            std::fs::create_dir_all(path).with_context(|| format!("{} cannot be made", path.display()))?;
            let used = path.join("innkeeper.db").exists();
            // The simulated guests of an earlier run are gone, and instances without guests would only confuse.
            anyhow::ensure!(
                !used,
                "{} holds an earlier demo; choose a new folder or remove it",
                path.display()
            );
            return Ok(Self { path: path.to_owned(), temporary: false });
        }
        let path = std::env::temp_dir().join(format!("innkeeper-demo-{:08x}", rand::random::<u32>()));
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, temporary: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

async fn listen(wanted: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"));
    }
    match TcpListener::bind(Config::default().server.listen).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?),
    }
}

/// Makes the sample data through the same use cases as everybody.
async fn furnish(engine: &Engine, sim: &Sim, password: &str) -> anyhow::Result<User> {
    let house = Actor::house();
    let admin = NewUser {
        email: "admin@inn.example".parse()?,
        name: "Ada".parse()?,
        role: Role::Admin,
        password: password.to_owned().into(),
    };
    let admin = engine.create_first_admin(&Doer::from(&Actor::house()), admin).await?;
    let mut machine_templates = Vec::new();
    let mut clusters: Vec<ClusterId> = Vec::new();
    for (first, (name, nodes)) in (10_000..).step_by(10_000).zip(CLUSTERS) {
        let secret = simulate::new_secret();
        let simulated = sim.cluster(name);
        for (number, node) in (9000..).zip(nodes) {
            // The first node has its template VM already.
            if number > 9000 {
                simulated.with(|world| world.add_machine_template(node, number, "debian-12-cloud"));
            }
        }
        simulated.with(|world| {
            world.add_token(TOKEN_USER, "desk", false, &secret);
            world.grant("/", TOKEN_USER, "PVEAdmin");
            // No role but the administrator's may switch nodes off.
            world.add_role("Guardian", &["Sys.PowerMgmt", "Sys.Audit"]);
            world.grant("/", TOKEN_USER, "Guardian");
        });
        let endpoints = simulated.endpoints().iter();
        let endpoints = endpoints
            .map(|e| Endpoint { url: e.url.clone(), fingerprint: Some(e.fingerprint.clone()) })
            .collect();
        let cluster = NewCluster {
            name: name.parse()?,
            endpoints,
            token_id: format!("{TOKEN_USER}!desk"),
            token_secret: secret.into(),
            bridge: "vmbr0".into(),
            pool: None,
            vmids: VmidRange { first, last: first + 9_999 },
            // The annex takes in what the lodge has no room for, and may sleep until then.
            priority: i32::from(name == "lodge"),
        };
        let vmids = cluster.vmids;
        let cluster = engine.add_cluster(&house, cluster, None).await?;
        doors::open(engine, simulated, cluster.id, vmids).await?;
        clusters.push(cluster.id);
        for (number, node) in (9000..).zip(nodes) {
            machine_templates.push(NewSource {
                cluster_id: cluster.id,
                node: Some(node.parse()?),
                origin: Origin::Vm(number),
            });
        }
    }
    let volume = |cluster_id: &ClusterId, file: &str| NewSource {
        cluster_id: *cluster_id,
        node: None,
        origin: Origin::Volume(format!("local:vztmpl/{file}")),
    };
    let debian = "debian-12-standard_12.7-1_amd64.tar.zst";
    let alpine = "alpine-3.22-default_20250617_amd64.tar.xz";
    let from = |file: &str| clusters.iter().map(|cluster| volume(cluster, file)).collect();
    let debian = template(engine, "Debian 12", Kind::Lxc, size(1, 512, 8), from(debian)).await?;
    template(engine, "Alpine 3.22", Kind::Lxc, size(1, 256, 4), from(alpine)).await?;
    let machine = template(engine, "Debian 12 VM", Kind::Qemu, size(2, 2048, 16), machine_templates).await?;
    for (name, size) in
        [("Small", size(1, 1024, 10)), ("Medium", size(2, 4096, 40)), ("Large", size(4, 8192, 80))]
    {
        engine.create_plan(&house, NewPlan { name: name.parse()?, size, price: None }, None).await?;
    }
    let running = UnitPrices {
        core_micros: Micros(4000),
        memory_gib_micros: Micros(3000),
        disk_gib_micros: Micros(100),
    };
    engine.create_price_list(&house, NewPriceList { running, stopped: None }, None).await?;
    let gift =
        Adjustment { amount: Micros(25 * Micros::CREDIT.0), correction: false, reason: "welcome".into() };
    engine.post_adjustment(&house, admin.personal_project, gift, None).await?;
    for (name, template_id) in [("hearth", debian), ("cellar", machine)] {
        let instance = NewInstance {
            project_id: Some(admin.personal_project),
            name: name.parse()?,
            template_id,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings::default(),
        };
        engine.create_instance(&house, instance, None).await?;
    }
    guardian::open(engine, sim, clusters[0], clusters[1]).await?;
    Ok(admin)
}

fn size(cores: u32, memory_mib: u32, disk_gib: u32) -> Size {
    Size { cores, memory_mib, disk_gib }
}

async fn template(
    engine: &Engine,
    name: &str,
    kind: Kind,
    default_size: Size,
    sources: Vec<NewSource>,
) -> anyhow::Result<innkeeper_domain::ids::TemplateId> {
    let house = Actor::house();
    let new = NewTemplate {
        name: name.parse()?,
        kind,
        least: Size { disk_gib: 4, memory_mib: 128, cores: 1 },
        default_size,
        most: size(16, 65_536, 500),
        reports_address: true,
    };
    let template = engine.create_template(&house, new, None).await?;
    for source in sources {
        engine.add_template_source(&house, template.id, source, None).await?;
    }
    Ok(template.id)
}
