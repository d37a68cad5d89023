//! ICMP echoes to machines that are up, down, and gone, in a network of the test's own.

use std::net::IpAddr;
use std::time::Duration;

use innkeeper_connectors::ping;
use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;

use crate::lab::{self, Machine, sh};

async fn echo(address: &str, patience: Duration) -> Report {
    let address: IpAddr = address.parse().unwrap();
    ping::echo(&Clock::system(), address, patience).await
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("", |fault| fault.code.as_str())
}

fn plug_in() -> Machine {
    let machine = Machine::plug_in("lan0", "far0");
    machine.sh("ip addr add 10.88.0.2/24 dev far0; ip addr add fd00:88::2/64 dev far0 nodad");
    sh("ip addr add 10.88.0.1/24 dev lan0; ip addr add fd00:88::1/64 dev lan0 nodad");
    machine
}

#[tokio::test]
async fn a_machine_that_is_up_answers_by_raw_sockets_and_by_those_that_need_no_right() {
    if !lab::inside("ping::a_machine_that_is_up_answers_by_raw_sockets_and_by_those_that_need_no_right") {
        return;
    }
    let _machine = plug_in();
    // Nobody may, so that the raw kind is taken; then everybody.
    for range in ["1 0", "0 2147483647"] {
        // Where the system is that of user namespaces, only the raw kind can be had.
        let _ = std::fs::write("/proc/sys/net/ipv4/ping_group_range", range);
        for address in ["10.88.0.2", "fd00:88::2", "127.0.0.1", "::1"] {
            let report = echo(address, Duration::from_secs(20)).await;
            assert!(report.success, "{range}: {report:?}");
            assert!(report.details["rtt_us"].is_u64() && report.details["address"] == address, "{report:?}");
        }
    }
}

#[tokio::test]
async fn a_machine_that_is_down_does_not_answer_whoever_else_speaks_of_it() {
    if !lab::inside("ping::a_machine_that_is_down_does_not_answer_whoever_else_speaks_of_it") {
        return;
    }
    let machine = plug_in();
    machine.sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
    sh("ip route add 10.99.0.0/24 via 10.88.0.2; ip route add 10.97.0.0/24 via 10.88.0.2");
    machine.sh("ip route add blackhole 10.97.0.0/24");
    for range in ["1 0", "0 2147483647"] {
        let _ = std::fs::write("/proc/sys/net/ipv4/ping_group_range", range);
        // Long enough for our own machine to say "host unreachable" to itself (after 3 s), several times.
        let down = echo("10.88.0.9", Duration::from_millis(4500)).await;
        assert!(!down.success && ["no_answer", "unreachable"].contains(&code(&down)), "{down:?}");
        // A router says that there is no way.
        let gone = echo("10.99.0.9", Duration::from_millis(1500)).await;
        assert!(!gone.success && ["no_answer", "unreachable"].contains(&code(&gone)), "{gone:?}");
        let silent = echo("10.97.0.9", Duration::from_millis(1500)).await;
        assert!(!silent.success, "{silent:?}");
    }
    let no_way = echo("192.0.2.1", Duration::from_secs(5)).await;
    assert_eq!((no_way.success, code(&no_way)), (false, "unreachable"), "{no_way:?}");
}

#[tokio::test]
async fn a_machine_that_wakes_while_we_ask_is_up() {
    if !lab::inside("ping::a_machine_that_wakes_while_we_ask_is_up") {
        return;
    }
    let machine = Machine::plug_in("lan0", "far0");
    sh("ip addr add 10.88.0.1/24 dev lan0");
    let asking = tokio::spawn(async { echo("10.88.0.2", Duration::from_secs(30)).await });
    // Once it has asked in vain, the machine gets its address.
    let wait = async {
        while !std::fs::read_to_string("/proc/net/arp").unwrap().contains("10.88.0.2 ") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    machine.sh("ip addr add 10.88.0.2/24 dev far0");
    let report = asking.await.unwrap();
    assert!(report.success, "{report:?}");
}

#[tokio::test]
async fn who_may_not_ask_does_not_say_that_it_is_down() {
    const NAME: &str = "ping::who_may_not_ask_does_not_say_that_it_is_down";
    if std::env::var_os("INNKEEPER_NO_RIGHTS").is_some() {
        let report = echo("127.0.0.1", Duration::from_secs(5)).await;
        assert_eq!((report.success, code(&report)), (false, "not_permitted"), "{report:?}");
        assert!(
            report.message.contains("not known") && report.message.contains("ping_group_range"),
            "{report:?}"
        );
        return;
    }
    if !lab::inside(NAME) {
        return;
    }
    let _ = std::fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0");
    // The same once more, without any right.
    let status = std::process::Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        .arg(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env("INNKEEPER_NO_RIGHTS", "1")
        .status()
        .unwrap();
    assert!(status.success());
}
