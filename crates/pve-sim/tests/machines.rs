//! Machines from a template: cloud-init, the guest agent, snapshots, backups, moves.
#![allow(clippy::unwrap_used)]

use pve_sim::{Clock, ClusterOptions, Latency, Options, Sim};
use std::time::Duration;

mod raw;
use raw::{call, sim, task_end};

#[tokio::test]
async fn the_agent_answers_once_the_machine_has_booted() {
    let clock = Clock::manual(1_795_221_600);
    let options = Options {
        clusters: vec![ClusterOptions::named("lab", &["pve"])],
        latency: Latency::Realistic,
        clock: clock.clone(),
        ..Options::default()
    };
    let sim = Sim::start(options).await.unwrap();
    sim.cluster("lab").with(|world| world.add_token("root@pam", "lab", false, "secret-1"));
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=200&name=web").await;
    assert_eq!(task_end(&sim, &upid).await, "running");
    clock.advance(Duration::from_secs(10));
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let ping = "/nodes/pve/qemu/200/agent/ping";
    assert_eq!(call(&sim, "POST", ping, "").await.0, "500 VM 200 is not running");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/200/status/start", "").await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(task_end(&sim, &upid).await, "OK");
    assert_eq!(call(&sim, "POST", ping, "").await.0, "500 QEMU guest agent is not running");
    clock.advance(Duration::from_secs(5));
    assert_eq!(call(&sim, "POST", ping, "").await.0, "200 OK");
    let (_, seen) = call(&sim, "GET", "/nodes/pve/qemu/200/agent/network-get-interfaces", "").await;
    let address = &seen["data"]["result"][1]["ip-addresses"][0];
    assert_eq!((&address["ip-address-type"], &address["prefix"]), (&"ipv4".into(), &10.into()));
    let (_, started) =
        call(&sim, "POST", "/nodes/pve/qemu/200/agent/exec", "command=echo&command=hello").await;
    let path = format!("/nodes/pve/qemu/200/agent/exec-status?pid={}", started["data"]["pid"]);
    let (_, done) = call(&sim, "GET", &path, "").await;
    assert_eq!((&done["data"]["exitcode"], &done["data"]["out-data"]), (&0.into(), &"hello\n".into()));
}

#[tokio::test]
async fn cloud_init_is_written_with_fixed_addresses() {
    let sim = sim(&["pve"]).await;
    call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=201&name=db").await;
    let config = "ciuser=ops&cipassword=x12345&ipconfig0=ip%3D10.0.0.5%2F24%2Cgw%3D10.0.0.1&sshkeys=ssh-ed25519%2520AAAA%2520me";
    assert_eq!(call(&sim, "PUT", "/nodes/pve/qemu/201/config", config).await.0, "200 OK");
    let (_, config) = call(&sim, "GET", "/nodes/pve/qemu/201/config", "").await;
    assert_eq!(
        (&config["data"]["cipassword"], &config["data"]["sshkeys"]),
        (&"**********".into(), &"ssh-ed25519%20AAAA%20me".into())
    );
    let (_, user) = call(&sim, "GET", "/nodes/pve/qemu/201/cloudinit/dump?type=user", "").await;
    assert!(user["data"].as_str().unwrap().contains("  - ssh-ed25519 AAAA me\n"), "{user}");
    let (_, network) = call(&sim, "GET", "/nodes/pve/qemu/201/cloudinit/dump?type=network", "").await;
    assert!(network["data"].as_str().unwrap().contains("address: '10.0.0.5/24'"), "{network}");
}

#[tokio::test]
async fn a_template_with_linked_clones_stays() {
    let sim = sim(&["pve"]).await;
    call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=202").await;
    let (_, upid) = call(&sim, "DELETE", "/nodes/pve/qemu/9000", "").await;
    let end = task_end(&sim, &upid).await;
    assert_eq!(
        end,
        "base volume 'base-9000-disk-0' is still in use by linked cloned 'local-lvm:vm-202-disk-0'"
    );
}

