//! What was tried is counted before it is looked at, over all processes.

use std::time::Duration;

use innkeeper_domain::limits::Limit;
use innkeeper_store::limits::{Bucket, give_back, is_known, prune, remember, take};
use innkeeper_store::{Db, Error};

use crate::house::{House, NOW, at};

fn bucket(key: &str, burst: u32) -> Bucket {
    Bucket { key: key.to_owned(), limit: Limit { burst, every: Duration::from_secs(60) } }
}

/// Takes, and keeps it when it was let through.
async fn attempt(db: &Db, buckets: &[Bucket]) -> Result<Result<(), Duration>, Error> {
    let mut tx = db.begin().await?;
    let taken = take(&mut tx, buckets, NOW).await?;
    if taken.is_ok() {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(taken)
}

both! {
    async fn of_fifty_at_once_as_many_are_let_through_as_there_is_room_for(db: Db) {
        let mut tries = Vec::new();
        for n in 0..50 {
            let db = db.clone();
            // Two buckets, so that crossed waits would show.
            let buckets = [bucket("account", 7), bucket(&format!("address {}", n % 3), 40)];
            tries.push(tokio::spawn(async move { attempt(&db, &buckets).await.unwrap() }));
        }
        let mut through = 0;
        for one in tries {
            through += u32::from(one.await.unwrap().is_ok());
        }
        assert_eq!(through, 7);
    }

    async fn a_refused_try_takes_nothing_from_the_other_buckets(db: Db) {
        let (narrow, wide) = (bucket("a", 1), bucket("b", 2));
        assert_eq!(attempt(&db, &[wide.clone()]).await.unwrap(), Ok(()));
        let both = [narrow.clone(), wide.clone()];
        assert_eq!(attempt(&db, &both).await.unwrap(), Ok(()));
        let both = [bucket("a", 2), wide.clone()];
        assert_eq!(attempt(&db, &both).await.unwrap(), Err(Duration::from_secs(60)));
        assert_eq!(attempt(&db, &[bucket("a", 2)]).await.unwrap(), Ok(()), "was not taken");
        let mut tx = db.begin().await.unwrap();
        give_back(&mut tx, &[narrow.clone(), wide.clone()]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(attempt(&db, &[wide]).await.unwrap(), Ok(()), "was given back");
        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, at(60), at(0)).await.unwrap(), 1, "the other one is not empty yet");
        assert_eq!(prune(&mut tx, at(120), at(0)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    async fn an_account_knows_the_networks_that_it_signed_in_from(db: Db) {
        let house = House::build(&db).await;
        let here = "203.0.113.7/32".parse().unwrap();
        let there = "203.0.113.8/32".parse().unwrap();
        let known = |email: &str, network, since| {
            let (db, email) = (db.clone(), email.parse().unwrap());
            async move { is_known(&db, &email, network, since).await.unwrap() }
        };
        assert!(!known("ada@example.org", here, at(0)).await);
        let mut tx = db.begin().await.unwrap();
        remember(&mut tx, house.user.id, here, at(-5)).await.unwrap();
        remember(&mut tx, house.user.id, here, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(known("ADA@example.org", here, NOW).await);
        assert!(!known("ada@example.org", here, at(1)).await);
        assert!(!known("ada@example.org", there, NOW).await);
        assert!(!known("eve@example.org", here, NOW).await);
        let mut tx = db.begin().await.unwrap();
        prune(&mut tx, NOW, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!known("ada@example.org", here, NOW).await);
    }
}
