//! Every method once, over the wire: what is sent is a call of the table, with parameters the table lists, and no call
//! of the table is left out.

use std::collections::BTreeSet;

use pve::{
    Backup, Client, CloneOptions, ConfigChange, Consolidation, Content, DeleteOptions, Download, Feature,
    FirewallOptions, FirewallRule, Grant, Grantee, GuestKind, GuestRef, IpSetName, LxcCreate, MigrateOptions,
    NewSize, NewSnapshot, NodeName, NodePower, Operation, PoolChange, PoolId, QemuCreate, ResourceKind,
    RoleId, ShutdownOptions, Size, SnapshotName, StorageId, TaskFilter, Timeframe, TokenName, Upid, UserId,
    Vmid, VolumeId,
};
use serde_json::{Value, json};

use crate::server::{Reply, Request, Server};

const UPID: &str = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:prov@pve!desk:";

/// Calls that only make sense as part of a session or a console; `sessions` and `consoles` exercise them.
const ELSEWHERE: [&str; 9] = [
    "POST /access/ticket",
    "POST /nodes/{node}/lxc/{vmid}/termproxy",
    "POST /nodes/{node}/lxc/{vmid}/vncproxy",
    "GET /nodes/{node}/lxc/{vmid}/vncwebsocket",
    "POST /nodes/{node}/qemu/{vmid}/termproxy",
    "POST /nodes/{node}/qemu/{vmid}/vncproxy",
    "GET /nodes/{node}/qemu/{vmid}/vncwebsocket",
    "POST /nodes/{node}/termproxy",
    "GET /nodes/{node}/vncwebsocket",
];

/// Something each method can read.
fn answer(request: &Request) -> Value {
    let line = request.line();
    let path = line.split('?').next().unwrap_or_default();
    let ends = |suffix: &str| path.ends_with(suffix);
    match request.method.as_str() {
        "POST" if ends("/agent/exec") => json!({ "pid": 1 }),
        "POST" if path.contains("/token/") => json!({ "full-tokenid": "a@pve!b1", "value": "x", "info": {} }),
        "POST" | "PUT" | "DELETE" => json!(UPID),
        _ if ends("/version") => json!({ "version": "9.2.11" }),
        _ if ends("/nextid") => json!("100"),
        _ if ends("/extractconfig") => json!("arch: amd64\n"),
        _ if ends("/permissions") || ends("/firewall/options") || ends("/feature") || ends("config") => {
            json!({})
        }
        _ if ends("/pools/flat") || ends("/local/status") || ends("/nodes/pve/status") => json!({}),
        _ if ends("/pools") => json!([{ "poolid": "a/b" }]),
        _ if ends("/status/current") => json!({ "vmid": 100, "status": "stopped" }),
        _ if path.contains("/tasks/UPID") && ends("/status") => json!({ "status": "running" }),
        _ if ends("/exec-status") => json!({ "exited": 0 }),
        _ if ends("/get-osinfo") => json!({ "result": {} }),
        _ if ends("/network-get-interfaces") => json!({ "result": [] }),
        _ => json!([]),
    }
}

fn matches(operation: &Operation, request: &Request) -> bool {
    let line = request.line();
    let (method, target) = line.split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    // Volumes and networks hold slashes.
    let long = ["{volume}", "{cidr}"].iter().any(|last| operation.path().ends_with(last));
    let (template, path): (Vec<&str>, Vec<&str>) =
        (operation.path().split('/').collect(), path.split('/').collect());
    let fits = |(t, p): (&&str, &&str)| t.starts_with('{') || t == p;
    operation.method().as_str() == method
        && (template.len() == path.len() || long && template.len() < path.len())
        && template.iter().zip(&path).all(fits)
}

fn parameters(request: &Request) -> Vec<String> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let both = [query, request.body.as_str()];
    let names = both.iter().flat_map(|form| form.split('&')).filter(|pair| !pair.is_empty());
    names.map(|pair| pair.split('=').next().unwrap().to_owned()).collect()
}

