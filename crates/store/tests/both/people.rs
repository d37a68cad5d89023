//! Users, projects.

use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::users::{Role, User};
use innkeeper_store::users::Filter;
use innkeeper_store::{Error, projects, users};

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

    async fn what_a_user_signs_in_with_changes(db: Db) {
        let house = House::build(&db).await;
        let (other, project) = person("grace@example.org");
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &other, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        assert!(!users::upgrade_password(&mut tx, house.user.id, "another", "new").await.unwrap());
        assert!(users::upgrade_password(&mut tx, house.user.id, "$argon2id$x", "new").await.unwrap());
        users::set_email(&mut tx, other.id, &"hopper@example.org".parse().unwrap(), at(5)).await.unwrap();
        assert!(users::set_profile(&mut tx, other.id, &"Hopper".parse().unwrap(), Language::Fr).await.unwrap());
        assert!(!users::set_profile(&mut tx, UserId::new(), &"X".parse().unwrap(), Language::Fr).await.unwrap());
        tx.commit().await.unwrap();

        assert_eq!(users::an_imported_password(&db).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        users::set_password(&mut tx, other.id, "$2y$10$x").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(users::an_imported_password(&db).await.unwrap().as_deref(), Some("$2y$10$x"));
        assert_eq!(users::password_of(&db, house.user.id).await.unwrap().as_deref(), Some("new"));
        assert_eq!(users::password_of(&db, UserId::new()).await.unwrap(), None);
        let changed = users::by_id(&db, other.id).await.unwrap().unwrap();
        assert_eq!(changed, User {
            email: "hopper@example.org".parse().unwrap(),
            name: "Hopper".parse().unwrap(),
            language: Language::Fr,
            email_verified_at: Some(at(5)),
            ..other.clone()
        });
        let mut tx = db.begin().await.unwrap();
        assert_eq!(users::by_email_tx(&mut tx, &changed.email).await.unwrap(), Some(changed.clone()));
        assert_eq!(users::by_email_tx(&mut tx, &"x@y".parse().unwrap()).await.unwrap(), None);
        assert_eq!(users::by_id_in(&mut tx, other.id).await.unwrap(), Some(changed.clone()));
        assert_eq!(users::by_id_in(&mut tx, UserId::new()).await.unwrap(), None);
        assert_eq!(users::by_id_tx(&mut tx, other.id).await.unwrap(), Some(changed));
        assert_eq!(users::by_id_tx(&mut tx, UserId::new()).await.unwrap(), None);
        let taken = users::set_email(&mut tx, other.id, &house.user.email, NOW).await.unwrap_err();
        assert!(matches!(taken, Error::Conflict("email")), "{taken:?}");
        tx.rollback().await.unwrap();
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
