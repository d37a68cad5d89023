//! Ports that are open, closed, silent and nowhere.

use std::time::Duration;

use innkeeper_connectors::tcp;
use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use tokio::net::TcpListener;

use crate::lab::{self, Machine, sh};

async fn open(host: &str, port: u16, patience: Duration) -> Report {
    tcp::open(&Clock::system(), host, port, patience).await
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("", |fault| fault.code.as_str())
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_port_is_open_by_name_by_address_and_in_brackets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let report = open(host, port, PATIENCE).await;
        assert!(report.success, "{report:?}");
        assert_eq!((&report.details["host"], &report.details["port"]), (&host.into(), &port.into()));
    }
    drop(listener);
    let closed = open("127.0.0.1", port, PATIENCE).await;
    assert_eq!((closed.success, code(&closed)), (false, "refused"), "{closed:?}");
}

#[tokio::test]
async fn each_way_of_not_being_open_has_its_word() {
    if !lab::inside("tcp::each_way_of_not_being_open_has_its_word") {
        return;
    }
    let machine = Machine::plug_in("lan0", "far0");
    machine.sh("ip addr add 10.88.0.2/24 dev far0");
    sh("ip addr add 10.88.0.1/24 dev lan0; ip route add 10.97.0.0/24 via 10.88.0.2");
    machine.sh("ip route add blackhole 10.97.0.0/24; echo 1 > /proc/sys/net/ipv4/ip_forward");
    assert_eq!(code(&open("10.88.0.2", 22, PATIENCE).await), "refused");
    assert_eq!(code(&open("10.88.0.9", 22, PATIENCE).await), "unreachable", "nobody has this address");
    assert_eq!(code(&open("192.0.2.1", 22, PATIENCE).await), "unreachable", "no route");
    // Longer than the network itself would try is not needed: a packet that is dropped is dropped.
    let silent = open("10.97.0.9", 22, Duration::from_millis(300)).await;
    assert_eq!(code(&silent), "timeout", "{silent:?}");
    let unknown = open("no-such-host.invalid", 22, PATIENCE).await;
    assert_eq!(code(&unknown), "unknown_host", "{unknown:?}");
}
