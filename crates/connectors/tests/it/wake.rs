//! Magic packets, caught as whole frames by the card of a machine that sleeps; and the machine that wakes by them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use innkeeper_connectors::wake::{self, Mac, Target};
use innkeeper_connectors::{ping, wake::six};
use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;

use crate::foreign::{Server, script};
use crate::lab::{self, Machine, sh};

const MAC: &str = "00:23:7d:fd:c0:5c";
const SECURE_ON: &str = "01:02:03:04:05:06";
const ASLEEP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 245));

/// A cable to a machine that sleeps.
struct Cable {
    machine: Machine,
    near: &'static str,
}

impl Cable {
    fn new(near: &'static str, address: &str) -> Self {
        let machine = Machine::plug_in(near, "nic0");
        machine.sh(&format!("ip link set nic0 address {MAC}"));
        sh(&format!("ip addr add {address} dev {near}"));
        Self { machine, near }
    }

    async fn listen(&self, password: Option<&str>) -> Server {
        let mut command = self.machine.command();
        command.arg("python3").arg(script("nic.py")).args(["nic0", MAC, "10.88.0.245/24"]).args(password);
        let mut card = Server::start(&mut command);
        assert_eq!(card.line().await, "asleep");
        card
    }
}

fn target() -> Target {
    Target::new(MAC.parse().unwrap())
}

async fn send(target: &Target) -> Report {
    wake::send(&Clock::system(), target).await
}

/// A frame as it was on the wire: whom it was for, the IPv4 address and the port, and what it carried.
fn parse(frame: &str) -> (String, Ipv4Addr, u16, Vec<u8>) {
    let frame = hex::decode(frame).unwrap();
    assert_eq!(&frame[12..14], [0x08, 0x00], "IPv4");
    let (ip, udp) = frame[14..].split_at(20);
    assert_eq!((ip[0], ip[9]), (0x45, 17), "UDP in the plainest packet");
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(&ip[16..20]).unwrap());
    let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
    let port = u16::from_be_bytes([udp[2], udp[3]]);
    (hex::encode(&frame[..6]), address, port, udp[8..length].to_vec())
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("", |fault| fault.code.as_str())
}

#[tokio::test]
async fn a_packet_reaches_the_card_byte_for_byte() {
    if !lab::inside("wake::a_packet_reaches_the_card_byte_for_byte") {
        return;
    }
    let cable = Cable::new("lan0", "10.88.0.1/24");
    let mut card = cable.listen(Some("ff:ff:ff:ff:ff:01")).await;
    let mut target = target();
    target.address = Some(Ipv4Addr::new(10, 88, 0, 255).into());
    let report = send(&target).await;
    assert!(report.success, "{report:?}");
    assert_eq!(report.details["packets_sent"], 6);
    assert!(report.message.contains("sent") && !report.message.contains("wok"), "{}", report.message);
    let expected = [vec![0xff; 6], hex::decode(MAC.replace(':', "")).unwrap().repeat(16)].concat();
    for round in 0..3 {
        for port in [9, 7] {
            let seen = parse(&card.line().await);
            let broadcast = ("ff".repeat(6), Ipv4Addr::new(10, 88, 0, 255), port, expected.clone());
            assert_eq!(seen, broadcast, "round {round}");
        }
    }
}

#[tokio::test]
async fn the_password_goes_with_it_and_the_machine_wakes_only_by_the_right_one() {
    if !lab::inside("wake::the_password_goes_with_it_and_the_machine_wakes_only_by_the_right_one") {
        return;
    }
    let cable = Cable::new("lan0", "10.88.0.1/24");
    let mut card = cable.listen(Some(SECURE_ON)).await;
    let clock = Clock::system();
    let mut target = target();
    (target.interface, target.ports, target.packets) = (Some("lan0".to_owned()), vec![7], 1);
    target.secure_on = Some(six("01:02:03:04:05:07").unwrap());
    assert!(send(&target).await.success);
    card.line().await;
    let down = ping::echo(&clock, ASLEEP, Duration::from_millis(1500)).await;
    assert!(!down.success, "a wrong password wakes nobody: {down:?}");
    target.secure_on = Some(six(SECURE_ON).unwrap());
    let report = send(&target).await;
    assert!(!format!("{report:?}{target:?}").contains("01:02:03"), "the password is not shown");
    let (_, address, port, bytes) = parse(&card.line().await);
    assert_eq!((address, port, bytes.len()), (Ipv4Addr::BROADCAST, 7, 108));
    assert_eq!(bytes[102..], [1, 2, 3, 4, 5, 6]);
    assert_eq!(card.line().await, "awake");
    let up = ping::echo(&clock, ASLEEP, Duration::from_secs(20)).await;
    assert!(up.success, "{up:?}");
}

