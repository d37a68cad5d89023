//! Ten thousand guests in little memory, listed in little time.
#![allow(clippy::unwrap_used)]

use pve_sim::{Clock, ClusterOptions, Kind, Options, Sim};

/// Resident memory of this process in bytes, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[tokio::test]
async fn ten_thousand_guests_take_less_than_100_megabytes() {
    let options = Options {
        clusters: vec![ClusterOptions::named("big", &["n1", "n2", "n3", "n4"])],
        clock: Clock::manual(1_795_221_600),
        ..Options::default()
    };
    let sim = Sim::start(options).await.unwrap();
    let before = resident();
    sim.cluster("big").with(|world| {
        for vmid in 10_000..20_000_u32 {
            let node = format!("n{}", vmid % 4 + 1);
            let (name, rootfs) = (format!("guest-{vmid}"), format!("local-lvm:vm-{vmid}-disk-0,size=8G"));
            let net = format!(
                "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:{:02X}:{:02X},ip=dhcp,type=veth",
                vmid >> 8,
                vmid & 255
            );
            let options = [
                ("hostname", name.as_str()),
                ("rootfs", &rootfs),
                ("net0", &net),
                ("memory", "512"),
                ("swap", "512"),
                ("cores", "1"),
                ("arch", "amd64"),
                ("ostype", "debian"),
                ("unprivileged", "1"),
                ("tags", "tenant-a;web"),
                ("description", "made by a test\n"),
            ];
            world.add_guest(&node, Kind::Lxc, vmid, &options, vmid % 2 == 0);
        }
        world.publish_now();
        assert_eq!(world.guests().filter(|g| g.is_running()).count(), 5000);
    });
    let (Some(before), Some(after)) = (before, resident()) else {
        eprintln!("skipped: this system does not tell a process its memory");
        return;
    };
    let taken = (after - before) >> 20;
    assert!(taken < 100, "{taken} MiB for 10 000 guests");
}
