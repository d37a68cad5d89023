//! Mails on their way.

use innkeeper_domain::ids::MailId;
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::mails::{Mail, claim_due, failed, insert, next_due, prune, sent};
use innkeeper_store::{Db, Sealed, Topic};

use crate::house::{NOW, at};

fn mail(second: i64) -> Mail {
    Mail {
        id: MailId::new(),
        recipient: "ada@example.org".parse().unwrap(),
        letter: Letter::Recovery,
        language: Language::Fr,
        words: Sealed::from_text("sealed".into()),
        created_at: at(second),
        attempts: 0,
    }
}

async fn claim(db: &Db, now: Timestamp, until: Timestamp) -> Vec<Mail> {
    let mut tx = db.begin().await.unwrap();
    let claimed = claim_due(&mut tx, now, until, 5).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

both! {
    async fn a_mail_is_claimed_tried_again_and_sent(db: Db) {
        let mut woken = db.wakeups(Topic::Mails);
        let written = mail(0);
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &written).await.unwrap();
        tx.commit().await.unwrap();
        woken.changed().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(NOW));
        assert!(claim(&db, at(-1), at(10)).await.is_empty(), "not due yet");
        let first = claim(&db, NOW, at(10)).await.remove(0);
        assert_eq!((first.id, &first.recipient, first.letter), (written.id, &written.recipient, written.letter));
        assert_eq!((first.language, first.words.as_str(), first.attempts), (Language::Fr, "sealed", 1));
        assert!(claim(&db, at(9), at(19)).await.is_empty(), "claimed");
        // Whoever had it has died: somebody else takes it, and what the first one says later changes nothing.
        let second = claim(&db, at(10), at(20)).await.remove(0);
        assert_eq!(second.attempts, 2);
        let mut tx = db.begin().await.unwrap();
        assert!(!sent(&mut tx, &first, at(11)).await.unwrap());
        assert!(!failed(&mut tx, &first, "late", None).await.unwrap());
        assert!(failed(&mut tx, &second, "no route", Some(at(60))).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(at(60)));
        let third = claim(&db, at(60), at(70)).await.remove(0);
        assert_eq!(third.words.as_str(), "sealed");
        let mut tx = db.begin().await.unwrap();
        assert!(sent(&mut tx, &third, at(61)).await.unwrap());
        assert!(!sent(&mut tx, &third, at(61)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, NOW).await.unwrap(), 0);
        assert_eq!(prune(&mut tx, at(1)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    async fn one_that_is_given_up_is_not_tried_again(db: Db) {
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &mail(0)).await.unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(&db, NOW, at(10)).await.remove(0);
        let mut tx = db.begin().await.unwrap();
        assert!(failed(&mut tx, &claimed, "no such mailbox", None).await.unwrap());
        tx.commit().await.unwrap();
        assert!(claim(&db, at(1000), at(1010)).await.is_empty());
        assert_eq!(next_due(&db).await.unwrap(), None);
    }

    async fn two_who_claim_at_once_get_different_mails(db: Db) {
        let mut tx = db.begin().await.unwrap();
        for second in 0..10 {
            insert(&mut tx, &mail(second - 20)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let (a, b) = tokio::join!(claim(&db, NOW, at(10)), claim(&db, NOW, at(10)));
        let mut ids: Vec<MailId> = a.iter().chain(&b).map(|mail| mail.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 10);
    }
}
