//! Guests that were there before become instances, and nothing of them changes but our mark.

use std::collections::BTreeMap;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::adoptions::State;
use innkeeper_domain::clusters::Cluster;
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::instances::{Instance, State as InstanceState};
use innkeeper_domain::mark;
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::quotas::Overrides;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_engine::{Adjustment, AdoptionPrice, Engine, Error, NewAdoptions};
use innkeeper_store::{instances, usage};
use innkeeper_testing::run;
use pve_sim::{Count, Effect, Kind as GuestKind, Profile, Rule};

use crate::house::{House, PATIENCE, options};

const FREE: AdoptionPrice = AdoptionPrice::Rate(Rate::FREE);

/// Everything that a guest is, but whether it runs.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    node: String,
    pool: Option<String>,
    config: BTreeMap<String, String>,
    pending: BTreeMap<String, Option<String>>,
    snapshots: String,
}

fn shape(house: &House, vmid: u32) -> Shape {
    house.sim.cluster("lodge").with(|world| {
        let guest = world.guest(vmid).unwrap();
        Shape {
            node: guest.node.clone(),
            pool: guest.pool.clone(),
            config: guest.config.clone(),
            pending: guest.pending.clone(),
            snapshots: format!("{:?}", guest.snapshots),
        }
    })
}

/// The guest as it was but for our mark and tag, byte for byte.
#[track_caller]
fn differs_by_mark_only(before: &Shape, after: &Shape, id: InstanceId) {
    let (mut was, mut is) = (before.clone(), after.clone());
    let described = was.config.remove("description").unwrap_or_default();
    let marked = is.config.remove("description").unwrap();
    let rest = marked.strip_prefix(described.as_str()).expect("what stood there still stands there");
    assert_eq!(rest.trim_matches('\n'), mark::description(id));
    let tags = |shape: &mut Shape| -> Vec<String> {
        let text = shape.config.remove("tags").unwrap_or_default();
        text.split(';').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
    };
    let (mut had, has) = (tags(&mut was), tags(&mut is));
    if !had.iter().any(|tag| tag == mark::TAG) {
        had.push(mark::TAG.to_owned());
        had.sort();
    }
    assert_eq!(had, has);
    assert_eq!(was, is);
}

/// So many guests of both kinds with odd configurations, half of them running.
fn furnish(house: &House, count: u32) -> Vec<u32> {
    let descriptions = [
        None,
        Some("notes\n"),
        Some("Grüße 🦀 — «ünïcödé»\n\n\twith tabs\n\nand lines\n"),
        Some("\n\n  leading\n"),
        Some("50% = half & more + less; a:b\n"),
        Some("# heading\n\n* innkeeper\n* list\n"),
    ];
    house.sim.cluster("lodge").with(|world| {
        world.add_pool("friends");
        (0..count)
            .map(|n| {
                let vmid = 500 + n;
                let node = if n % 3 == 0 { "elm" } else { "oak" };
                let (size, number) = (format!("{}G", 4 + n % 7), n.to_string());
                let mut config: BTreeMap<String, String> = BTreeMap::new();
                let mut set = |name: &str, value: &str| config.insert(name.to_owned(), value.to_owned());
                set("memory", if n % 2 == 0 { "768" } else { "1024" });
                let kind = if n % 2 == 0 { GuestKind::Lxc } else { GuestKind::Qemu };
                if kind == GuestKind::Lxc {
                    set("hostname", &format!("Old.Box{number}.example.org"));
                    set("rootfs", &format!("local-lvm:vm-{vmid}-disk-0,size={size}"));
                    if n % 4 == 0 {
                        set("cores", "3");
                    }
                    for disk in 0..n % 5 {
                        let mount =
                            format!("local-lvm:vm-{vmid}-disk-{},mp=/srv/{disk},backup=1,size=2G", disk + 1);
                        set(&format!("mp{disk}"), &mount);
                    }
                    set("net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth");
                    set("features", "nesting=1,keyctl=1");
                } else {
                    set("name", &format!("machine-{number}"));
                    set("cores", "2");
                    if n % 3 == 0 {
                        set("sockets", "2");
                    }
                    set("boot", "order=virtio0;ide2");
                    set("virtio0", &format!("local-lvm:vm-{vmid}-disk-0,discard=on,size={size}"));
                    for disk in 1..n % 6 {
                        let extra = format!("local-lvm:vm-{vmid}-disk-{disk},iothread=1,size=8G");
                        set(&format!("scsi{disk}"), &extra);
                    }
                    set("ide2", "none,media=cdrom");
                    set("net0", "virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1,tag=12");
                    set("net1", "e1000=BC:24:11:00:00:03,bridge=vmbr0");
                    set("smbios1", "uuid=b9a6d0f2-7c52-4d0a-9f5c-0d7a6a1f2b33");
                }
                if n % 5 == 0 {
                    set("protection", "1");
                }
                if n % 7 == 0 {
                    set("onboot", "1");
                }
                if let Some(text) = descriptions[n as usize % descriptions.len()] {
                    set("description", text);
                }
                match n % 4 {
                    1 => set("tags", "prod;web"),
                    2 => set("tags", "innkeeper"),
                    _ => None,
                };
                let pairs: Vec<(&str, &str)> = config.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                world.add_guest(node, kind, vmid, &pairs, n % 4 < 2);
                if n % 3 == 1 {
                    world.guest_mut(vmid).unwrap().pool = Some("friends".to_owned());
                }
                vmid
            })
            .collect()
    })
}

