//! A raw client over TLS: the wire, the life of a container, faults.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use pve_sim::{ClusterOptions, Effect, Options, Rule, Sim};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

mod raw;
use raw::{TOKEN, call, connect, raw, sim, task_end};

#[tokio::test]
async fn refusals_come_as_recorded() {
    let sim = sim(&["pve"]).await;
    let answer = raw(&sim, "pve", "GET /api2/json/nodes HTTP/1.1\r\n", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 No ticket\r\n"), "{answer}");
    assert!(!answer.contains("Content-Length") && answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = raw(&sim, "pve", &format!("HEAD /api2/json/version HTTP/1.1\r\n{TOKEN}"), "").await;
    assert!(answer.starts_with("HTTP/1.1 501 method 'HEAD' not available\r\n"), "{answer}");
    let answer =
        raw(&sim, "pve", &format!("DELETE /api2/json/nodes/pve/lxc/105 HTTP/1.1\r\n{TOKEN}"), "purge=1")
            .await;
    assert!(answer.ends_with("\r\n\r\nUnexpected content for method 'DELETE'"), "{answer}");
    let (status, body) = call(&sim, "GET", "/nodes/pve/lxc/4711/config", "").await;
    assert_eq!(status, "500 Configuration file 'nodes/pve/lxc/4711.conf' does not exist");
    assert_eq!(body["message"], "Configuration file 'nodes/pve/lxc/4711.conf' does not exist\n");
    assert_eq!(call(&sim, "GET", "/nosuch", "").await.0, "501 Method 'GET /nosuch' not implemented");
    let (status, _) = call(&sim, "GET", "/cluster/ceph/flags", "").await;
    assert_eq!(status, "501 simulator: not simulated: GET /cluster/ceph/flags");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_relayed_answer_says_close_and_keeps_the_connection() {
    let sim = sim(&["pve"]).await;
    let mut stream = connect(&sim, "pve").await;
    for _ in 0..2 {
        let head = format!("GET /api2/json/nodes/pve/lxc HTTP/1.1\r\n{TOKEN}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("{\"data\":[]}") {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "closed after {answer}");
            answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        assert!(answer.contains("Connection: close\r\nConnection: Keep-Alive\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_container_lives_and_dies() {
    let sim = sim(&["pve"]).await;
    let create = "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&hostname=ct100\
                  &rootfs=local:2&memory=256&net0=name%3Deth0%2Cbridge%3Dvmbr0%2Cip%3D10.10.10.100%2F24";
    let (status, upid) = call(&sim, "POST", "/nodes/pve/lxc", create).await;
    assert_eq!(status, "200 OK", "{upid}");
    assert_eq!(task_end(&sim, &upid).await, "WARNINGS: 1");
    let (status, _) = call(&sim, "POST", "/nodes/pve/lxc", create).await;
    assert_eq!(status, "500 CT 100 already exists on node 'pve'");
    let (_, config) = call(&sim, "GET", "/nodes/pve/lxc/100/config", "").await;
    assert_eq!(config["data"]["rootfs"], "local:100/vm-100-disk-0.raw,size=2G");
    assert_eq!(config["data"]["memory"], 256);
    let (_, upid) = call(&sim, "POST", "/nodes/pve/lxc/100/status/start", "").await;
    assert_eq!(task_end(&sim, &upid).await, "WARNINGS: 1");
    let (status, _) = call(&sim, "POST", "/nodes/pve/lxc/100/status/start", "").await;
    assert_eq!(status, "500 CT 100 already running");
    let (_, interfaces) = call(&sim, "GET", "/nodes/pve/lxc/100/interfaces", "").await;
    assert_eq!(interfaces["data"][1]["inet"], "10.10.10.100/24");
    let (status, _) = call(&sim, "DELETE", "/nodes/pve/lxc/100", "").await;
    assert_eq!(status, "500 unable to destroy CT 100 - container is running");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/lxc/100/status/shutdown", "").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, upid) = call(&sim, "DELETE", "/nodes/pve/lxc/100?purge=1", "").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    assert_eq!(call(&sim, "GET", "/cluster/nextid", "").await.1["data"], "100");
}

#[tokio::test]
async fn a_machine_is_cloned_from_its_template() {
    let sim = sim(&["pve"]).await;
    let (status, upid) = call(&sim, "POST", "/nodes/pve/qemu/9000/clone", "newid=200&name=web").await;
    assert_eq!(status, "200 OK", "{upid}");
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, config) = call(&sim, "GET", "/nodes/pve/qemu/200/config", "").await;
    assert_eq!(config["data"]["name"], "web");
    assert_eq!(config["data"]["scsi0"], "local-lvm:vm-200-disk-0,size=3G");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/200/status/start", "").await;
    assert_eq!(task_end(&sim, &upid).await, "OK");
    let (_, upid) = call(&sim, "POST", "/nodes/pve/qemu/200/status/start", "").await;
    assert_eq!(task_end(&sim, &upid).await, "VM 200 already running");
    let (_, status) = call(&sim, "GET", "/nodes/pve/qemu/200/status/current", "").await;
    assert_eq!(
        (&status["data"]["status"], &status["data"]["qmpstatus"]),
        (&"running".into(), &"running".into())
    );
}

#[tokio::test]
async fn faults_strike_calls_and_tasks() {
    let sim = sim(&["pve", "pve2"]).await;
    let cluster = sim.cluster("lab");
    let create = "vmid=101&ostemplate=local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz";
    cluster.faults().add(Rule::on_call("POST", "/lxc$", Effect::DropAfter)).unwrap();
    let answer =
        raw(&sim, "pve", &format!("POST /api2/json/nodes/pve/lxc HTTP/1.1\r\n{TOKEN}"), create).await;
    assert_eq!(answer, "");
    assert!(cluster.with(|world| world.guest(101).is_some()), "the create took effect all the same");
    cluster.faults().add(Rule::on_task("vzstart", Effect::TaskFails("no luck".into()))).unwrap();
    let (_, upid) = call(&sim, "POST", "/nodes/pve/lxc/101/status/start", "").await;
    assert_eq!(task_end(&sim, &upid).await, "no luck");
    cluster.with(|world| world.kill_node("pve2"));
    let answer = raw(&sim, "pve", &format!("GET /api2/json/nodes/pve2/status HTTP/1.1\r\n{TOKEN}"), "").await;
    assert!(answer.starts_with("HTTP/1.1 595 No route to host\r\n"), "{answer}");
    assert_eq!(cluster.stats().calls["POST /nodes/{node}/lxc"], 1);
    assert_eq!(cluster.stats().max_tasks_per_node["pve"], 1);
}

#[tokio::test]
async fn a_node_goes_down_on_command_and_is_woken_by_another() {
    let sim = sim(&["pve", "pve2"]).await;
    let (status, _) = call(&sim, "POST", "/nodes/pve2/status", "command=shutdown").await;
    assert_eq!(status, "200 OK");
    let (status, _) = call(&sim, "GET", "/nodes/pve2/status", "").await;
    assert_eq!(status, "595 No route to host");
    let (status, mac) = call(&sim, "POST", "/nodes/pve2/wakeonlan", "").await;
    assert_eq!((status.as_str(), &mac["data"]), ("200 OK", &"BC:24:11:00:00:02".into()));
    let (status, _) = call(&sim, "GET", "/nodes/pve2/status", "").await;
    assert_eq!(status, "200 OK");
}

#[tokio::test]
async fn a_single_node_that_goes_down_answers_nobody_until_it_has_power_again() {
    let sim = sim(&["pve"]).await;
    let cluster = sim.cluster("lab");
    let address = cluster.endpoint("pve").addr;
    let (status, _) = call(&sim, "POST", "/nodes/pve/status", "command=shutdown").await;
    assert_eq!(status, "200 OK");
    // It has answered; then its listener closes.
    let closed = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.unwrap();
    cluster.with(|world| world.power_on("pve"));
    let open = async { while tokio::net::TcpStream::connect(address).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), open).await.unwrap();
    let (status, _) = call(&sim, "GET", "/nodes/pve/status", "").await;
    assert_eq!(status, "200 OK");
}

#[tokio::test]
async fn a_held_task_is_seen_running_and_others_wait_for_its_lock() {
    let sim = sim(&["pve"]).await;
    let cluster = sim.cluster("lab");
    let rule = cluster.faults().add(Rule::on_task("vzcreate", Effect::TaskHolds)).unwrap();
    let create = "vmid=102&ostemplate=local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz";
    let (_, made) = call(&sim, "POST", "/nodes/pve/lxc", create).await;
    let (_, started) = call(&sim, "POST", "/nodes/pve/lxc/102/status/start", "").await;
    assert_eq!(
        (task_end(&sim, &made).await, task_end(&sim, &started).await),
        ("running".into(), "running".into())
    );
    let (_, config) = call(&sim, "GET", "/nodes/pve/lxc/102/config", "").await;
    assert_eq!(config["data"]["lock"], "create");
    cluster.faults().remove(rule);
    assert_eq!((task_end(&sim, &made).await, task_end(&sim, &started).await), ("OK".into(), "OK".into()));
    assert!(cluster.with(|world| world.guest(102).unwrap().is_running()));
}

#[tokio::test]
async fn an_old_server_is_mute_and_lacks_what_came_later() {
    let mut cluster = ClusterOptions::named("lab", &["pve"]);
    cluster.profile = pve_sim::Profile::V7_4;
    let sim = Sim::start(Options { clusters: vec![cluster], ..Options::default() }).await.unwrap();
    sim.cluster("lab").with(|world| world.add_token("root@pam", "lab", false, "secret-1"));
    let (status, body) = call(&sim, "GET", "/nodes/pve/lxc/4711/config", "").await;
    assert_eq!(status, "500 Configuration file 'nodes/pve/lxc/4711.conf' does not exist");
    assert_eq!(body, serde_json::json!({ "data": null }));
    let (status, _) = call(&sim, "GET", "/nodes/pve/lxc/100/interfaces", "").await;
    assert_eq!(status, "501 Method 'GET /nodes/pve/lxc/100/interfaces' not implemented");
}

#[tokio::test]
async fn the_control_port_sets_faults_and_bends_the_world() {
    let options = Options { control: true, ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    let ask = async |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(sim.control_addr().unwrap()).await.unwrap();
        let text = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serde_json::from_str::<serde_json::Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let rule =
        r#"{"matcher":{"path":"/version"},"effect":{"answer":{"status":596,"text":"Connection timed out"}}}"#;
    assert_eq!(ask("POST", "/faults", rule).await["id"], 1);
    assert_eq!(ask("GET", "/faults", "").await[0]["rule"]["count"], "once");
    assert!(ask("POST", "/faults", "{}").await["error"].is_string());
    sim.cluster("lab").with(|world| world.add_token("root@pam", "lab", false, "secret-1"));
    assert_eq!(call(&sim, "GET", "/version", "").await.0, "596 Connection timed out");
    assert_eq!(call(&sim, "GET", "/version", "").await.0, "200 OK");
    ask("POST", "/world", r#"{"revoke":"root@pam!lab"}"#).await;
    assert_eq!(call(&sim, "GET", "/version", "").await.0, "401 Authentication failed!");
    assert_eq!(ask("GET", "/stats", "").await["calls"]["GET /version"], 3);
    assert_eq!(ask("GET", "/guests", "").await[0]["vmid"], 9000);
}
