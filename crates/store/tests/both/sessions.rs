//! Sessions and their tokens.

use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::sessions::{Link, Method, Session};
use innkeeper_store::sessions::{FirstTokens, Rotation};
use innkeeper_store::{Db, sessions};

use crate::house::{House, NOW, at};

fn session(house: &House, ends: i64) -> Session {
    Session {
        id: SessionId::new(),
        user_id: house.user.id,
        method: Method::Password,
        address: Some("2001:db8::7".parse().unwrap()),
        user_agent: Some("a browser".into()),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: at(ends),
    }
}

/// Adds a session whose family is this byte and whose first refresh token is the next one.
async fn add(db: &Db, session: &Session, family: u8) {
    let mut tx = db.begin().await.unwrap();
    let tokens = FirstTokens { family: &[family; 32], refresh: &[family + 1; 32] };
    sessions::insert(&mut tx, session, tokens).await.unwrap();
    tx.commit().await.unwrap();
}

fn rotation<'a>(shown: &'a [u8], successor: &'a [u8], second: i64) -> Rotation<'a> {
    let (at, expires_at) = (at(second), at(second + 100));
    Rotation { shown, successor, salt: b"salt", at, expires_at, address: None, user_agent: Some("newer") }
}

both! {
    async fn a_session_is_found_by_its_access_token_until_either_ends(db: Db) {
        let house = House::build(&db).await;
        let (short, long) = (session(&house, 10), session(&house, 100));
        add(&db, &short, 10).await;
        add(&db, &long, 20).await;
        let mut tx = db.begin().await.unwrap();
        sessions::insert_access(&mut tx, short.id, &[1; 32], at(50)).await.unwrap();
        sessions::insert_access(&mut tx, long.id, &[2; 32], at(50)).await.unwrap();
        sessions::insert_access(&mut tx, long.id, &[3; 32], at(60)).await.unwrap();
        // The same one again changes nothing, not even how long it lasts.
        sessions::insert_access(&mut tx, long.id, &[3; 32], at(90)).await.unwrap();
        tx.commit().await.unwrap();

        let found = |token, now| { let db = db.clone(); async move {
            sessions::by_access(&db, &[token; 32], now).await.unwrap().map(|(session, _)| session.id)
        } };
        assert_eq!(
            sessions::by_access(&db, &[1; 32], at(9)).await.unwrap(),
            Some((short.clone(), house.user.clone()))
        );
        assert_eq!(found(1, at(10)).await, None, "the session has ended");
        assert_eq!(found(2, at(49)).await, Some(long.id));
        assert_eq!(found(2, at(50)).await, None, "the token has ended");
        assert_eq!(found(3, at(59)).await, Some(long.id));
        assert_eq!(found(3, at(60)).await, None);
        assert_eq!(found(9, NOW).await, None);
        assert_eq!(sessions::by_id(&db, short.id, at(9)).await.unwrap(), Some((short.clone(), house.user.clone())));
        assert_eq!(sessions::by_id(&db, short.id, at(10)).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(sessions::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(found(2, NOW).await, Some(long.id));
        let mut tx = db.begin().await.unwrap();
        assert!(!sessions::delete(&mut tx, UserId::new(), long.id).await.unwrap(), "not theirs");
        assert!(sessions::delete(&mut tx, house.user.id, long.id).await.unwrap());
        assert!(!sessions::delete(&mut tx, house.user.id, long.id).await.unwrap());
        tx.commit().await.unwrap();
        for token in 1..=3 {
            assert_eq!(found(token, NOW).await, None);
        }
    }

    async fn all_others_end_and_one_is_kept(db: Db) {
        let house = House::build(&db).await;
        let all = [session(&house, 10), session(&house, 100), session(&house, 100)];
        for (family, session) in (10..).step_by(10).zip(&all) {
            add(&db, session, family).await;
        }
        let [_, second, third] = all;
        assert_eq!(
            sessions::list_of(&db, house.user.id, at(10)).await.unwrap(),
            [third.clone(), second.clone()]
        );
        assert_eq!(sessions::list_of(&db, UserId::new(), NOW).await.unwrap(), []);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(sessions::delete_of(&mut tx, UserId::new(), None).await.unwrap(), 0);
        assert_eq!(sessions::delete_of(&mut tx, house.user.id, Some(second.id)).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(sessions::list_of(&db, house.user.id, NOW).await.unwrap(), [second]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(sessions::delete_of(&mut tx, house.user.id, None).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    async fn a_family_knows_its_newest_token_the_one_before_and_that_others_were_its_own(db: Db) {
        let house = House::build(&db).await;
        let kept = session(&house, 50);
        add(&db, &kept, 10).await;
        let link = |shown: u8, now| { let db = db.clone(); async move {
            let mut tx = db.begin().await.unwrap();
            let family = sessions::family(&mut tx, &[10; 32], &[shown; 32], now).await.unwrap();
            tx.rollback().await.unwrap();
            family.map(|family| (family.link, family.salt))
        } };
        assert_eq!(link(11, NOW).await, Some((Link::Newest, None)));
        assert_eq!(link(99, NOW).await, Some((Link::Old, None)));
        assert_eq!(link(11, at(50)).await, None, "it has ended");
        assert!(sessions::is_family(&db, &[10; 32], NOW).await.unwrap());
        assert!(!sessions::is_family(&db, &[10; 32], at(50)).await.unwrap());
        assert!(!sessions::is_family(&db, &[77; 32], NOW).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(sessions::family(&mut tx, &[77; 32], &[11; 32], NOW).await.unwrap(), None);
        assert!(sessions::rotate(&mut tx, kept.id, &rotation(&[11; 32], &[12; 32], 20)).await.unwrap());
        assert!(!sessions::rotate(&mut tx, kept.id, &rotation(&[11; 32], &[13; 32], 20)).await.unwrap());
        tx.commit().await.unwrap();
        let salt = Some(b"salt".to_vec());
        assert_eq!(link(12, at(60)).await, Some((Link::Newest, salt.clone())));
        assert_eq!(link(11, at(60)).await, Some((Link::Replaced(at(20)), salt.clone())));
        let mut tx = db.begin().await.unwrap();
        assert!(sessions::rotate(&mut tx, kept.id, &rotation(&[12; 32], &[13; 32], 30)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(link(11, at(60)).await, Some((Link::Old, salt)));
        let now = sessions::list_of(&db, house.user.id, at(60)).await.unwrap().remove(0);
        let user_agent = Some("newer".to_owned());
        assert_eq!(now, Session { last_used_at: at(30), expires_at: at(130), user_agent, ..kept });
    }

    async fn of_ten_who_refresh_at_once_one_rotates_and_the_others_see_that_it_did(db: Db) {
        let house = House::build(&db).await;
        let kept = session(&house, 50);
        add(&db, &kept, 10).await;
        let mut tries = Vec::new();
        for n in 0..10u8 {
            let (db, id) = (db.clone(), kept.id);
            tries.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let family = sessions::family(&mut tx, &[10; 32], &[11; 32], NOW).await.unwrap().unwrap();
                if family.link == Link::Newest {
                    let (shown, successor) = ([11; 32], [100 + n; 32]);
                    assert!(sessions::rotate(&mut tx, id, &rotation(&shown, &successor, 1)).await.unwrap());
                }
                tx.commit().await.unwrap();
                family.link
            }));
        }
        let mut newest = 0;
        for one in tries {
            match one.await.unwrap() {
                Link::Newest => newest += 1,
                other => assert_eq!(other, Link::Replaced(at(1))),
            }
        }
        assert_eq!(newest, 1);
    }
}
