//! Replays what a real Proxmox VE was recorded answering against the simulator, byte for byte on the
//! way in, and compares the answers: status line, headers, shape and text of the body.
//!
//! The recording is one long session in one house, so the state of one exchange is the work of those
//! before it; `directions` says what else happened between them. What differs is listed in `known`
//! with the reason, and the list must be exact: a new difference fails, and so does a listed one that
//! has gone.
#![allow(clippy::unwrap_used)]

mod directions;
mod fixture;
mod known;
mod shape;
mod stage;
#[path = "../wire/mod.rs"]
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use fixture::Exchange;
use stage::Stage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What came of one exchange.
enum Outcome {
    Agrees,
    Differs(Vec<String>),
    NotSent(String),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulator_answers_as_the_recorded_server_did() {
    let exchanges = fixture::load();
    let mut outcomes = BTreeMap::new();
    let mut acts = directions::Acts::start().await;
    for exchange in &exchanges {
        let outcome = if let Some(reason) = known::not_sent(exchange.number) {
            Outcome::NotSent(reason.to_owned())
        } else {
            acts.before(exchange.number).await;
            play(exchange, acts.stage()).await
        };
        outcomes.insert(exchange.number, outcome);
    }
    acts.end().await;
    report(&exchanges, &outcomes);
}

async fn play(exchange: &Exchange, stage: &mut Stage) -> Outcome {
    let (Some(request), Some(recorded)) = (&exchange.request, &exchange.answer) else {
        return Outcome::NotSent("nothing was recorded".into());
    };
    if stage.unknown_task(request) {
        return Outcome::NotSent("the task it asks about never started here".into());
    }
    let Some(bytes) = stage.request(exchange).await else {
        return Outcome::NotSent("no request was recorded".into());
    };
    if directions::waits_for_task(request, recorded) {
        directions::wait_for_task(stage, &bytes).await;
    }
    let mut differences;
    if request.header("upgrade").is_some() {
        differences = converse(exchange, stage, &bytes).await;
    } else {
        let ours = stage.place.exchange(&bytes).await;
        differences = shape::differences(recorded, &ours);
        stage.learn(exchange, &ours);
    }
    differences.truncate(12);
    if differences.is_empty() { Outcome::Agrees } else { Outcome::Differs(differences) }
}

/// A websocket: the handshake, then the recorded frames in their order.
async fn converse(exchange: &Exchange, stage: &Stage, request: &[u8]) -> Vec<String> {
    let recorded = exchange.answer.as_ref().unwrap();
    if recorded.status != 101 {
        return shape::differences(recorded, &stage.place.exchange(request).await);
    }
    let mut stream = stage.place.connect().await;
    stream.write_all(request).await.unwrap();
    let (head, mut waiting) = wire::read_head(&mut stream).await;
    let mut found = shape::differences(recorded, &head);
    if head.status != 101 {
        return found;
    }
    for (way, opcode, text) in &exchange.frames {
        match way.as_str() {
            ">" => {
                let payload: Vec<u8> = if text.contains(":PVEVNC:") && text.ends_with("...") {
                    stage.first_line().into_bytes()
                } else {
                    text.chars().map(|c| c as u8).collect()
                };
                // After the server has gone there is nobody to write to, in the recording too.
                let _ = stream.write_all(&masked(*opcode, &payload)).await;
            }
            "<" => {
                let theirs: Vec<u8> = text.chars().map(|c| c as u8).collect();
                let mine = frame(&mut stream, &mut waiting).await;
                if mine.as_ref().map(|(_, payload)| payload) != Some(&theirs) {
                    let mine = mine.map(|(opcode, p)| (opcode, String::from_utf8_lossy(&p).into_owned()));
                    found.push(format!("frame: recorded {text:?}, simulator {mine:?}"));
                }
            }
            _ => loop {
                match frame(&mut stream, &mut waiting).await {
                    None => break,
                    // A closing handshake is an end, too.
                    Some((8, _)) => {}
                    Some((opcode, payload)) => {
                        found.push(format!(
                            "frame before the end: {opcode} {:?}",
                            String::from_utf8_lossy(&payload)
                        ));
                    }
                }
            },
        }
    }
    found
}

/// A client's frame, masked with zeros, as the recorder sent them.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    if payload.len() < 126 {
        out.push(0x80 | payload.len() as u8);
    } else {
        out.push(0xfe);
        out.extend((payload.len() as u16).to_be_bytes());
    }
    out.extend([0; 4]);
    out.extend_from_slice(payload);
    out
}

/// The server's next frame; `None` at the end of the connection.
async fn frame<S: AsyncReadExt + Unpin>(stream: &mut S, waiting: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    loop {
        if let [first, second, rest @ ..] = waiting.as_slice() {
            assert_eq!(second & 0x80, 0, "a server does not mask");
            let header = match second & 0x7f {
                126 => rest.get(..2).map(|b| (4, usize::from(u16::from_be_bytes([b[0], b[1]])))),
                127 => rest.get(..8).map(|b| (10, u64::from_be_bytes(b.try_into().unwrap()) as usize)),
                short => Some((2, usize::from(short))),
            };
            if let Some((start, length)) = header.filter(|(start, length)| waiting.len() >= start + length) {
                let opcode = first & 15;
                let payload = waiting[start..start + length].to_vec();
                waiting.drain(..start + length);
                return Some((opcode, payload));
            }
        }
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
        match read.expect("the server sends the next frame or closes") {
            Ok(0) | Err(_) => return None,
            Ok(count) => waiting.extend_from_slice(&buffer[..count]),
        }
    }
}

fn report(exchanges: &[Exchange], outcomes: &BTreeMap<usize, Outcome>) {
    let mut agree = 0;
    let mut wrong = Vec::new();
    let mut rest = Vec::new();
    for exchange in exchanges {
        let (number, name) = (exchange.number, &exchange.name);
        let reason = known::differs(number);
        match &outcomes[&number] {
            Outcome::Agrees => {
                agree += 1;
                if let Some(reason) = reason {
                    wrong.push(format!("#{number} {name}: agrees now, but is listed as differing: {reason}"));
                }
            }
            Outcome::NotSent(why) => {
                rest.push(format!("#{number} {name}: not sent, {why}"));
                if known::not_sent(number).is_none() {
                    wrong.push(format!("#{number} {name}: not sent, {why}"));
                }
            }
            Outcome::Differs(differences) => match reason {
                Some(reason) => rest.push(format!("#{number} {name}: differs, {reason}")),
                None => wrong.push(format!("#{number} {name}:\n      {}", differences.join("\n      "))),
            },
        }
    }
    let sent = outcomes.values().filter(|o| !matches!(o, Outcome::NotSent(_))).count();
    let total = exchanges.len();
    println!("{total} exchanges recorded, {sent} replayed, {agree} agree ({}%)", agree * 100 / total);
    println!("\nThe rest:\n  {}", rest.join("\n  "));
    assert!(wrong.is_empty(), "{} exchanges are not as listed:\n  {}", wrong.len(), wrong.join("\n  "));
    assert!(agree * 100 >= total * 85, "only {agree} of {total} agree");
}
