//! What stands against users, and who of the administrators is left.

use std::time::Duration;

use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::impersonations::Impersonation;
use innkeeper_domain::sessions::{Method, Session};
use innkeeper_domain::standing::{Ban, Measures, Suspension};
use innkeeper_domain::users::{Role, Standing};
use innkeeper_store::sessions::FirstTokens;
use innkeeper_store::users::Filter;
use innkeeper_store::{impersonations, projects, sessions, users};

use crate::house::{House, NOW, at, person};

both! {
    async fn measures_are_kept_found_and_over_in_time(db: Db) {
        let house = House::build(&db).await;
        let id = house.user.id;
        let ban = Ban { since: NOW, until: Some(at(60)), reason: "spam".parse().unwrap() };
        let suspension = Suspension { since: at(-5), reason: "debt".parse().unwrap() };
        let both = Measures { suspension: Some(suspension), ban: Some(ban) };
        let mut tx = db.begin().await.unwrap();
        users::set_measures(&mut tx, id, &both).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(users::by_id(&db, id).await.unwrap().unwrap().measures, both);

        let count = async |standing, now| {
            let filter = Filter { standing: Some(standing), ..Filter::default() };
            users::list(&db, &filter, now, None, 10).await.unwrap().len()
        };
        assert_eq!(count(Standing::Banned, at(59)).await, 1);
        assert_eq!(count(Standing::Suspended, at(59)).await, 0);
        assert_eq!(count(Standing::Banned, at(60)).await, 0);
        assert_eq!(count(Standing::Suspended, at(60)).await, 1);
        assert_eq!(count(Standing::Good, at(60)).await, 0);
        assert_eq!(users::bans_over(&db, at(59), 10).await.unwrap(), [] as [UserId; 0]);
        assert_eq!(users::bans_over(&db, at(60), 10).await.unwrap(), [id]);

        let mut tx = db.begin().await.unwrap();
        users::set_measures(&mut tx, id, &Measures::default()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(users::by_id(&db, id).await.unwrap().unwrap(), house.user);
        assert_eq!(users::bans_over(&db, at(60), 10).await.unwrap(), [] as [UserId; 0]);
    }

    async fn administrators_count_while_nothing_stands_against_them(db: Db) {
        let house = House::build(&db).await;
        let (other, project) = person("grace@example.org");
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &other, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        users::change(&mut tx, other.id, &"Grace H.".parse().unwrap(), Role::Admin).await.unwrap();
        assert_eq!(users::other_admins(&mut tx, house.user.id, NOW).await.unwrap(), 1);
        assert_eq!(users::other_admins(&mut tx, other.id, NOW).await.unwrap(), 0);
        let ban = Ban { since: NOW, until: Some(at(60)), reason: "spam".parse().unwrap() };
        let banned = Measures { ban: Some(ban), ..Measures::default() };
        users::set_measures(&mut tx, other.id, &banned).await.unwrap();
        assert_eq!(users::other_admins(&mut tx, house.user.id, at(59)).await.unwrap(), 0);
        assert_eq!(users::other_admins(&mut tx, house.user.id, at(60)).await.unwrap(), 1);
        let found = users::by_id_tx(&mut tx, other.id).await.unwrap().unwrap();
        assert_eq!((found.role, found.name.as_str()), (Role::Admin, "Grace H."));
        assert_eq!(users::by_id_tx(&mut tx, UserId::new()).await.unwrap(), None);
        tx.commit().await.unwrap();
    }

    async fn sessions_from_before_a_ban_go_with_it(db: Db) {
        let house = House::build(&db).await;
        let mut tx = db.begin().await.unwrap();
        for (n, opened) in [(1, -1), (2, 0), (3, 1)] {
            let session = Session {
                id: SessionId::new(), user_id: house.user.id, method: Method::Password, address: None,
                user_agent: None, created_at: at(opened), last_used_at: at(opened), expires_at: at(100),
            };
            let tokens = FirstTokens { family: &[n; 32], refresh: &[n; 32] };
            sessions::insert(&mut tx, &session, tokens).await.unwrap();
        }
        sessions::delete_until(&mut tx, house.user.id, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let left = sessions::list_of(&db, house.user.id, NOW).await.unwrap();
        assert_eq!(left.iter().map(|session| session.created_at).collect::<Vec<_>>(), [at(1)]);
    }

    async fn who_acts_for_whom_is_known_until_it_ends(db: Db) {
        let house = House::build(&db).await;
        let (admin, project) = person("grace@example.org");
        let one = |ends: i64| Impersonation {
            id: SessionId::new(),
            user_id: house.user.id,
            by: admin.id,
            reason: "ticket 12".parse().unwrap(),
            created_at: NOW,
            expires_at: NOW.after(Duration::from_secs(ends.unsigned_abs())),
        };
        let (short, long, spare) = (one(10), one(100), one(100));
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &admin, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        for (n, one) in [(1, &short), (2, &long), (3, &spare)] {
            impersonations::insert(&mut tx, one, &[n; 32]).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(impersonations::by_token(&db, &[1; 32], at(9)).await.unwrap(), Some(short.clone()));
        assert_eq!(impersonations::by_token(&db, &[1; 32], at(10)).await.unwrap(), None);
        assert_eq!(impersonations::list(&db, at(10)).await.unwrap(), [spare.clone(), long.clone()]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(impersonations::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        assert_eq!(impersonations::delete(&mut tx, long.id).await.unwrap(), Some(long.clone()));
        assert_eq!(impersonations::delete(&mut tx, long.id).await.unwrap(), None);
        assert_eq!(impersonations::delete_of(&mut tx, admin.id).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(impersonations::list(&db, NOW).await.unwrap(), []);
    }
}
