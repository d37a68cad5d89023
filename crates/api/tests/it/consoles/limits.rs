//! Every limit holds: how many, how long, how much; and two hundred at once are no trouble.

use std::time::{Duration, Instant};

use innkeeper_domain::consoles::Limits;
use tokio::time::timeout;

use super::inn::{Inn, Wanted};

async fn inn_with(limits: Limits) -> Inn {
    Inn::open(Wanted { limits, ..Wanted::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_in_which_nothing_is_typed_closes() {
    let inn = inn_with(Limits { idle: Duration::from_millis(600), ..Limits::default() }).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut text = inn.console(&grace, &guest, "text").await;
    text.until("login: ").await;
    // Typing keeps it open beyond the limit.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(900) {
        text.say("x").await;
        text.until("x").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(text.end().await, (4004, "idle".to_owned()));
    // Asking for pictures does not, nor does a ping.
    let mut graphics = inn.console(&grace, &guest, "graphics").await;
    let (width, height, _) = graphics.begin_rfb().await;
    let ended = timeout(Duration::from_secs(20), async {
        loop {
            let mut request = vec![3, 0, 0, 0, 0, 0];
            request.extend(width.to_be_bytes());
            request.extend(height.to_be_bytes());
            graphics.say(request).await;
            if let Err(ended) = graphics.next().await {
                return ended;
            }
        }
    });
    assert_eq!(ended.await.unwrap(), (4004, "idle".to_owned()));
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_closes_when_its_time_is_up() {
    let inn = inn_with(Limits { total: Duration::from_millis(500), ..Limits::default() }).await;
    let grace = inn.user("grace").await;
    let guest = inn.guest(&grace, "web-1", &inn.container).await;
    let mut wire = inn.console(&grace, &guest, "text").await;
    assert_eq!(wire.end().await, (4005, "time_is_up".to_owned()));
    inn.all_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_per_user_per_node_and_in_the_house() {
    for (limits, others) in [
        (Limits { per_user: 2, ..Limits::default() }, true),
        (Limits { per_node: 2, ..Limits::default() }, false),
        (Limits { in_house: 2, ..Limits::default() }, false),
    ] {
        let inn = inn_with(limits).await;
        let grace = inn.user("grace").await;
        let guest = inn.guest(&grace, "web-1", &inn.container).await;
        // Two tickets too many: asked for in time, they open nothing any more.
        let mut offers = Vec::new();
        for _ in 0..4 {
            offers.push(inn.ask(&grace, &guest, "text").await.expect(201));
        }
        let mut open = Vec::new();
        for offer in &offers[..2] {
            let mut wire = inn.enter(offer, &[]).await.unwrap();
            wire.until("login: ").await;
            open.push(wire);
        }
        let mut late = inn.enter(&offers[2], &[]).await.unwrap();
        assert_eq!(late.end().await, (4015, "too_many_consoles".to_owned()));
        assert_eq!(inn.ask(&grace, &guest, "text").await.problem(409), "too_many_consoles");
        let admin = inn.admin();
        assert_eq!(inn.ask(&admin, &guest, "text").await.status.as_u16(), if others { 201 } else { 409 });
        // One that closes makes room.
        let mut closing = open.pop().unwrap();
        closing.socket.close(None).await.unwrap();
        closing.end().await;
        inn.enter(&offers[3], &[]).await.unwrap().until("login: ").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once() {
    const CONSOLES: usize = 200;
    let limits = Limits { per_user: 300, per_node: 100, in_house: 300, ..Limits::default() };
    let nodes = vec!["oakhost", "elmhost", "ashhost"];
    let inn = Inn::open(Wanted { limits, nodes, ..Wanted::default() }).await;
    let grace = inn.user("grace").await;
    let mut guests = Vec::new();
    for number in 0..6 {
        guests.push(inn.guest(&grace, &format!("web-{number}"), &inn.container).await);
    }
    let begun = Instant::now();
    let opening = (0..CONSOLES).map(|number| {
        let (inn, grace, guest) = (&inn, &grace, &guests[number % guests.len()]);
        async move {
            let mut wire = inn.console(grace, guest, "text").await;
            wire.until("login: ").await;
            wire
        }
    });
    let opening = timeout(Duration::from_secs(60), futures_util::future::join_all(opening));
    let mut open = opening.await.expect("they open in time");
    let opened = begun.elapsed();
    assert_eq!(inn.sim.cluster("lodge").with(|world| world.open_consoles()), CONSOLES);
    // Each by itself.
    let begun = Instant::now();
    let typing = open.iter_mut().map(async |wire| {
        wire.say("root\n").await;
        wire.until("Password: ").await;
    });
    timeout(Duration::from_secs(30), futures_util::future::join_all(typing)).await.expect("they answer");
    println!("{CONSOLES} consoles opened in {opened:?}, and answered in {:?}", begun.elapsed());
    drop(open);
    inn.all_quiet().await;
    let told = inn.told().await;
    assert_eq!(told.iter().filter(|(action, _)| action == "console.close").count(), CONSOLES);
}