async fn both_kinds(client: &Client, at: &GuestRef) -> Result<(), pve::Error> {
    let guest = client.guest(at);
    guest.config().await?;
    guest.current_config().await?;
    guest.pending().await?;
    guest.status().await?;
    guest.start().await?;
    guest.shutdown(ShutdownOptions { timeout_seconds: Some(1), force_stop: true }).await?;
    guest.stop().await?;
    guest.stop_overruling_shutdown().await?;
    guest.reboot(Some(1)).await?;
    guest.suspend(false).await?;
    guest.resume().await?;
    let change = ConfigChange {
        name: Some("n".to_owned()),
        cores: Some(1),
        memory_mib: Some(512),
        swap_mib: (at.kind == GuestKind::Lxc).then_some(0),
        description: Some("d".to_owned()),
        tags: Some(pve::Tags::parse("a")),
        onboot: Some(true),
        protection: Some(false),
        nets: [(0, pve::PropertyString::with_default("x"))].into(),
        delete: ["mp0".to_owned()].into(),
        digest: Some("aa".to_owned()),
        ..ConfigChange::default()
    };
    guest.set_config(&change).await?;
    guest.resize("rootfs", NewSize::Absolute(Size::gib(9))).await?;
    let clone = CloneOptions {
        name: Some("n".to_owned()),
        description: Some("d".to_owned()),
        pool: Some(PoolId::new("p")?),
        snapshot: Some(SnapshotName::new("s1")?),
        storage: Some(StorageId::new("local")?),
        full: Some(true),
        target: Some(NodeName::new("pve2")?),
        ..CloneOptions::new(Vmid::new(101)?)
    };
    guest.clone_to(&clone).await?;
    guest.to_template().await?;
    guest.has_feature(Feature::Snapshot, Some(&SnapshotName::new("s1")?)).await?;
    let lxc = at.kind == GuestKind::Lxc;
    let migrate = MigrateOptions {
        online: true,
        restart: lxc,
        timeout_seconds: lxc.then_some(5),
        with_local_disks: !lxc,
        target_storage: Some(StorageId::new("local")?),
        ..MigrateOptions::new(NodeName::new("pve2")?)
    };
    guest.migrate(&migrate).await?;
    guest.move_volume("rootfs", &StorageId::new("local")?, true).await?;
    guest.rrddata(Timeframe::Hour, Consolidation::Max).await?;
    guest.interfaces().await?;

    let name = SnapshotName::new("s1")?;
    let new = NewSnapshot { name: name.clone(), description: Some("d".to_owned()), with_memory: !lxc };
    guest.create_snapshot(&new).await?;
    guest.snapshots().await?;
    guest.config_in(&name).await?;
    guest.describe_snapshot(&name, "d").await?;
    guest.rollback(&name, true).await?;
    guest.delete_snapshot(&name, true).await?;

    guest.firewall_options().await?;
    let options = FirewallOptions {
        enable: Some(true),
        dhcp: Some(true),
        ipfilter: Some(true),
        macfilter: Some(true),
        ndp: Some(true),
        radv: Some(false),
        policy_in: Some("DROP".to_owned()),
        policy_out: Some("ACCEPT".to_owned()),
        digest: Some("aa".to_owned()),
    };
    guest.set_firewall_options(&options).await?;
    guest.firewall_rules().await?;
    let some = |text: &str| Some(text.to_owned());
    let rule = FirewallRule {
        pos: None,
        direction: "in".to_owned(),
        action: "ACCEPT".to_owned(),
        enable: true,
        service: some("SSH"),
        proto: some("tcp"),
        source: some("10.0.0.1"),
        dest: some("10.0.0.2"),
        sport: some("1"),
        dport: some("2"),
        iface: some("net0"),
        comment: some("c"),
        digest: None,
    };
    guest.add_firewall_rule(&rule).await?;
    guest.set_firewall_rule(0, &rule, Some("aa")).await?;
    guest.delete_firewall_rule(0, Some("aa")).await?;
    let set = IpSetName::new("ipfilter-net0")?;
    guest.ipsets().await?;
    guest.create_ipset(&set, Some("c")).await?;
    guest.ipset(&set).await?;
    guest.add_to_ipset(&set, "10.0.0.0/24".parse()?).await?;
    guest.remove_from_ipset(&set, "10.0.0.0/24".parse()?).await?;
    guest.delete_ipset(&set, true).await?;

    let delete = DeleteOptions { purge: true, force: lxc, destroy_unreferenced_disks: Some(true) };
    guest.delete(delete).await?;
    Ok(())
}

async fn machines_only(client: &Client, at: &GuestRef) -> Result<(), pve::Error> {
    let guest = client.guest(at);
    guest.reset().await?;
    guest.suspend(true).await?;
    guest.change_in_background(&ConfigChange { cores: Some(2), ..ConfigChange::default() }).await?;
    guest.regenerate_cloudinit().await?;
    let agent = guest.agent()?;
    agent.ping().await?;
    agent.exec(&["ls"], Some("input")).await?;
    agent.exec_status(1).await?;
    agent.os_info().await?;
    agent.set_password("root", &"secret".into()).await
}

