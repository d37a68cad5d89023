use std::time::{Duration, Instant};

use innkeeper_domain::events::Subject;
use innkeeper_domain::operations::State;
use innkeeper_store::{events, operations};
use tokio::time::timeout;

use crate::house::House;

/// Far less than anybody waits below, far more than an answer takes.
const SOON: Duration = Duration::from_secs(15);

async fn end(house: &House, operation: &str) {
    let now = house.clock.now();
    let mut tx = house.db.begin().await.unwrap();
    operations::set_state(&mut tx, operation.parse().unwrap(), State::Succeeded, None, Some(now))
        .await
        .unwrap();
    events::append(&mut tx, now, None, Subject::Operation, operation, "succeeded").await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_waits_is_answered_when_the_operation_ends() {
    let house = House::new().await;
    let admin = house.admin().await;
    let made = house.furnish(&admin).await.instance(&admin, "web-1").await;
    let operation = made["id"].as_str().unwrap();
    let path = format!("/api/v1/operations/{operation}?wait=60s");
    let waiting = admin.get(&path);
    let mut waiting = std::pin::pin!(waiting);
    // Still pending: no answer yet.
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err());
    end(&house, operation).await;
    let answer = timeout(SOON, waiting).await.unwrap();
    assert_eq!(answer.expect(200)["state"], "succeeded");
    // It has ended: nobody waits any more.
    let answer = timeout(SOON, admin.get(&path)).await.unwrap();
    assert_eq!(answer.expect(200)["state"], "succeeded");
}

#[tokio::test]
async fn who_has_waited_long_enough_is_told_how_it_stands() {
    let house = House::new().await;
    let admin = house.admin().await;
    let made = house.furnish(&admin).await.instance(&admin, "web-1").await;
    let path = format!("/api/v1/operations/{}", made["id"].as_str().unwrap());
    let begun = Instant::now();
    assert_eq!(admin.get(&format!("{path}?wait=1s")).await.expect(200)["state"], "pending");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(timeout(SOON, admin.get(&path)).await.unwrap().expect(200)["state"], "pending");
}

#[tokio::test]
async fn nobody_who_waits_keeps_the_server_from_stopping() {
    let house = House::new().await;
    let admin = house.admin().await;
    let made = house.furnish(&admin).await.instance(&admin, "web-1").await;
    let path = format!("/api/v1/operations/{}?wait=60s", made["id"].as_str().unwrap());
    let waiting = admin.get(&path);
    let mut waiting = std::pin::pin!(waiting);
    assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    house.stop.cancel();
    assert_eq!(timeout(SOON, waiting).await.unwrap().expect(200)["state"], "pending");
}
