//! Instances that are there already: guests in the simulator and the rows that belong to them, numbers and marks
//! included. The clusters themselves are added through the API, so that their tokens are sealed by the house's key.

use innkeeper_domain::instances::{Course, Guest, Instance, Kind, Owner, Power, Seen, Settings, Task};
use innkeeper_domain::mark;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_store::{Db, clusters, instances, projects, vmids};
use pve_sim::Kind as GuestKind;

use crate::support::{Lab, Server};

/// Adds so many running containers to each cluster of a furnished house.
pub(crate) async fn add_instances(
    lab: &Lab,
    server: &Server,
    database: Option<&str>,
    template: &str,
    per_cluster: usize,
) {
    let file = format!("sqlite:{}", server.folder().join("innkeeper.db").display());
    let db = Db::open(database.unwrap_or(&file)).await.unwrap();
    let project_id = projects::list_of(&db, None).await.unwrap()[0].id;
    let size = Size { cores: 1, memory_mib: 256, disk_gib: 4 };
    let origin = Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into());
    let now = Clock::system().now();
    for cluster in clusters::list(&db).await.unwrap() {
        let nodes: Vec<String> =
            lab.sim.cluster(cluster.name.as_str()).endpoints().iter().map(|at| at.node.clone()).collect();
        let mut tx = db.begin().await.unwrap();
        let mut made = Vec::new();
        for number in 0..per_cluster {
            let mut course = Course::new(Verb::Create.wish(now, true, Power::Running, None));
            course.born = true;
            course.seen = Seen::Present(Guest {
                owner: Owner::Ours,
                power: Power::Running,
                locked: false,
                fitted: true,
                grown: true,
                guarded: true,
                addressed: true,
            });
            course.task = Task::None;
            let mut instance = Instance {
                id: innkeeper_domain::ids::InstanceId::new(),
                project_id,
                name: format!("{}-{number}", cluster.name).parse().unwrap(),
                kind: Kind::Lxc,
                template_id: Some(template.parse().unwrap()),
                plan_id: None,
                size,
                rate: Rate::FREE,
                tariff: None,
                ssh_keys: Vec::new(),
                cluster_id: cluster.id,
                node: nodes[number % nodes.len()].parse().unwrap(),
                storage: "local-lvm".parse().unwrap(),
                vmid: 0,
                origin: origin.clone(),
                course,
                upid: None,
                operation: None,
                address: Some(format!("10.0.{}.{}", number / 250, number % 250 + 1)),
                awaits: None,
                problem: None,
                seen_at: Some(now),
                created_at: now,
                deleted_at: None,
                resize_from: None,
                settings: Settings::default(),
                pending: Vec::new(),
                protected: false,
                trashed_until: None,
                fence: 1,
            };
            instance.vmid = vmids::claim(&mut tx, cluster.id, instance.id).await.unwrap().unwrap();
            instances::insert(&mut tx, &instance, None).await.unwrap();
            made.push(instance);
        }
        tx.commit().await.unwrap();
        lab.sim.cluster(cluster.name.as_str()).with(|world| {
            for instance in &made {
                let disk = format!("local-lvm:vm-{}-disk-0,size=4G", instance.vmid);
                let description = mark::description(instance.id);
                let options = [
                    ("hostname", instance.name.as_str()),
                    ("cores", "1"),
                    ("memory", "256"),
                    ("rootfs", disk.as_str()),
                    ("net0", "name=eth0,bridge=vmbr0,ip=dhcp"),
                    ("description", description.as_str()),
                    ("tags", mark::TAG),
                ];
                world.add_guest(instance.node.as_str(), GuestKind::Lxc, instance.vmid, &options, true);
            }
            world.publish_now();
        });
    }
    db.close().await;
}
