//! Tickets are good once, for one thing, for a while.

use innkeeper_domain::ids::UserId;
use innkeeper_domain::tickets::{Purpose, Ticket};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Db, Sealed, tickets};

use crate::house::{House, NOW, at};

fn ticket(purpose: Purpose, user_id: Option<UserId>) -> Ticket {
    Ticket { purpose, user_id, created_at: NOW, expires_at: at(10) }
}

fn body() -> Sealed {
    Sealed::from_text("sealed".into())
}

async fn redeem(db: &Db, purpose: Purpose, hash: u8, now: Timestamp) -> Option<Ticket> {
    let mut tx = db.begin().await.unwrap();
    let found = tickets::redeem(&mut tx, purpose, &[hash; 32], now).await.unwrap();
    tx.commit().await.unwrap();
    found.map(|(ticket, body)| {
        assert_eq!(body.as_str(), "sealed");
        ticket
    })
}

both! {
    async fn of_ten_who_use_a_ticket_one_gets_it(db: Db) {
        let house = House::build(&db).await;
        let made = ticket(Purpose::Recovery, Some(house.user.id));
        let mut tx = db.begin().await.unwrap();
        tickets::insert(&mut tx, &[1; 32], &made, &body()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(redeem(&db, Purpose::Email, 1, NOW).await, None, "for another thing");
        assert_eq!(redeem(&db, Purpose::Recovery, 2, NOW).await, None, "another one");
        assert_eq!(redeem(&db, Purpose::Recovery, 1, at(10)).await, None, "too late");
        let mut users = Vec::new();
        for _ in 0..10 {
            let db = db.clone();
            users.push(tokio::spawn(async move { redeem(&db, Purpose::Recovery, 1, at(9)).await }));
        }
        let mut got = Vec::new();
        for user in users {
            got.extend(user.await.unwrap());
        }
        assert_eq!(got, [made]);
    }

    async fn tries_are_counted_and_tickets_end(db: Db) {
        let house = House::build(&db).await;
        let mut tx = db.begin().await.unwrap();
        for (hash, user) in [(1, Some(house.user.id)), (2, Some(house.user.id)), (3, None)] {
            tickets::insert(&mut tx, &[hash; 32], &ticket(Purpose::SecondFactor, user), &body()).await.unwrap();
        }
        let one = [1; 32];
        for _ in 0..3 {
            let found = tickets::try_once(&mut tx, Purpose::SecondFactor, &one, 3, NOW).await.unwrap();
            assert_eq!(found.unwrap().0.user_id, Some(house.user.id));
        }
        assert!(tickets::try_once(&mut tx, Purpose::SecondFactor, &one, 3, NOW).await.unwrap().is_none());
        assert!(tickets::look(&mut tx, Purpose::SecondFactor, &one, NOW).await.unwrap().is_some());
        assert!(tickets::look(&mut tx, Purpose::SecondFactor, &one, at(10)).await.unwrap().is_none());
        assert!(tickets::look(&mut tx, Purpose::Oidc, &one, NOW).await.unwrap().is_none());
        tickets::delete_of(&mut tx, house.user.id, Purpose::Recovery).await.unwrap();
        assert!(tickets::look(&mut tx, Purpose::SecondFactor, &one, NOW).await.unwrap().is_some());
        tickets::delete_of(&mut tx, house.user.id, Purpose::SecondFactor).await.unwrap();
        assert!(tickets::look(&mut tx, Purpose::SecondFactor, &one, NOW).await.unwrap().is_none());
        assert_eq!(tickets::delete_expired(&mut tx, at(9)).await.unwrap(), 0);
        assert_eq!(tickets::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}
