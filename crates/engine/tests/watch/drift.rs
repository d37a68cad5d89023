//! What changes behind our back is seen within one poll, and what only looks like it is not told.

use std::collections::BTreeSet;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::drift::{Drift, Kind};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::mark;
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::prices::UnitPrices;
use innkeeper_domain::sizes::Size;
use innkeeper_engine::{Adjustment, Error, NewPriceList, Options, WantedSize};
use innkeeper_store::drift;
use pve_sim::{Count, Effect, Guest, Profile, Rule};

use crate::house::{House, PATIENCE, options};

const CONFIG: &str = "GET /nodes/{node}/lxc/{vmid}/config";

impl House {
    /// A house that talks of locks at once.
    async fn watchful(profile: Profile) -> Self {
        Self::open_with(profile, Options { lock_patience: Duration::ZERO, ..options() }).await
    }

    /// Changes a guest behind our back, and has Proxmox publish its figures.
    fn meddle(&self, vmid: u32, change: impl FnOnce(&mut Guest)) {
        self.sim.cluster("lodge").with(|world| {
            change(world.guest_mut(vmid).unwrap());
            world.publish_now();
        });
    }

    fn set(&self, vmid: u32, option: &str, value: &str) {
        self.meddle(vmid, |guest| drop(guest.config.insert(option.to_owned(), value.to_owned())));
    }

    async fn drift(&self, id: InstanceId) -> Vec<Drift> {
        self.engine.drifts(&[id]).await.unwrap().remove(&id).unwrap_or_default()
    }

    async fn kinds(&self, id: InstanceId) -> Vec<(Kind, String)> {
        self.drift(id).await.into_iter().map(|drift| (drift.kind, drift.what)).collect()
    }