async fn roomy(house: &House) {
    let much = Some(1_000_000);
    let set = Overrides { instances: much, cores: much, memory_mib: much, disk_gib: much };
    house.engine.set_quota(&Actor::house(), house.project, set).await.unwrap();
}

fn wanted(house: &House, vmids: &[u32], price: AdoptionPrice) -> NewAdoptions {
    NewAdoptions { vmids: Some(vmids.to_vec()), project_id: house.project, price }
}

/// Waits until every adoption of these guests is adopted, or over.
async fn ended(
    engine: &Engine,
    cluster: &Cluster,
    vmids: &[u32],
) -> BTreeMap<u32, (State, InstanceId, Option<String>)> {
    let ended = async {
        loop {
            let all = engine.adoptions(&Actor::house(), cluster.id, None, 1000).await.unwrap();
            let mut newest = BTreeMap::new();
            for adoption in all.into_iter().filter(|adoption| vmids.contains(&adoption.vmid)) {
                newest.entry(adoption.vmid).or_insert((
                    adoption.state,
                    adoption.instance_id,
                    adoption.problem,
                ));
            }
            let open = [State::Wished, State::Undoing, State::Releasing];
            if newest.len() == vmids.len() && newest.values().all(|(state, ..)| !open.contains(state)) {
                return newest;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the adoptions end")
}

async fn only(house: &House, vmid: u32) -> (State, InstanceId, Option<String>) {
    ended(&house.engine, &house.cluster, &[vmid]).await.remove(&vmid).unwrap()
}

async fn instance(house: &House, id: InstanceId) -> Instance {
    house.engine.instance(&house.owner, id).await.unwrap()
}

async fn adopt_a_hundred(profile: Profile) {
    let house = House::open(profile).await;
    let vmids = furnish(&house, 100);
    house.sim.cluster("lodge").with(pve_sim::World::publish_now);
    roomy(&house).await;
    let before: BTreeMap<u32, Shape> = vmids.iter().map(|vmid| (*vmid, shape(&house, *vmid))).collect();
    let staff = Actor::house();

    let seen = house.engine.guests(&staff, house.cluster.id).await.unwrap();
    let old: Vec<_> = seen.iter().filter(|guest| vmids.contains(&guest.vmid)).collect();
    assert!(old.len() == 100 && old.iter().all(|guest| guest.obstacle.is_none() && !guest.in_range));
    assert_eq!(old.iter().filter(|guest| guest.doubtful).count(), 25, "those with our tag");

    let all = wanted(&house, &vmids, FREE);
    let plan = house.engine.plan_adoptions(&staff, house.cluster.id, &all).await.unwrap();
    assert_eq!(plan.iter().filter(|item| item.draft.is_some()).count(), 100, "{plan:#?}");
    for vmid in &vmids {
        assert_eq!(shape(&house, *vmid), before[vmid], "a plan changes nothing");
    }
    assert!(house.engine.adoptions(&staff, house.cluster.id, None, 9).await.unwrap().is_empty());

    house.engine.adopt(&staff, house.cluster.id, &all, None).await.unwrap();
    let adopted = ended(&house.engine, &house.cluster, &vmids).await;
    let mut ids = std::collections::BTreeSet::new();
    for (vmid, (state, id, problem)) in &adopted {
        assert_eq!(*state, State::Adopted, "{vmid}: {problem:?}");
        assert!(ids.insert(*id));
        differs_by_mark_only(&before[vmid], &shape(&house, *vmid), *id);
        let instance = instance(&house, *id).await;
        assert_eq!((instance.vmid, instance.template_id), (*vmid, None));
        assert!(matches!(instance.origin, Origin::Adopted { .. }));
        let n = vmid - 500;
        let runs = if n % 4 < 2 { InstanceState::Running } else { InstanceState::Stopped };
        assert_eq!(instance.state(), runs, "{instance:#?}");
        assert_eq!(instance.size.disk_gib, 4 + n % 7);
        if n % 2 == 1 {
            assert_eq!(instance.size.cores, if n % 3 == 0 { 4 } else { 2 }, "sockets count");
        }
    }

    // And given back, they are as they were.
    for id in ids {
        house.engine.release_instance(&staff, id, None).await.unwrap();
    }
    let released = ended(&house.engine, &house.cluster, &vmids).await;
    for (vmid, (state, id, problem)) in &released {
        assert_eq!(*state, State::Released, "{vmid}: {problem:?}");
        assert_eq!(shape(&house, *vmid), before[vmid]);
        assert_eq!(instance(&house, *id).await.state(), InstanceState::Deleted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_odd_guests_are_adopted_and_differ_by_our_mark_only() {
    adopt_a_hundred(Profile::V9_2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_they_are_on_8_4() {
    adopt_a_hundred(Profile::V8_4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_adopted_is_told_and_left_alone() {
    let house = House::open(Profile::V9_2).await;
    let vmids = furnish(&house, 4);
    let staff = Actor::house();
    let foreign = mark::description(InstanceId::new());
    house.sim.cluster("lodge").with(|world| {
        world.set_lock(500, Some("backup"));
        world.guest_mut(501).unwrap().config.insert("description".into(), format!("x\n{foreign}\n"));
        world.guest_mut(502).unwrap().config.insert("description".into(), "x".repeat(mark::LONGEST));
        world.publish_now();
    });
    let ours = house.create("web", house.container).await;
    let asked = [500, 501, 502, 503, 9000, ours.vmid, 77_777];
    let wanted = wanted(&house, &asked, FREE);
    let items = house.engine.adopt(&staff, house.cluster.id, &wanted, None).await.unwrap();
    let told: BTreeMap<u32, Option<&str>> =
        items.iter().map(|item| (item.vmid, item.problem.as_ref().map(|(code, _)| *code))).collect();
    let expected = [
        (500, Some("locked")),
        (501, Some("anothers_mark")),
        (502, Some("no_room")),
        (503, None),
        (9000, Some("template")),
        (ours.vmid, Some("ours")),
        (77_777, Some("not_there")),
    ];
    assert_eq!(told, expected.into());
    assert_eq!(only(&house, 503).await.0, State::Adopted);
    assert_eq!(vmids.len(), 4);
    // Who may not run the house may not take guests; who may not decide about money may not say what they cost.
    let refused = house.engine.adopt(&house.owner, house.cluster.id, &wanted, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let refused = house.engine.release_instance(&staff, ours.id, None).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "not_adopted", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_change_in_between_make_one_instance_and_lose_nothing() {
    let house = House::open(Profile::V9_2).await;
    furnish(&house, 2);
    house.sim.cluster("lodge").with(pve_sim::World::publish_now);
    let staff = Actor::house();
    let faults = house.sim.cluster("lodge").faults();
    // The answer to the first write is lost although it took effect; the write to the other guest is refused, as if
    // somebody had changed it since it was read.
    faults.add(Rule::on_call("PUT", "/lxc/500/config$", Effect::DropAfter).count(Count::Times(1))).unwrap();
    let text = "checksum mismatch (file change by other user?)".to_owned();
    let changed = Effect::Answer { status: 500, text };
    faults.add(Rule::on_call("PUT", "/qemu/501/config$", changed).count(Count::Times(2))).unwrap();
    let before = shape(&house, 500);
    house.engine.adopt(&staff, house.cluster.id, &wanted(&house, &[500, 501], FREE), None).await.unwrap();
    let ended = ended(&house.engine, &house.cluster, &[500, 501]).await;
    for (state, _, problem) in ended.values() {
        assert_eq!(*state, State::Adopted, "{problem:?}");
    }
    differs_by_mark_only(&before, &shape(&house, 500), ended[&500].1);
    let there = instances::in_cluster(&house.db, house.cluster.id).await.unwrap();
    assert_eq!(there.len(), 2, "one instance for each guest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_wish_and_mark_and_between_mark_and_instance_is_gone_on_from() {
    let house = House::open(Profile::V9_2).await;
    furnish(&house, 2);
    house.sim.cluster("lodge").with(pve_sim::World::publish_now);
    let staff = Actor::house();
    // This process takes the wish and dies.
    house.stop.cancel();
    let dead = Engine::new(house.db.clone(), house.keys.clone(), Clock::system(), options());
    dead.adopt(&staff, house.cluster.id, &wanted(&house, &[500, 501], FREE), None).await.unwrap();
    let wishes = dead.adoptions(&staff, house.cluster.id, None, 9).await.unwrap();
    assert!(wishes.iter().all(|adoption| adoption.state == State::Wished));
    // Of one guest, the mark was written before it died.
    let marked = wishes.iter().find(|adoption| adoption.vmid == 500).unwrap().instance_id;
    house.sim.cluster("lodge").with(|world| {
        world
            .guest_mut(500)
            .unwrap()
            .config
            .insert("description".into(), format!("{}\n", mark::description(marked)));
    });
    let stop = tokio_util::sync::CancellationToken::new();
    let alive = Engine::new(house.db.clone(), house.keys.clone(), Clock::system(), options());
    run(&alive, &stop);
    let ended = ended(&alive, &house.cluster, &[500, 501]).await;
    stop.cancel();
    assert!(ended.values().all(|(state, ..)| *state == State::Adopted), "{ended:?}");
    assert_eq!(ended[&500].1, marked);
    let text = shape(&house, 500).config["description"].clone();
    assert_eq!(text.matches("innkeeper-instance").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_turns_out_not_to_fit_is_unmarked_again() {
    let house = House::open(Profile::V9_2).await;
    furnish(&house, 1);
    house.sim.cluster("lodge").with(pve_sim::World::publish_now);
    let before = shape(&house, 500);
    // There are no credits for what it costs.
    let dear = Rate { running_micros: Micros(1_000_000), stopped_micros: Micros(1_000_000) };
    let wanted = wanted(&house, &[500], AdoptionPrice::Rate(dear));
    house.engine.adopt(&Actor::house(), house.cluster.id, &wanted, None).await.unwrap();
    let (state, _, problem) = only(&house, 500).await;
    assert_eq!(state, State::Failed);
    assert!(problem.unwrap().contains("credits"), "the reason is kept");
    assert_eq!(shape(&house, 500), before);
    assert!(instances::in_cluster(&house.db, house.cluster.id).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_guest_is_paid_for_from_its_adoption_and_lives_like_any_other() {
    let house = House::open(Profile::V9_2).await;
    furnish(&house, 4);
    house.sim.cluster("lodge").with(pve_sim::World::publish_now);
    let staff = Actor::house();
    credit(&house.engine, house.project).await;
    let rate = Rate { running_micros: Micros(3_600), stopped_micros: Micros(1_800) };
    let wanted = wanted(&house, &[501], AdoptionPrice::Rate(rate));
    house.engine.adopt(&staff, house.cluster.id, &wanted, None).await.unwrap();
    let (_, id, problem) = only(&house, 501).await;
    assert_eq!(problem, None);
    let adopted = instance(&house, id).await;
    assert_eq!((adopted.rate, adopted.state()), (rate, InstanceState::Running));
    let mut tx = house.db.begin().await.unwrap();
    let metered = usage::of_instance(&mut tx, id).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    assert_eq!((metered.held, metered.parts.len()), (Micros(3_600), 1));
    assert!(metered.parts[0].from >= adopted.created_at && metered.parts[0].rate == Micros(3_600));
    for (verb, state) in [(Verb::Stop, InstanceState::Stopped), (Verb::Start, InstanceState::Running)] {
        let asked = house.engine.change_instance(&house.owner, id, verb, None).await.unwrap();
        let done = house.settled(asked).await;
        assert_eq!(done.fault, None);
        assert_eq!(instance(&house, id).await.state(), state);
    }
    // Resizing leaves its own set-up alone.
    let before = shape(&house, 501).config;
    let size = innkeeper_domain::sizes::Size { cores: 4, memory_mib: 2048, ..adopted.size };
    let to = innkeeper_engine::WantedSize::Custom(size);
    let asked = house.engine.resize_instance(&house.owner, id, to, None).await.unwrap();
    assert_eq!(house.settled(asked).await.fault, None);
    let after = shape(&house, 501);
    let changed: Vec<&str> = after
        .config
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .chain(after.pending.keys().map(String::as_str))
        .collect();
    assert!(
        changed.iter().all(|name| ["cores", "memory", "sockets", "digest"].contains(name)),
        "{changed:?}"
    );
}

async fn credit(engine: &Engine, project: ProjectId) {
    let gift = Adjustment { amount: Micros(10_000_000), correction: false, reason: "a gift".into() };
    engine.post_adjustment(&Actor::house(), project, gift, None).await.unwrap();
}
