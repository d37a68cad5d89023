//! What people chose to be told, and how.

use innkeeper_domain::discord::{Outcome, Snowflake};
use innkeeper_domain::ids::AlertId;
use innkeeper_domain::mails::{Language, Letter, words};
use innkeeper_domain::notifications::{Choice, Kind};
use innkeeper_store::discord::{self, Link, Matter, Notice, Recipient};
use innkeeper_store::notifications;

use crate::house::{House, NOW, at};

both! {
    async fn what_nobody_chose_is_as_usual(db: Db) {
        let user = House::build(&db).await.user.id;
        let usual: Vec<_> = Kind::ALL.iter().map(|kind| Choice::usual(*kind)).collect();
        assert_eq!(notifications::of_user(&db, user).await.unwrap(), usual);
        for discord in [true, false] {
            let chosen = Choice { kind: Kind::Leases, email: false, discord };
            let mut tx = db.begin().await.unwrap();
            notifications::choose(&mut tx, user, chosen).await.unwrap();
            assert_eq!(notifications::of_kind_tx(&mut tx, user, Kind::Leases).await.unwrap(), chosen);
            let other = notifications::of_kind_tx(&mut tx, user, Kind::Backups).await.unwrap();
            assert_eq!(other, Choice::usual(Kind::Backups));
            tx.commit().await.unwrap();
            let all = notifications::of_user(&db, user).await.unwrap();
            assert_eq!(all.iter().filter(|one| **one != Choice::usual(one.kind)).collect::<Vec<_>>(), [&chosen]);
        }
    }

    async fn discord_tells_somebody_only_where_a_linked_user_chose_it(db: Db) {
        let user = House::build(&db).await.user.id;
        let mut tx = db.begin().await.unwrap();
        let chosen = Choice { kind: Kind::Credits, email: true, discord: true };
        notifications::choose(&mut tx, user, chosen).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!notifications::any_by_discord(&db).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        let discord_id = Snowflake::new(7).unwrap();
        let link = Link { discord_id, user_id: user, name: "ada".into(), linked_at: NOW };
        assert!(discord::link(&mut tx, &link).await.unwrap());
        tx.commit().await.unwrap();
        assert!(notifications::any_by_discord(&db).await.unwrap());
    }

    async fn a_letter_for_discord_waits_until_somebody_knows_what_became_of_it(db: Db) {
        let user = House::build(&db).await.user.id;
        let letter = |mailed| Notice {
            id: AlertId::new(),
            to: Recipient::User(user),
            language: Language::Fr,
            matter: Matter::Letter {
                letter: Letter::Deletion,
                words: words([("project", "Band"), ("link", "/p")]),
                mailed,
            },
            created_at: NOW,
        };
        let (one, two) = (letter(false), letter(true));
        let mut tx = db.begin().await.unwrap();
        for notice in [&one, &two] {
            assert!(discord::insert(&mut tx, notice).await.unwrap());
        }
        let claimed = discord::claim(&mut tx, NOW, at(60), 1).await.unwrap();
        assert_eq!((claimed[0].notice.clone(), claimed[0].tries), (one.clone(), 1));
        assert_eq!(discord::claimed_tx(&mut tx, one.id, 1).await.unwrap(), Some(one.clone()));
        assert_eq!(discord::claimed_tx(&mut tx, one.id, 0).await.unwrap(), None, "another claim");
        tx.commit().await.unwrap();
        let these = [Letter::Runway, Letter::Deletion];
        assert!(!discord::letter_waits(&db, &these, at(-1)).await.unwrap());
        assert!(!discord::letter_waits(&db, &these[..1], NOW).await.unwrap(), "another letter");
        assert!(discord::letter_waits(&db, &these, NOW).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        assert!(discord::waiting_letters(&mut tx, &these, at(-1), 9).await.unwrap().is_empty());
        assert!(discord::waiting_letters(&mut tx, &these[..1], NOW, 9).await.unwrap().is_empty());
        let waiting = discord::waiting_letters(&mut tx, &these, NOW, 9).await.unwrap();
        assert_eq!(waiting.iter().map(|one| one.tries).collect::<Vec<_>>(), [1, 0]);
        assert!(discord::end(&mut tx, one.id, 1, Outcome::Told, None, at(1)).await.unwrap());
        assert_eq!(discord::claimed_tx(&mut tx, one.id, 1).await.unwrap(), None);
        let waiting = discord::waiting_letters(&mut tx, &these, NOW, 9).await.unwrap();
        assert_eq!(waiting.into_iter().map(|one| one.notice).collect::<Vec<_>>(), [two]);
    }
}