    /// Waits until so many polls have begun after this moment and ended.
    async fn polled(&self, times: u64) {
        // One that is under way may have read before.
        let until = self.polls() + times + 1;
        let waited = async {
            while self.polls() <= until {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.expect("the cluster is polled");
    }

    /// Waits until what is held of a guest is known, so that anything else differs.
    async fn known(&self, instance: &Instance) {
        let known = async {
            while drift::baseline(&self.db, instance.id).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.expect("the guest is looked at");
    }

    /// Waits until exactly this differs, and says how many polls began in the meantime.
    async fn differs(&self, id: InstanceId, expected: &[(Kind, &str)]) -> u64 {
        let before = self.polls();
        let expected: Vec<(Kind, String)> =
            expected.iter().map(|(kind, what)| (*kind, (*what).to_owned())).collect();
        let seen = async {
            loop {
                let polls = self.polls();
                if self.kinds(id).await == expected {
                    return polls - before;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let Ok(polls) = tokio::time::timeout(Duration::from_secs(20), seen).await else {
            panic!("expected {expected:?}, found {:?}", self.drift(id).await);
        };
        polls
    }

    /// The same, within one poll: the first that begins afterwards. One that was under way, and the next that begins
    /// before we look, count besides.
    async fn seen_within_one_poll(&self, id: InstanceId, expected: &[(Kind, &str)]) {
        let polls = self.differs(id, expected).await;
        assert!(polls <= 3, "{expected:?} was seen after {polls} polls");
    }
}

async fn each_kind(profile: Profile) {
    let house = House::watchful(profile).await;
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let made = house.create(name, template).await;
        let (id, vmid) = (made.id, made.vmid);
        house.known(&made).await;
        house.sim.cluster("lodge").with(pve_sim::World::publish_now);
        house.polled(2).await;
        assert_eq!(house.drift(id).await, [], "nothing differs of a guest that was just made");
        let config = house.sim.cluster("lodge").with(|world| world.guest(vmid).unwrap().config.clone());
        let back = |option: &str| house.set(vmid, option, &config[option]);

        for (option, value, what, expected, found) in
            [("cores", "4", "cores", "2", "4"), ("memory", "1024", "memory_mib", "512", "1024")]
        {
            house.set(vmid, option, value);
            house.seen_within_one_poll(id, &[(Kind::Changed, what)]).await;
            let told = &house.drift(id).await[0];
            assert_eq!((told.expected.as_deref(), told.found.as_deref()), (Some(expected), Some(found)));
            back(option);
            house.seen_within_one_poll(id, &[]).await;
        }
        let (name_option, disk) = if name == "web" { ("hostname", "rootfs") } else { ("name", "scsi0") };
        house.set(vmid, name_option, "renamed");
        house.seen_within_one_poll(id, &[(Kind::Changed, "name")]).await;
        back(name_option);
        house.seen_within_one_poll(id, &[]).await;

        let grown = config[disk].replace("size=6G", "size=9G");
        assert_ne!(grown, config[disk], "{config:?}");
        house.set(vmid, disk, &grown);
        house.seen_within_one_poll(id, &[(Kind::Changed, "disk_gib")]).await;
        back(disk);
        house.seen_within_one_poll(id, &[]).await;

        house.set(vmid, "tags", "innkeeper;other");
        house.seen_within_one_poll(id, &[(Kind::Changed, "tags")]).await;
        back("tags");
        house.seen_within_one_poll(id, &[]).await;

        house.set(vmid, "net0", &config["net0"].replace("vmbr0", "vmbr1"));
        house.seen_within_one_poll(id, &[(Kind::Changed, "net0")]).await;
        back("net0");
        house.seen_within_one_poll(id, &[]).await;

        // Only the description was rewritten: no row of the inventory tells, but the round does.
        house.set(vmid, "description", "my own words\n");
        house.seen_within_one_poll(id, &[(Kind::MarkMissing, "mark_missing")]).await;
        house.set(vmid, "description", &mark::description(InstanceId::new()));
        house.seen_within_one_poll(id, &[(Kind::AnothersMark, "anothers_mark")]).await;
        back("description");
        house.seen_within_one_poll(id, &[]).await;

        house.set(vmid, "lock", "backup");
        house.seen_within_one_poll(id, &[(Kind::ForeignLock, "lock")]).await;
        house.sim.cluster("lodge").with(|world| world.set_lock(vmid, None));
        house.seen_within_one_poll(id, &[]).await;

        let from = made.node.to_string();
        let to = if from == "oak" { "elm" } else { "oak" };
        house.meddle(vmid, |guest| to.clone_into(&mut guest.node));
        house.seen_within_one_poll(id, &[(Kind::Moved, "node")]).await;
        let told = &house.drift(id).await[0];
        assert_eq!((told.expected.as_deref(), told.found.as_deref()), (Some(from.as_str()), Some(to)));
        let followed = house.engine.instance(&house.owner, id).await.unwrap();
        assert_eq!(followed.node.as_str(), to, "it is followed");
        house.meddle(vmid, |guest| guest.node.clone_from(&from));
        house.seen_within_one_poll(id, &[]).await;

        house.sim.cluster("lodge").with(|world| world.remove_guest(vmid));
        house.seen_within_one_poll(id, &[(Kind::Vanished, "vanished")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_drift_is_seen_within_one_poll() {
    each_kind(Profile::V9_2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_it_is_on_8_4() {
    each_kind(Profile::V8_4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_told_only_when_it_has_stood_for_a_while() {
    let house = House::open(Profile::V9_2).await;
    let made = house.create("web", house.container).await;
    house.known(&made).await;
    house.set(made.vmid, "lock", "backup");
    house.polled(3).await;
    assert_eq!(house.drift(made.id).await, []);
    let noted = drift::of(&house.db, [made.id]).await.unwrap().remove(&made.id).unwrap();
    assert!(noted.len() == 1 && !noted[0].1, "it is noted since when it stands: {noted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_work_what_waits_and_what_is_not_known_is_no_drift() {
    let house = House::watchful(Profile::V9_2).await;
    let web = house.create("web", house.container).await;
    let machine = house.create("box", house.machine).await;
    for made in [&web, &machine] {
        house.known(made).await;
    }
    let told = || async {
        let mut told = Vec::new();
        for made in [&web, &machine] {
            told.extend(house.kinds(made.id).await);
        }
        told
    };
    // After a resize the inventory still has the old figures, and a machine has its new ones waiting for a restart.
    for made in [&web, &machine] {
        let size = Size { cores: 4, memory_mib: 1024, disk_gib: 8 };
        let asked = house.engine.resize_instance(&house.owner, made.id, WantedSize::Custom(size), None);
        let asked = asked.await.unwrap();
        // While it is under way the guest is neither what it was nor what it shall be.
        assert_eq!(house.settled(asked).await.state, State::Succeeded);
        house.polled(2).await;
        assert_eq!(told().await, []);
        house.sim.cluster("lodge").with(pve_sim::World::publish_now);
        house.polled(2).await;
        assert_eq!(told().await, []);
    }
    // A running operation, a stop, a start, other tags and another name that we ourselves gave.
    let update = innkeeper_engine::InstanceUpdate {
        name: Some("www".parse().unwrap()),
        tags: Some(BTreeSet::from(["blue".parse().unwrap()])),
        onboot: Some(true),
        ..innkeeper_engine::InstanceUpdate::default()
    };
    let asked = house.engine.update_instance(&house.owner, web.id, update, None).await.unwrap();
    assert_eq!(house.settled(asked).await.state, State::Succeeded);
    for verb in [Verb::Stop, Verb::Start] {
        let asked = house.engine.change_instance(&house.owner, web.id, verb, None).await.unwrap();
        house.settled(asked).await;
        house.sim.cluster("lodge").with(pve_sim::World::publish_now);
        house.polled(2).await;
        assert_eq!(told().await, [], "after {verb}");
    }
    // A task of ours holds the guest under a lock of Proxmox while it runs.
    let cluster = house.sim.cluster("lodge");
    cluster.faults().add(Rule::on_task("vzshutdown", Effect::TaskHolds)).unwrap();
    let asked = house.engine.change_instance(&house.owner, web.id, Verb::Shutdown, None).await.unwrap();
    house.set(web.vmid, "lock", "disk");
    house.polled(2).await;
    assert_eq!(told().await, []);
    house.sim.cluster("lodge").with(|world| world.set_lock(web.vmid, None));
    cluster.faults().clear();
    cluster.release_tasks();
    house.settled(asked).await;
    // The node is away: its guests keep their last figures and then have none, but nothing of them differs.
    house.sim.cluster("lodge").with(|world| world.kill_node(machine.node.as_str()));
    house.polled(3).await;
    assert_eq!(told().await, []);
    assert!(cluster.stats().calls["GET /cluster/resources"] > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_looked_at_once_and_the_round_is_bounded() {
    let house = House::watchful(Profile::V9_2).await;
    let mut made = Vec::new();
    for n in 0..6 {
        made.push(house.create(&format!("web-{n}"), house.container).await);
    }
    for instance in &made {
        house.known(instance).await;
    }
    house.set(made[0].vmid, "cores", "4");
    house.differs(made[0].id, &[(Kind::Changed, "cores")]).await;
    let (polls, looks) = (house.polls(), house.calls(CONFIG));
    house.polled(10).await;
    let (polls, looks) = (house.polls() - polls, house.calls(CONFIG) - looks);
    assert!(looks <= 2 * (polls + 1), "{looks} looks in {polls} polls of 6 guests");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proxmox_has_is_accepted_and_paid_for() {
    let house = House::watchful(Profile::V9_2).await;
    let core = UnitPrices { core_micros: Micros(1_000), ..UnitPrices::default() };
    let prices = NewPriceList { running: core, stopped: None };
    house.engine.create_price_list(&Actor::house(), prices, None).await.unwrap();
    let gift = Adjustment { amount: Micros(1_000_000), correction: false, reason: "a test".into() };
    house.engine.post_adjustment(&Actor::house(), house.project, gift, None).await.unwrap();
    let made = house.create("web", house.container).await;
    house.known(&made).await;
    let id = made.id;
    house.meddle(made.vmid, |guest| {
        guest.config.insert("cores".into(), "4".into());
        guest.config.insert("hostname".into(), "www".into());
    });
    house.differs(id, &[(Kind::Changed, "cores"), (Kind::Changed, "name")]).await;
    let refused = house.engine.accept_drift(&house.owner, id, false).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "staff decide: {refused:?}");
    let staff = Actor::house();
    let done = house.engine.accept_drift(&staff, id, false).await.unwrap();
    assert_eq!(done.drifts.len(), 2);
    let after = house.engine.instance(&house.owner, id).await.unwrap();
    assert_eq!((after.size.cores, after.name.as_str()), (4, "www"));
    assert_eq!((made.rate.running_micros, after.rate.running_micros), (Micros(2_000), Micros(4_000)));
    house.polled(2).await;
    assert_eq!(house.drift(id).await, []);
    // Smaller, and so cheaper: only where that is said.
    house.set(made.vmid, "cores", "1");
    house.differs(id, &[(Kind::Changed, "cores")]).await;
    let refused = house.engine.accept_drift(&staff, id, false).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "cheaper", .. })), "{refused:?}");
    house.engine.accept_drift(&staff, id, true).await.unwrap();
    let after = house.engine.instance(&house.owner, id).await.unwrap();
    assert_eq!((after.size.cores, after.rate.running_micros), (1, Micros(1_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_hold_is_restored() {
    let house = House::watchful(Profile::V9_2).await;
    let staff = Actor::house();
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let made = house.create(name, template).await;
        house.known(&made).await;
        let (id, vmid) = (made.id, made.vmid);
        let before = house.sim.cluster("lodge").with(|world| world.guest(vmid).unwrap().config.clone());
        house.meddle(vmid, |guest| {
            let config = &mut guest.config;
            config.insert("cores".into(), "4".into());
            config.insert("memory".into(), "2048".into());
            config.insert("tags".into(), "innkeeper;rogue".into());
            config.insert("description".into(), "mine\n".into());
            let net = config["net0"].replace("vmbr0", "vmbr1");
            config.insert("net0".into(), net);
            config.insert(
                "net1".into(),
                if name == "web" { "name=eth1,bridge=vmbr0" } else { "e1000,bridge=vmbr0" }.into(),
            );
        });
        house.differs(id, &[(Kind::MarkMissing, "mark_missing")]).await;
        let done = house.engine.restore_drift(&staff, id).await.unwrap();
        let operation = done.operation.expect("cores and memory take an operation");
        let ended = house.settled(operation).await;
        assert_eq!((ended.state, ended.fault), (State::Succeeded, None));
        let after = house.sim.cluster("lodge").with(|world| {
            let guest = world.guest(vmid).unwrap();
            let pending = guest.pending.clone();
            let mut config = guest.config.clone();
            for (option, value) in pending {
                match value {
                    Some(value) => drop(config.insert(option, value)),
                    None => drop(config.remove(&option)),
                }
            }
            config
        });
        for option in ["cores", "memory", "tags", "net0"] {
            assert_eq!(after.get(option), before.get(option), "{option} of {name}");
        }
        assert_eq!(after.get("net1"), None);
        assert_eq!(mark::read(&after["description"]), Some(id));
        assert!(after["description"].starts_with("mine\n"), "what stands there stays");
        house.differs(id, &[]).await;
    }
    // A disk that has grown cannot be made smaller; another's guest is not touched.
    let made = house.create("third", house.container).await;
    house.known(&made).await;
    house.meddle(made.vmid, |guest| {
        let grown = guest.config["rootfs"].replace("size=6G", "size=9G");
        guest.config.insert("rootfs".into(), grown);
    });
    house.differs(made.id, &[(Kind::Changed, "disk_gib")]).await;
    let refused = house.engine.restore_drift(&staff, made.id).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "nothing_to_restore", .. })), "{refused:?}");
    house.set(made.vmid, "description", &mark::description(InstanceId::new()));
    house.differs(made.id, &[(Kind::AnothersMark, "anothers_mark")]).await;
    for refused in [
        house.engine.restore_drift(&staff, made.id).await.map(drop),
        house.engine.accept_drift(&staff, made.id, true).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Conflict { code: "not_ours", .. })), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_move_is_no_drift_and_drift_is_told_once() {
    let house = House::watchful(Profile::V9_2).await;
    let made = house.create("web", house.container).await;
    house.known(&made).await;
    let mut events = house.engine.watch(&house.owner, None).await.unwrap();
    house.set(made.vmid, "cores", "3");
    house.differs(made.id, &[(Kind::Changed, "cores")]).await;
    house.polled(3).await;
    house.set(made.vmid, "cores", "2");
    house.differs(made.id, &[]).await;
    house.polled(1).await;
    let mut told = Vec::new();
    while let Ok(Ok(news)) = tokio::time::timeout(Duration::from_secs(2), events.next()).await {
        let ours = news.iter().filter(|event| event.subject_id == made.id.to_string());
        told.extend(ours.map(|event| event.what.clone()).filter(|what| what.starts_with("drift")));
        if told.len() >= 2 {
            break;
        }
    }
    assert_eq!(told, ["drift", "drift_over"]);
    // What would make this one differ is kept away from the cluster: no answer, no news.
    let hang = Effect::Answer { status: 595, text: "away".into() };
    let rule = Rule::on_call("GET", "/config$", hang).count(Count::Always);
    house.sim.cluster("lodge").faults().add(rule).unwrap();
    house.set(made.vmid, "cores", "3");
    house.polled(2).await;
    assert_eq!(house.drift(made.id).await, []);
    house.sim.cluster("lodge").faults().clear();
    house.differs(made.id, &[(Kind::Changed, "cores")]).await;
}