#[tokio::test]
async fn snapshots_and_backups_bring_configurations_back() {
    let sim = sim(&["pve"]).await;
    call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=203&full=1&name=a").await;
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/203/snapshot", "snapname=before").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    call(&sim, "PUT", "/nodes/pve/qemu/203/config", "memory=4096").await;
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/203/snapshot/before/rollback", "").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    assert_eq!(call(&sim, "GET", "/nodes/pve/qemu/203/config", "").await.1["data"]["memory"], "1024");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/vzdump", "vmid=203&storage=local&compress=zstd").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, list) = call(&sim, "GET", "/nodes/pve/storage/local/content?content=backup", "").await;
    let archive = list["data"][0]["volid"].as_str().unwrap();
    assert!(
        archive.starts_with("local:backup/vzdump-qemu-203-") && archive.ends_with(".vma.zst"),
        "{archive}"
    );
    let (_, upid) =
        call(&sim, "POST", "/nodes/pve/qemu", &format!("vmid=204&archive={archive}&unique=1")).await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, config) = call(&sim, "GET", "/nodes/pve/qemu/204/config", "").await;
    assert_eq!(
        (&config["data"]["name"], &config["data"]["scsi0"]),
        (&"a".into(), &"local-lvm:vm-204-disk-0,size=3G".into())
    );
}

#[tokio::test]
async fn a_guest_moves_with_its_volumes() {
    let sim = sim(&["pve", "pve2"]).await;
    let create = "vmid=100&ostemplate=local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz&storage=local-lvm&start=1";
    call(&sim, "POST", "/nodes/pve/lxc", create).await;
    let (status, _) = call(&sim, "POST", "/nodes/pve/lxc/100/migrate", "target=pve2").await;
    assert_eq!(status, "500 can't migrate running container without --online or --restart");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/lxc/100/migrate", "target=pve2&restart=1").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (status, _) = call(&sim, "GET", "/nodes/pve/lxc/100/config", "").await;
    assert_eq!(status, "500 Configuration file 'nodes/pve/lxc/100.conf' does not exist");
    assert_eq!(
        call(&sim, "GET", "/nodes/pve2/lxc/100/status/current", "").await.1["data"]["status"],
        "running"
    );
    let (_, volumes) = call(&sim, "GET", "/nodes/pve2/storage/local-lvm/content?vmid=100", "").await;
    assert_eq!(volumes["data"][0]["volid"], "local-lvm:vm-100-disk-0");
}

#[tokio::test]
async fn the_configuration_inside_a_backup_can_be_read() {
    let sim = sim(&["pve"]).await;
    call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=205&full=1&name=a").await;
    call(&sim, "PUT", "/nodes/pve/qemu/205/config", "description=caf%C3%A9%3A%20100%25%0Atwo").await;
    let (_, upid) = call(&sim, "POST", "/nodes/pve/vzdump", "vmid=205&compress=zstd").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, list) = call(&sim, "GET", "/nodes/pve/storage/local/content?content=backup", "").await;
    let volume = list["data"][0]["volid"].as_str().unwrap();
    let path = format!("/nodes/pve/vzdump/extractconfig?volume={volume}");
    let (status, inside) = call(&sim, "GET", &path, "").await;
    let inside = inside["data"].as_str().unwrap();
    assert_eq!(status, "200 OK");
    assert!(inside.starts_with("#caf%C3%A9%3A 100%25\n#two\n"), "{inside}");
    assert!(
        inside.contains("\nname: a\n") && inside.contains("#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:\n")
    );
    let path = "/nodes/pve/vzdump/extractconfig?volume=local:backup/none.vma.zst";
    assert_eq!(call(&sim, "GET", path, "").await.0, "500 volume 'local:backup/none.vma.zst' does not exist");
}
