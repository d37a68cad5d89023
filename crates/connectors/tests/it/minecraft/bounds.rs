//! The doorman before those who mean no good: whoever is slow, says nonsense, or comes a hundred times.

use std::time::Duration;

use innkeeper_connectors::minecraft::doorman::Limits;
use innkeeper_connectors::minecraft::status;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PATIENCE;
use super::doorman::House;

async fn is_served(house: &House) {
    let seen = status::java("127.0.0.1", house.port(), PATIENCE).await.unwrap();
    assert_eq!(seen.version, "Asleep");
}

/// Waits until the other side has hung up.
async fn ended(stream: &mut TcpStream) {
    let ended = async { while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the doorman still listens");
}

fn quick() -> Limits {
    Limits { greeting: Duration::from_millis(400), ..Limits::default() }
}

#[tokio::test]
async fn whoever_is_slow_is_sent_away_at_every_step() {
    let house = House::open(quick()).await;
    let handshake = [16, 0x00, 47, 9, b'l', b'o', b'c', b'a', b'l', b'h', b'o', b's', b't', 0x63, 0xdd, 1];
    let (mut for_list, mut for_login) = (handshake.to_vec(), handshake.to_vec());
    (for_list[0], for_login[0]) = (15, 15);
    *for_login.last_mut().unwrap() = 2;
    let begun: [&[u8]; 7] = [
        &[],
        &[0xff],
        &handshake[..8],
        &for_list,
        &[&for_list[..], &[1, 0]].concat(),
        &for_login,
        &[2, 74, 0, 5, 0],
    ];
    for begun in begun {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        ended(&mut stream).await;
    }
    // A byte now and then gains no time.
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let drip = async {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        while stream.write_all(&[0x80]).await.is_ok() {
            pause.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, drip).await.expect("the doorman still listens");
    is_served(&house).await;
}

#[tokio::test]
async fn whoever_comes_too_often_is_not_let_near_and_others_are() {
    let limits = Limits { per_address: 3, greeting: PATIENCE, ..Limits::default() };
    let house = House::open(limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(house.address).await.unwrap());
    }
    for _ in 0..20 {
        ended(&mut TcpStream::connect(house.address).await.unwrap()).await;
    }
    // From another address of this machine there is still a seat.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(house.address).await.unwrap();
    other.write_all(&[0xfe, 0x01]).await.unwrap();
    assert_eq!(other.read_u8().await.unwrap(), 0xff);
    // A seat that is left is free again.
    drop(silent);
    let again = async {
        while status::java("127.0.0.1", house.port(), PATIENCE).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the seats were not given back");
}

#[tokio::test]
async fn all_seats_together_are_bounded_too() {
    let limits = Limits { connections: 2, greeting: PATIENCE, ..Limits::default() };
    let house = House::open(limits).await;
    let mut held = Vec::new();
    for address in ["127.0.0.2:0", "127.0.0.3:0"] {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(address.parse().unwrap()).unwrap();
        held.push(socket.connect(house.address).await.unwrap());
    }
    ended(&mut TcpStream::connect(house.address).await.unwrap()).await;
    drop(held);
}

#[tokio::test]
async fn nonsense_is_survived() {
    let house = House::open(quick()).await;
    let mut runner = TestRunner::deterministic();
    let first = prop_oneof![Just(0xfe_u8), Just(0x02), Just(0xff), 0_u8..40, any::<u8>()];
    let nonsense = (first, vec(any::<u8>(), 0..600)).prop_map(|(first, rest)| [vec![first], rest].concat());
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let bytes = nonsense.new_tree(&mut runner).unwrap().current();
        let address = house.address;
        visits.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            ended(&mut stream).await;
        });
        while visits.len() >= 12 {
            visits.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(visit) = visits.join_next().await {
        visit.unwrap();
    }
    assert!(!house.doorman.is_finished());
    is_served(&house).await;
}

#[tokio::test]
async fn a_packet_that_says_it_is_huge_is_not_waited_for() {
    let limits = Limits { greeting: Duration::from_secs(600), ..Limits::default() };
    let house = House::open(limits).await;
    for huge in
        [[0xff, 0xff, 0xff, 0xff, 0x07].as_slice(), &[0x81, 0x20], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01]]
    {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(huge).await.unwrap();
        // At once, long before the time for a greeting is over.
        ended(&mut stream).await;
    }
}