#[tokio::test]
async fn it_leaves_through_the_interface_that_is_named_and_no_other() {
    if !lab::inside("wake::it_leaves_through_the_interface_that_is_named_and_no_other") {
        return;
    }
    let one = Cable::new("lan0", "10.88.0.1/24");
    let other = Cable::new("lan1", "10.89.0.1/24");
    sh("ip route add default via 10.88.0.254 dev lan0");
    let (mut first, mut second) = (one.listen(None).await, other.listen(None).await);
    let mut target = target();
    (target.ports, target.packets) = (vec![9], 1);
    // By the routes it would leave through the first.
    target.interface = Some(other.near.to_owned());
    let report = send(&target).await;
    assert!(report.success && report.details["interface"] == "lan1", "{report:?}");
    assert_eq!(parse(&second.line().await).2, 9);
    // What the first one hears next is what is sent there next.
    (target.interface, target.ports) = (Some(one.near.to_owned()), vec![7]);
    assert!(send(&target).await.success);
    assert_eq!(parse(&first.line().await).2, 7);
}

#[tokio::test]
async fn what_cannot_be_sent_says_why_and_what_to_do() {
    if !lab::inside("wake::what_cannot_be_sent_says_why_and_what_to_do") {
        return;
    }
    let no_route = send(&target()).await;
    assert_eq!((no_route.success, code(&no_route)), (false, "no_route"), "{no_route:?}");
    assert_eq!(no_route.details["packets_sent"], 0);
    assert!(no_route.message.contains("name the interface"), "{}", no_route.message);
    let cable = Cable::new("lan0", "10.88.0.1/24");
    let mut card = cable.listen(None).await;
    // The same packet goes out once the interface is named.
    let mut target = target();
    target.interface = Some("lan0".to_owned());
    assert!(send(&target).await.success);
    assert_eq!(parse(&card.line().await).1, Ipv4Addr::BROADCAST);
    target.interface = Some("lan7".to_owned());
    assert_eq!(code(&send(&target).await), "no_interface");
    target.interface = Some("a-name-that-no-interface-can-have".to_owned());
    assert_eq!(code(&send(&target).await), "no_interface");
    sh("ip link set lan0 down");
    target.interface = Some("lan0".to_owned());
    let down = send(&target).await;
    assert_eq!((code(&down), &down.details["packets_sent"]), ("no_route", &0.into()), "{down:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_the_name_of_the_field() {
    let mac: Mac = MAC.parse().unwrap();
    for (ports, packets, field) in
        [(vec![], 3, "`ports`"), (vec![0], 3, "`ports`"), (vec![9], 0, "`packets`")]
    {
        let report = send(&Target { ports, packets, ..Target::new(mac) }).await;
        assert_eq!((report.success, code(&report)), (false, "bad_request"));
        assert!(report.message.contains(field), "{}", report.message);
    }
    let report = send(&Target { interface: Some(String::new()), ..Target::new(mac) }).await;
    assert_eq!((report.success, code(&report)), (false, "bad_request"));
    assert!(report.message.contains("`interface`"), "{}", report.message);
}

#[tokio::test]
async fn a_packet_to_the_machine_itself_is_sent_and_nothing_more_is_claimed() {
    if !lab::inside("wake::a_packet_to_the_machine_itself_is_sent_and_nothing_more_is_claimed") {
        return;
    }
    let _cable = Cable::new("lan0", "10.88.0.1/24");
    let mut target = target();
    target.address = Some(ASLEEP);
    // It never arrives: nobody answers for the address of a machine that sleeps.
    let report = send(&target).await;
    assert!(report.success && report.details["address"] == "10.88.0.245", "{report:?}");
    assert!(report.message.ends_with("were sent."), "{}", report.message);
}
