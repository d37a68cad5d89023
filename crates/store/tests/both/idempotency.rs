//! A request sent twice takes effect once.

use innkeeper_store::idempotency::{Claim, answer, claim, prune};
use innkeeper_store::{Db, Error};

use crate::house::{NOW, at};

async fn ask(db: &Db, actor: &str, key: &str, hash: &[u8]) -> Result<Claim, Error> {
    let mut tx = db.begin().await?;
    let claimed = claim(&mut tx, actor, key, hash, NOW).await?;
    if claimed == Claim::Fresh {
        answer(&mut tx, actor, key, &format!("answer to {actor}")).await?;
    }
    tx.commit().await?;
    Ok(claimed)
}

both! {
    async fn an_answer_is_replayed_to_the_same_request_of_the_same_actor(db: Db) {
        assert_eq!(ask(&db, "ada", "k", b"1").await.unwrap(), Claim::Fresh);
        assert_eq!(ask(&db, "ada", "k", b"1").await.unwrap(), Claim::Replay("answer to ada".into()));
        assert_eq!(ask(&db, "ada", "k", b"2").await.unwrap(), Claim::Mismatch);
        assert_eq!(ask(&db, "ada", "l", b"2").await.unwrap(), Claim::Fresh);
        assert_eq!(ask(&db, "bob", "k", b"2").await.unwrap(), Claim::Fresh);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, NOW).await.unwrap(), 0);
        assert_eq!(prune(&mut tx, at(1)).await.unwrap(), 3);
        tx.commit().await.unwrap();
        assert_eq!(ask(&db, "ada", "k", b"2").await.unwrap(), Claim::Fresh);
    }

    async fn a_claim_that_is_rolled_back_leaves_the_key_free(db: Db) {
        let mut tx = db.begin().await.unwrap();
        assert_eq!(claim(&mut tx, "ada", "k", b"1", NOW).await.unwrap(), Claim::Fresh);
        tx.rollback().await.unwrap();
        assert_eq!(ask(&db, "ada", "k", b"2").await.unwrap(), Claim::Fresh);
    }

    async fn a_claim_without_an_answer_is_a_conflict(db: Db) {
        let mut tx = db.begin().await.unwrap();
        claim(&mut tx, "ada", "k", b"1", NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(ask(&db, "ada", "k", b"1").await, Err(Error::Conflict("idempotency key"))));
        assert_eq!(ask(&db, "ada", "k", b"2").await.unwrap(), Claim::Mismatch);
    }

    async fn of_twenty_at_once_one_acts_and_the_others_read_its_answer(db: Db) {
        let mut senders = Vec::new();
        for _ in 0..20 {
            let db = db.clone();
            senders.push(tokio::spawn(async move { ask(&db, "ada", "k", b"1").await.unwrap() }));
        }
        let mut fresh = 0;
        for sender in senders {
            match sender.await.unwrap() {
                Claim::Fresh => fresh += 1,
                Claim::Replay(answer) => assert_eq!(answer, "answer to ada"),
                Claim::Mismatch => panic!("the same request did not match itself"),
            }
        }
        assert_eq!(fresh, 1);
    }
}
