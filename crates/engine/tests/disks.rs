//! Extra disks: what was asked is what Proxmox has, what is removed is destroyed, and what is there is paid.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use innkeeper_domain::access::Actor;
use innkeeper_domain::disks::Bus;
use innkeeper_domain::ids::TemplateId;
use innkeeper_domain::instances::{Act, Instance, Kind};
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::quotas::{Overrides, Resource};
use innkeeper_engine::{
    Adjustment, DiskChange, DiskWanted, Error, Fittings, NewInstance, NewPriceList, WantedSize,
};
use pve_sim::{Count, Effect, Rule};

mod house;

use house::House;

fn wanted(kind: Kind, size_gib: u32, path: &str) -> DiskWanted {
    let path = (kind == Kind::Lxc).then(|| path.parse().unwrap());
    // Every other machine's disk is a virtio disk.
    let bus = (kind == Kind::Qemu && size_gib % 2 == 1).then_some(Bus::Virtio);
    DiskWanted { size_gib, path, bus }
}

impl House {
    async fn make(&self, name: &str, template_id: TemplateId, disks: Vec<DiskWanted>) -> Operation {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings { disks, ..Fittings::default() },
        };
        let asked = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        let made = self.settled(asked.id).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        made
    }

    async fn ask(&self, of: &Operation, change: DiskChange) -> Result<Operation, Error> {
        let asked = self.engine.change_disks(&self.owner, of.instance_id, change, None).await?;
        Ok(self.settled(asked.id).await)
    }

    async fn redisk(&self, of: &Operation, change: DiskChange) -> Operation {
        let done = self.ask(of, change).await.unwrap();
        assert_eq!(done.state, State::Succeeded, "{done:#?}");
        done
    }

    async fn read(&self, of: &Operation) -> Instance {
        self.engine.instance(&self.owner, of.instance_id).await.unwrap()
    }

    fn config(&self, instance: &Instance) -> BTreeMap<String, String> {
        self.sim.cluster("lodge").with(|world| world.guest(instance.vmid).unwrap().config.clone())
    }

    /// Volumes of the guest on the storage, as Proxmox lists them.
    async fn volumes(&self, instance: &Instance) -> usize {
        let endpoint = self.sim.cluster("lodge").endpoint(instance.node.as_str());
        let trust = pve::Trust::pin(endpoint.fingerprint.parse().unwrap());
        let endpoint = pve::Endpoint::new(&endpoint.url, trust).unwrap();
        let token = pve::Credentials::token("root@pam!inn", innkeeper_testing::SECRET.to_owned()).unwrap();
        let client = pve::Client::builder(endpoint, token).build().unwrap();
        let node = pve::NodeName::new(instance.node.as_str()).unwrap();
        let storage = pve::StorageId::new(instance.storage.as_str()).unwrap();
        let content = client.volumes(&node, &storage, None, None).await.unwrap();
        content.iter().filter(|volume| volume.vmid == pve::Vmid::new(instance.vmid).ok()).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_disks_is_what_proxmox_has() {
    let house = House::open().await;
    for (kind, template) in [(Kind::Lxc, house.container), (Kind::Qemu, house.machine)] {
        let made = house.make(kind.as_str(), template, vec![wanted(kind, 3, "/srv/a")]).await;
        let instance = house.read(&made).await;
        let before = house.volumes(&instance).await;
        let slots = if kind == Kind::Lxc { ["mp8", "mp9"] } else { ["virtio8", "scsi9"] };
        let config = house.config(&instance);
        assert!(config[slots[0]].contains("size=3G"), "{config:?}");
        assert!(config[slots[0]].contains(if kind == Kind::Lxc { "mp=/srv/a" } else { "serial=innkeeper1" }));

        let added = house.redisk(&made, DiskChange::Add(wanted(kind, 4, "/srv/b"))).await;
        assert_eq!(added.steps.iter().map(|step| step.act).collect::<Vec<_>>(), [Act::Configure]);
        assert!(house.config(&instance)[slots[1]].contains("size=4G"));
        assert_eq!(house.volumes(&instance).await, before + 1);
        let grown = house.redisk(&made, DiskChange::Grow(2, 9)).await;
        assert_eq!(grown.steps.iter().map(|step| step.act).collect::<Vec<_>>(), [Act::Grow]);
        assert!(house.config(&instance)[slots[1]].contains("size=9G"));
        let used = house.engine.quota(&house.owner, house.project).await.unwrap().used.disk_gib;
        assert_eq!(used % 100, u64::from(instance.size.disk_gib) + 3 + 9);

        // Refused by name, and nothing is changed.
        let same = house.ask(&made, DiskChange::Grow(2, 9)).await;
        assert!(matches!(same, Err(Error::Invalid { field: "size_gib", .. })), "{same:?}");
        let running = house.ask(&made, DiskChange::Remove(2)).await;
        assert!(matches!(running, Err(Error::Conflict { code: "running", .. })), "{running:?}");
        assert!(matches!(house.ask(&made, DiskChange::Grow(7, 9)).await, Err(Error::NotFound(_))));
        let odd = DiskWanted {
            path: (kind == Kind::Qemu).then(|| "/srv".parse().unwrap()),
            ..wanted(kind, 4, "/x")
        };
        assert!(matches!(
            house.ask(&made, DiskChange::Add(odd)).await,
            Err(Error::Invalid { field: "path", .. })
        ));

        house.change(&made, Verb::Stop).await;
        house.redisk(&made, DiskChange::Remove(2)).await;
        let config = house.config(&instance);
        assert!(
            !config.contains_key(slots[1]) && !config.keys().any(|key| key.starts_with("unused")),
            "{config:?}"
        );
        assert_eq!(house.volumes(&instance).await, before, "the volume is destroyed");
        let settings = house.read(&made).await.settings;
        assert_eq!((settings.disks.len(), settings.removed_disks.len(), settings.disks_before), (1, 0, None));
        house.change(&made, Verb::Delete).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_in_the_middle_of_a_removal_leaves_nothing_behind() {
    let house = House::open().await;
    for (kind, template, method) in [(Kind::Lxc, house.container, "PUT"), (Kind::Qemu, house.machine, "POST")]
    {
        for (n, effect) in [Effect::DropAfter, Effect::DropBefore].into_iter().enumerate() {
            for skip in 0..if kind == Kind::Lxc { 2 } else { 1 } {
                let name = format!("{kind}-{n}-{skip}");
                let made = house.make(&name, template, vec![wanted(kind, 3, "/srv/a")]).await;
                let instance = house.read(&made).await;
                let before = house.volumes(&instance).await;
                house.change(&made, Verb::Stop).await;
                let rule = Rule::on_call(method, "/config$", effect.clone()).skip(skip);
                house.sim.cluster("lodge").faults().add(rule).unwrap();
                house.redisk(&made, DiskChange::Remove(1)).await;
                house.sim.cluster("lodge").faults().clear();
                let config = house.config(&instance);
                assert!(!config.keys().any(|key| key.starts_with("unused")), "{name}: {config:?}");
                assert_eq!(house.volumes(&instance).await, before - 1, "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_paid_from_when_it_is_there_until_it_is_gone() {
    let house = House::open().await;
    let disk = UnitPrices { disk_gib_micros: Micros(1_000_000), ..UnitPrices::default() };
    let prices = NewPriceList { running: disk, stopped: Some(disk) };
    house.engine.create_price_list(&Actor::house(), prices, None).await.unwrap();
    let gift = Adjustment { amount: Micros(30_000_000), correction: false, reason: "a test".into() };
    house.engine.post_adjustment(&Actor::house(), house.project, gift, None).await.unwrap();
    let made = house.make("web", house.container, vec![wanted(Kind::Lxc, 2, "/srv/a")]).await;
    let held = async || house.engine.balance(&house.owner, house.project).await.unwrap().held.0 / 1_000_000;
    let rate = async || house.read(&made).await.rate.running_micros.0 / 1_000_000;
    assert_eq!((rate().await, held().await), (8, 8));
    house.redisk(&made, DiskChange::Add(wanted(Kind::Lxc, 4, "/srv/b"))).await;
    assert_eq!((rate().await, held().await), (12, 12));
    house.redisk(&made, DiskChange::Grow(2, 5)).await;
    assert_eq!((rate().await, held().await), (13, 13));

    // What could not be had is neither there nor paid, and what was held for it is given back.
    let refused = Effect::Answer { status: 500, text: "no space left on device".into() };
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_call("PUT", "/(config|resize)$", refused).count(Count::Always)).unwrap();
    for change in [DiskChange::Add(wanted(Kind::Lxc, 6, "/srv/c")), DiskChange::Grow(2, 9)] {
        assert_eq!(house.ask(&made, change).await.unwrap().state, State::Failed);
        assert_eq!((rate().await, held().await), (13, 13));
    }
    cluster.faults().clear();
    let disks = house.read(&made).await.settings.disks;
    assert_eq!(disks.iter().map(|disk| disk.size_gib).collect::<Vec<_>>(), [2, 5]);
    // Nor is what nobody can pay, or what is too much.
    let much = house.ask(&made, DiskChange::Add(wanted(Kind::Lxc, 40, "/srv/c"))).await;
    assert!(matches!(much, Err(Error::InsufficientCredits { .. })), "{much:?}");
    let set = Overrides { disk_gib: Some(20), ..Overrides::default() };
    house.engine.set_quota(&Actor::house(), house.project, set).await.unwrap();
    let much = house.ask(&made, DiskChange::Add(wanted(Kind::Lxc, 8, "/srv/c"))).await;
    assert!(
        matches!(&much, Err(Error::Quota(more)) if more.what == Resource::Disk && more.used == 13),
        "{much:?}"
    );

    // Another size keeps its disks in the price.
    let size = innkeeper_domain::sizes::Size { cores: 1, memory_mib: 512, disk_gib: 7 };
    let to = WantedSize::Custom(size);
    let asked = house.engine.resize_instance(&house.owner, made.instance_id, to, None).await.unwrap();
    assert_eq!(house.settled(asked.id).await.state, State::Succeeded);
    assert_eq!(rate().await, 14);
    house.change(&made, Verb::Stop).await;
    house.redisk(&made, DiskChange::Remove(2)).await;
    assert_eq!((rate().await, held().await), (9, 9));
    house.change(&made, Verb::Delete).await;
    let audit = house.engine.audit_ledger(&Actor::house()).await.unwrap();
    assert_eq!((audit.sum, audit.unbalanced, audit.drifted, audit.misheld), (0, 0, 0, 0));
}