async fn house(client: &Client, node: &NodeName) -> Result<(), pve::Error> {
    client.version().await?;
    client.permissions().await?;
    client.permissions_at("/vms/100").await?;
    client.next_id().await?;
    client.is_free(Vmid::new(100)?).await?;
    client.resources().await?;
    client.resources_of(ResourceKind::Storages).await?;
    client.resources_of(ResourceKind::Nodes).await?;
    client.find_guest(Vmid::new(100)?).await?;
    client.cluster_status().await?;
    client.cluster_tasks().await?;
    client.nodes().await?;
    client.node_status(node).await?;
    client.node_power(node, NodePower::Reboot).await?;
    client.wake_node(node).await?;
    client.node_networks(node, Some("any_bridge")).await?;
    client.node_rrddata(node, Timeframe::Day, Consolidation::Average).await?;
    client.guests_on(node, GuestKind::Lxc).await?;
    client.guests_on(node, GuestKind::Qemu).await?;
    let filter = TaskFilter {
        vmid: Some(Vmid::new(100)?),
        kind: Some("vzstart".to_owned()),
        since: Some(1),
        until: Some(2),
        start: Some(0),
        limit: Some(1),
        user: Some("root".to_owned()),
        errors_only: true,
        ..TaskFilter::default()
    };
    client.tasks(node, &filter).await?;
    let upid: Upid = UPID.parse()?;
    client.task(&upid).status().await?;
    client.task(&upid).log(0, 10).await?;
    client.task(&upid).stop().await?;

    let storage = StorageId::new("local")?;
    client.storages(node, Some(Content::RootDir)).await?;
    client.storage_status(node, &storage).await?;
    client.volumes(node, &storage, Some(Content::Template), Some(Vmid::new(100)?)).await?;
    client.delete_volume(node, &VolumeId::new("local:backup/x.tar.zst")?).await?;
    let file = Download {
        url: "https://example.org/x.iso".to_owned(),
        content: Content::Iso,
        filename: "x.iso".to_owned(),
        sha256: Some("00".to_owned()),
    };
    client.download_url(node, &storage, &file).await?;
    client.appliances(node).await?;
    client.download_appliance(node, &storage, "debian-12.tar.zst").await?;
    let backup = Backup {
        compress: Some("zstd".to_owned()),
        notes: Some("n".to_owned()),
        protected: true,
        ..Backup::new(Vmid::new(100)?, storage.clone())
    };
    client.backup(node, &backup).await?;
    client.backups(node, &storage, None).await?;
    client.backup_config(node, &VolumeId::new("local:backup/x.tar.zst")?).await?;
    client
        .create_lxc(node, &LxcCreate::from_backup(Vmid::new(100)?, VolumeId::new("local:backup/x.tar.zst")?))
        .await?;
    client
        .create_qemu(
            node,
            &QemuCreate::from_backup(Vmid::new(100)?, VolumeId::new("local:backup/x.vma.zst")?),
        )
        .await?;
    Ok(())
}

async fn pools_and_access(client: &Client) -> Result<(), pve::Error> {
    client.pools().await?;
    for pool in [PoolId::new("flat")?, PoolId::new("a/b")?] {
        client.create_pool(&pool, Some("c")).await?;
        client.pool(&pool).await?;
        let change = PoolChange {
            guests: vec![Vmid::new(100)?],
            storages: vec![StorageId::new("local")?],
            remove: true,
            comment: Some("c".to_owned()),
        };
        client.change_pool(&pool, &change).await?;
        client.delete_pool(&pool).await?;
    }
    let (user, token, role) = (UserId::new("a@pve")?, TokenName::new("b1")?, RoleId::new("Desk")?);
    client.users().await?;
    client.create_user(&user, Some(&"password".into()), Some("c")).await?;
    client.create_token(&user, &token, true, Some("c")).await?;
    client.tokens(&user).await?;
    client.roles().await?;
    client.create_role(&role, &["VM.Audit"]).await?;
    client.set_role(&role, &["VM.Audit", "VM.Console"]).await?;
    client.acl().await?;
    for to in [
        Grantee::User(user.clone()),
        Grantee::Token(user.clone(), token.clone()),
        Grantee::Group("g".to_owned()),
    ] {
        let grant = Grant { path: "/pool/flat".to_owned(), role: role.clone(), to, propagate: true };
        client.grant(&grant).await?;
        client.revoke(&grant).await?;
    }
    client.delete_token(&user, &token).await?;
    client.delete_role(&role).await?;
    client.delete_user(&user).await
}

#[tokio::test]
async fn every_method_sends_a_call_of_the_table_and_none_is_left_out() {
    let server = Server::start(|r| Reply::ok(&answer(r))).await;
    let client = server.client();
    let node = NodeName::new("pve").unwrap();
    let ct = GuestRef::lxc(node.clone(), Vmid::new(100).unwrap());
    let vm = GuestRef::qemu(node.clone(), Vmid::new(200).unwrap());
    both_kinds(&client, &ct).await.unwrap();
    both_kinds(&client, &vm).await.unwrap();
    machines_only(&client, &vm).await.unwrap();
    house(&client, &node).await.unwrap();
    pools_and_access(&client).await.unwrap();

    let mut used: BTreeSet<String> = ELSEWHERE.iter().map(|&line| line.to_owned()).collect();
    for request in server.seen() {
        let fitting: Vec<&Operation> = pve::operations().filter(|o| matches(o, &request)).collect();
        let [operation] = fitting[..] else { panic!("{}: {fitting:?}", request.line()) };
        for name in parameters(&request) {
            assert!(operation.accepts(&name), "{} sends {name}", request.line());
        }
        used.insert(format!("{} {}", operation.method(), operation.path()));
    }
    let all: BTreeSet<String> = pve::operations().map(|o| format!("{} {}", o.method(), o.path())).collect();
    assert_eq!(all.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(used.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new());
}
