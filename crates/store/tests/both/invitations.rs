//! Invitations into the house, and accounts at other houses.

use innkeeper_domain::identities::Identity;
use innkeeper_domain::ids::{HouseInvitationId, UserId};
use innkeeper_domain::invitations::HouseInvitation;
use innkeeper_domain::users::Role;
use innkeeper_store::{Error, identities, invitations, projects, users};

use crate::house::{House, NOW, at, person};

both! {
    async fn an_invitation_is_used_once_or_taken_back(db: Db) {
        let house = House::build(&db).await;
        let new = |email: Option<&str>| HouseInvitation {
            id: HouseInvitationId::new(),
            email: email.map(|email| email.parse().unwrap()),
            role: Role::Operator,
            invited_by: Some(house.user.id),
            created_at: NOW,
            expires_at: at(10),
            used_at: None,
            used_by: None,
        };
        let (named, anybody) = (new(Some("grace@example.org")), HouseInvitation { invited_by: None, ..new(None) });
        let mut tx = db.begin().await.unwrap();
        invitations::insert(&mut tx, &named, &[1; 32]).await.unwrap();
        invitations::insert(&mut tx, &anybody, &[2; 32]).await.unwrap();
        assert_eq!(invitations::open(&mut tx, &[1; 32], at(9)).await.unwrap(), Some(named.clone()));
        assert_eq!(invitations::open(&mut tx, &[1; 32], at(10)).await.unwrap(), None, "too late");
        assert_eq!(invitations::open(&mut tx, &[9; 32], NOW).await.unwrap(), None);
        // Whoever uses it comes into being in the same transaction.
        let (user, project) = person("grace@example.org");
        assert!(invitations::spend(&mut tx, named.id, user.id, at(3)).await.unwrap());
        users::insert(&mut tx, &user, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        assert!(!invitations::spend(&mut tx, named.id, house.user.id, at(3)).await.unwrap());
        tx.commit().await.unwrap();
        let used = HouseInvitation { used_at: Some(at(3)), used_by: Some(user.id), ..named };
        assert_eq!(invitations::list(&db, None, 9).await.unwrap(), [used.clone(), anybody.clone()]);
        assert_eq!(invitations::list(&db, None, 1).await.unwrap(), [used.clone()]);
        assert_eq!(invitations::list(&db, Some(used.id), 9).await.unwrap(), [anybody.clone()]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(invitations::open(&mut tx, &[1; 32], NOW).await.unwrap(), None, "used");
        assert!(!invitations::delete(&mut tx, used.id).await.unwrap(), "used");
        assert!(invitations::delete(&mut tx, anybody.id).await.unwrap());
        assert!(!invitations::delete(&mut tx, anybody.id).await.unwrap());
        assert_eq!(invitations::open(&mut tx, &[2; 32], NOW).await.unwrap(), None, "taken back");
        tx.commit().await.unwrap();
    }

    async fn an_account_elsewhere_is_one_users_and_a_user_has_one_there(db: Db) {
        let house = House::build(&db).await;
        let (other, project) = person("grace@example.org");
        let identity = |subject: &str, user_id| Identity {
            provider: "lodge".into(),
            subject: subject.into(),
            user_id,
            email: Some("ada@lodge.example".into()),
            created_at: NOW,
            last_used_at: NOW,
        };
        let own = identity("s1", house.user.id);
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &other, None).await.unwrap();
        projects::insert(&mut tx, &project).await.unwrap();
        identities::insert(&mut tx, &own).await.unwrap();
        tx.commit().await.unwrap();
        for (taken, what) in
            [(identity("s1", other.id), "identity"), (identity("s2", house.user.id), "provider")]
        {
            let mut tx = db.begin().await.unwrap();
            let error = identities::insert(&mut tx, &taken).await.unwrap_err();
            assert!(matches!(error, Error::Conflict(w) if w == what), "{error:?}");
            tx.rollback().await.unwrap();
        }
        assert_eq!(identities::find(&db, "lodge", "s1").await.unwrap(), Some(own.clone()));
        assert_eq!(identities::find(&db, "annex", "s1").await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        identities::used(&mut tx, "lodge", "s1", None, at(4)).await.unwrap();
        tx.commit().await.unwrap();
        let used = Identity { email: None, last_used_at: at(4), ..own };
        assert_eq!(identities::list_of(&db, house.user.id).await.unwrap(), [used]);
        assert_eq!(identities::list_of(&db, other.id).await.unwrap(), []);
        let mut tx = db.begin().await.unwrap();
        assert!(!identities::delete(&mut tx, UserId::new(), "lodge").await.unwrap());
        assert!(identities::delete(&mut tx, house.user.id, "lodge").await.unwrap());
        assert!(!identities::delete(&mut tx, house.user.id, "lodge").await.unwrap());
        tx.commit().await.unwrap();
    }
}
