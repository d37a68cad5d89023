//! Users, sessions, projects.

use innkeeper_domain::ids::{ProjectId, SessionId, UserId};
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::users::{Role, Session, User};
use innkeeper_store::users::Filter;
use innkeeper_store::{Error, projects, sessions, users};

use crate::house::{House, NOW, at, person};

both! {
    async fn a_user_reads_back_as_written(db: Db) {
        assert_eq!(users::count(&db).await.unwrap(), 0);
        let house = House::build(&db).await;
        let (mut other, project) = person("grace@example.org");
        other.role = Role::Operator;
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &other, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!(users::count(&db).await.unwrap(), 2);
        assert_eq!(users::by_id(&db, other.id).await.unwrap(), Some(other.clone()));
        assert_eq!(users::by_id(&db, UserId::new()).await.unwrap(), None);
        let hash = Some("$argon2id$x".to_owned());
        assert_eq!(users::by_email(&db, &house.user.email).await.unwrap(), Some((house.user.clone(), hash)));
        assert_eq!(users::by_email(&db, &other.email).await.unwrap(), Some((other.clone(), None)));
        assert_eq!(users::by_email(&db, &"x@y".parse().unwrap()).await.unwrap(), None);

        let listed = async |filter: &Filter, after, limit| {
            users::list(&db, filter, NOW, after, limit).await.unwrap()
        };
        let all = Filter::default();
        assert_eq!(listed(&all, None, 10).await, [house.user.clone(), other.clone()]);
        assert_eq!(listed(&all, None, 1).await, [house.user.clone()]);
        assert_eq!(listed(&all, Some(house.user.id), 10).await, [other.clone()]);
        for (text, found) in [("GRACE", 1), ("ada", 2), ("example.org", 2), ("%", 0), ("", 2)] {
            let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
            assert_eq!(listed(&filter, None, 10).await.len(), found, "{text}");
        }
        let operators = Filter { role: Some(Role::Operator), ..Filter::default() };
        assert_eq!(listed(&operators, None, 10).await, [other.clone()]);

        let mut tx = db.begin().await.unwrap();
        users::set_password(&mut tx, other.id, "$argon2id$y").await.unwrap();
        tx.commit().await.unwrap();
        let (_, hash) = users::by_email(&db, &other.email).await.unwrap().unwrap();
        assert_eq!(hash.as_deref(), Some("$argon2id$y"));
    }

    async fn an_address_belongs_to_one_user_however_it_is_spelt(db: Db) {
        House::build(&db).await;
        let (twin, _) = person("Ada@EXAMPLE.org");
        let mut tx = db.begin().await.unwrap();
        let error = users::insert(&mut tx, &twin, None).await.unwrap_err();
        assert!(matches!(error, Error::Conflict("email")), "{error:?}");
        tx.rollback().await.unwrap();
        assert_eq!(users::count(&db).await.unwrap(), 1);
    }

    async fn a_user_without_their_project_cannot_be_committed(db: Db) {
        let (user, _) = person("ada@example.org");
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &user, None).await.unwrap();
        assert!(tx.commit().await.is_err());
        assert_eq!(users::count(&db).await.unwrap(), 0);
        House::build(&db).await;
    }

    async fn a_session_is_found_by_its_token_until_it_ends(db: Db) {
        let house = House::build(&db).await;
        let session = |ends| Session {
            id: SessionId::new(), user_id: house.user.id, created_at: NOW, expires_at: at(ends),
        };
        let (short, long, spare) = (session(10), session(100), session(100));
        let mut tx = db.begin().await.unwrap();
        sessions::insert(&mut tx, &short, &[1; 32]).await.unwrap();
        sessions::insert(&mut tx, &long, &[2; 32]).await.unwrap();
        sessions::insert(&mut tx, &spare, &[3; 32]).await.unwrap();
        tx.commit().await.unwrap();

        let found = |token, now| { let db = db.clone(); async move {
            sessions::by_token(&db, &[token; 32], now).await.unwrap()
        } };
        assert_eq!(found(1, at(9)).await, Some((short.clone(), house.user.clone())));
        assert_eq!(found(1, at(10)).await, None);
        assert_eq!(found(9, NOW).await, None);
        assert_eq!(
            sessions::list_of(&db, house.user.id, at(10)).await.unwrap(),
            [spare.clone(), long.clone()]
        );
        assert_eq!(sessions::list_of(&db, UserId::new(), NOW).await.unwrap(), []);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(sessions::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        assert!(!sessions::delete(&mut tx, UserId::new(), long.id).await.unwrap(), "not theirs");
        assert!(sessions::delete(&mut tx, house.user.id, long.id).await.unwrap());
        assert!(!sessions::delete(&mut tx, house.user.id, long.id).await.unwrap());
        assert!(sessions::delete_by_token(&mut tx, &[3; 32]).await.unwrap());
        assert!(!sessions::delete_by_token(&mut tx, &[3; 32]).await.unwrap());
        tx.commit().await.unwrap();
        for token in 1..=3 {
            assert_eq!(found(token, NOW).await, None);
        }
    }

    async fn a_member_has_their_projects_and_staff_see_all(db: Db) {
        let house = House::build(&db).await;
        let shared = Project {
            id: ProjectId::new(), name: "Shared".parse().unwrap(), personal_of: None, created_at: NOW,
        };
        let foreign = Project { id: ProjectId::new(), name: "Theirs".parse().unwrap(), ..shared.clone() };
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &shared).await.unwrap();
        projects::insert(&mut tx, &foreign).await.unwrap();
        projects::add_member(&mut tx, shared.id, house.user.id, Membership::Member).await.unwrap();
        projects::add_member(&mut tx, shared.id, house.user.id, Membership::Viewer).await.unwrap();
        tx.commit().await.unwrap();

        let User { id, .. } = house.user;
        assert_eq!(projects::memberships_of(&db, id).await.unwrap(), [
            (house.project.id, Membership::Owner), (shared.id, Membership::Viewer),
        ]);
        assert_eq!(projects::memberships_of(&db, UserId::new()).await.unwrap(), []);
        assert_eq!(projects::list_of(&db, Some(id)).await.unwrap(), [house.project.clone(), shared.clone()]);
        assert_eq!(
            projects::list_of(&db, None).await.unwrap(),
            [house.project.clone(), shared.clone(), foreign.clone()]
        );
        assert_eq!(projects::by_id(&db, house.project.id).await.unwrap(), Some(house.project));
        assert_eq!(projects::by_id(&db, ProjectId::new()).await.unwrap(), None);
    }
}
