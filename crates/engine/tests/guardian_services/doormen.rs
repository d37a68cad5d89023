//! The doorman of a service: he says how it stands, has it started when somebody joins who may, and shows players in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::instances::State as InstanceState;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::services::{Doorman, Place, Scene, ServiceState, Way};
use innkeeper_engine::ServiceChange;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, until};

fn text(text: &str) -> Vec<u8> {
    [vec![text.len() as u8], text.as_bytes().to_vec()].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8], body].concat()
}

async fn varint(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut value = 0;
    for shift in [0, 7, 14] {
        let byte = stream.read_u8().await?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

/// The text of the one packet that answers to these: a number, and a text behind its length.
async fn said(door: SocketAddr, next: u8, then: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(door).await?;
    let port = door.port().to_be_bytes();
    let hello = [vec![0, 0x81, 0x06], text("127.0.0.1"), port.to_vec(), vec![next]].concat();
    stream.write_all(&[framed(&hello), framed(then)].concat()).await?;
    varint(&mut stream).await?;
    stream.read_u8().await?;
    let length = varint(&mut stream).await?;
    let mut said = vec![0; length];
    stream.read_exact(&mut said).await?;
    Ok(String::from_utf8(said).unwrap())
}

/// What the server list shows.
async fn listed(door: SocketAddr) -> Option<String> {
    said(door, 1, &[0]).await.ok()
}

/// What somebody reads who joins.
async fn joins(door: SocketAddr, name: &str) -> Option<String> {
    said(door, 2, &[vec![0], text(name), vec![7; 16]].concat()).await.ok()
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

both! {
    async fn who_may_wakes_it_by_joining_and_then_plays(db: Db) {
        let house = House::open(db).await;
        let instance = house.instance("box").await;
        house.game.close().await;
        let stopped = house.engine.change_instance(&house.owner, instance.id, Verb::Stop, None).await.unwrap();
        house.engine.await_operation(&house.owner, stopped.id, Duration::from_secs(60)).await.unwrap();
        let door = free().await;
        let mut new = house.new_service("survival", Place::Instance(instance.id));
        new.doorman = Some(Doorman {
            way: Way::Forward,
            players: vec!["Ada".into()],
            proxy_protocol: false,
            texts: BTreeMap::from([(Scene::Refused, "Ask the cook.".to_owned())]),
            ..Doorman::at(door)
        });
        let id = house.engine.add_service(&Actor::house(), new, None).await.unwrap().service.id;
        house.seen(id, ServiceState::Down).await;
        let shown = until("the doorman answers", async || listed(door).await).await;
        assert!(shown.contains("Le serveur dort") && shown.contains("769"), "{shown}");
        assert!(joins(door, "Eve").await.unwrap().contains("Ask the cook."));
        let now = house.engine.instance(&house.owner, instance.id).await.unwrap();
        assert_eq!(now.state(), InstanceState::Stopped, "who may not wake it does not");

        let told = joins(door, "Ada").await.unwrap();
        assert!(told.contains("Le serveur se réveille") && told.contains("En attente : 1"), "{told}");
        until("the instance runs", async || {
            let now = house.engine.instance(&house.owner, instance.id).await.unwrap();
            (now.state() == InstanceState::Running).then_some(())
        })
        .await;
        house.seen(id, ServiceState::Starting).await;
        house.game.open().await;
        house.seen(id, ServiceState::Up).await;
        let real = until("the server itself answers", async || {
            listed(door).await.filter(|shown| shown.contains("Auberge"))
        })
        .await;
        assert!(real.contains("1.21.4"), "{real}");
    }

    async fn a_door_that_is_taken_is_told_of_and_tried_again(db: Db) {
        let house = House::open(db).await;
        let staff = Actor::house();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = taken.local_addr().unwrap();
        let mut new = house.new_service("survival", house.guest());
        new.doorman = Some(Doorman::at(door));
        let id = house.engine.add_service(&staff, new, None).await.unwrap().service.id;
        let problem = until("the problem is told", async || {
            house.engine.service(&staff, id).await.unwrap().door_problem
        })
        .await;
        assert!(problem.contains("in use"), "{problem}");
        drop(taken);
        until("he took his place", async || {
            let told = house.engine.service(&staff, id).await.unwrap().door_problem;
            (told.is_none() && listed(door).await.is_some()).then_some(())
        })
        .await;
        // Sent elsewhere, he leaves the old door.
        let elsewhere = free().await;
        let change =
            ServiceChange { doorman: Some(Some(Doorman::at(elsewhere))), ..ServiceChange::default() };
        house.engine.change_service(&staff, id, change).await.unwrap();
        until("he stands elsewhere", async || listed(elsewhere).await).await;
        assert!(TcpListener::bind(door).await.is_ok());
        house.engine.remove_service(&staff, id).await.unwrap();
        until("he is gone", async || TcpListener::bind(elsewhere).await.ok()).await;
    }
}
