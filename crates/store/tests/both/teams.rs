//! Projects that are shared: members, invitations, keys, quotas, and the end of a project.

use innkeeper_domain::access::Scope;
use innkeeper_domain::backups::{Backup, BackupState};
use innkeeper_domain::ids::{InvitationId, KeyId, ProjectId};
use innkeeper_domain::keys::Key;
use innkeeper_domain::networks::Network;
use innkeeper_domain::projects::{Invitation, Membership, Project};
use innkeeper_domain::quotas::{Amounts, Overrides};
use innkeeper_domain::shares::{Right, Share};
use innkeeper_store::{
    backups, instances, keys, networks, project_invitations as invitations, projects, quotas, shares, users,
};

use crate::backups::backup_of;
use crate::house::{House, NOW, at, person};
use crate::networks::network;

fn team() -> Project {
    Project { id: ProjectId::new(), name: "Team".parse().unwrap(), personal_of: None, created_at: NOW }
}

both! {
    async fn members_come_change_and_go(db: Db) {
        let house = House::build(&db).await;
        let (other, own) = person("grace@example.org");
        let team = team();
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &other, None).await.unwrap();
        projects::insert(&mut tx, &own).await.unwrap();
        projects::insert(&mut tx, &team).await.unwrap();
        projects::add_member(&mut tx, team.id, house.user.id, Membership::Owner).await.unwrap();
        projects::add_member(&mut tx, team.id, other.id, Membership::Viewer).await.unwrap();
        assert_eq!(projects::owners(&mut tx, team.id).await.unwrap(), [house.user.id]);
        assert_eq!(projects::owned_by(&mut tx, house.user.id).await.unwrap(), [house.project.id, team.id]);
        assert_eq!(projects::shared_of(&mut tx, house.user.id).await.unwrap(), 1);
        assert_eq!(projects::shared_of(&mut tx, other.id).await.unwrap(), 0);
        assert_eq!(
            projects::membership(&mut tx, team.id, other.id).await.unwrap(), Some(Membership::Viewer)
        );
        projects::rename(&mut tx, team.id, &"Band".parse().unwrap()).await.unwrap();
        tx.commit().await.unwrap();
        let members = projects::members(&db, team.id).await.unwrap();
        assert_eq!(members.len(), 2);
        assert_eq!(members[1].email, other.email);
        assert_eq!(projects::by_id(&db, team.id).await.unwrap().unwrap().name.as_str(), "Band");

        let mut tx = db.begin().await.unwrap();
        projects::remove_member(&mut tx, team.id, other.id).await.unwrap();
        assert_eq!(projects::membership(&mut tx, team.id, other.id).await.unwrap(), None);
        assert_eq!(projects::instances_of(&mut tx, team.id).await.unwrap(), 0);
        projects::delete(&mut tx, team.id, NOW).await.unwrap();
        assert_eq!(projects::by_id_tx(&mut tx, team.id).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(projects::by_id(&db, team.id).await.unwrap(), None);
        assert_eq!(projects::members(&db, team.id).await.unwrap(), []);
        let left: Vec<_> = projects::list_of(&db, None).await.unwrap().iter().map(|p| p.id).collect();
        assert_eq!(left.len(), 2);
        assert!(!left.contains(&team.id));
    }

    async fn what_would_be_nobodys_is_counted_and_nothing_stays_shared(db: Db) {
        let house = House::build(&db).await;
        let instance = house.instance("web-1", 10_000);
        let team = team();
        let mut tx = db.begin().await.unwrap();
        instances::insert(&mut tx, &instance, None).await.unwrap();
        projects::insert(&mut tx, &team).await.unwrap();
        let share = Share {
            instance_id: instance.id, project_id: team.id, right: Right::Use, created_at: NOW
        };
        shares::put(&mut tx, &share).await.unwrap();
        let ready = Backup { project_id: team.id, ..backup_of(&instance, Some("vault:backup/1")) };
        backups::insert(&mut tx, &ready).await.unwrap();
        assert_eq!(projects::protected_backups_of(&mut tx, team.id).await.unwrap(), 0);
        backups::set_words(&mut tx, ready.id, None, true).await.unwrap();
        assert_eq!(projects::protected_backups_of(&mut tx, team.id).await.unwrap(), 1);
        let lost = Backup { state: BackupState::Lost, protected: true, ..ready.clone() };
        assert!(backups::learn(&mut tx, &lost, BackupState::Ready).await.unwrap());
        assert_eq!(projects::protected_backups_of(&mut tx, team.id).await.unwrap(), 0);
        assert_eq!(projects::networks_of(&mut tx, team.id).await.unwrap(), 0);
        let own = Network { project_id: Some(team.id), ..network(&house, "Own") };
        networks::insert(&mut tx, &own).await.unwrap();
        assert_eq!(projects::networks_of(&mut tx, team.id).await.unwrap(), 1);
        assert_eq!(projects::networks_of(&mut tx, house.project.id).await.unwrap(), 0);
        projects::delete(&mut tx, team.id, NOW).await.unwrap();
        assert_eq!(shares::of_instance_tx(&mut tx, instance.id).await.unwrap(), []);
        tx.commit().await.unwrap();
    }

    async fn an_invitation_is_found_by_token_and_address_until_it_is_over(db: Db) {
        let house = House::build(&db).await;
        let invitation = |ends| Invitation {
            id: InvitationId::new(),
            project_id: house.project.id,
            email: "linus@example.org".parse().unwrap(),
            membership: Membership::Member,
            invited_by: Some(house.user.id),
            created_at: NOW,
            expires_at: at(ends),
        };
        let (first, second) = (invitation(10), invitation(20));
        let mut tx = db.begin().await.unwrap();
        invitations::replace(&mut tx, &first, &[1; 32]).await.unwrap();
        assert_eq!(invitations::by_token(&mut tx, &[1; 32], NOW).await.unwrap(), Some(first.clone()));
        invitations::replace(&mut tx, &second, &[2; 32]).await.unwrap();
        assert_eq!(invitations::by_token(&mut tx, &[1; 32], NOW).await.unwrap(), None);
        assert_eq!(invitations::by_token(&mut tx, &[2; 32], at(19)).await.unwrap(), Some(second.clone()));
        assert_eq!(invitations::by_token(&mut tx, &[2; 32], at(20)).await.unwrap(), None);
        assert_eq!(invitations::by_id(&mut tx, second.id, NOW).await.unwrap(), Some(second.clone()));
        assert_eq!(invitations::by_id(&mut tx, first.id, NOW).await.unwrap(), None);
        assert_eq!(invitations::count_of_project(&mut tx, house.project.id, NOW).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let whom = "LINUS@example.org".parse().unwrap();
        assert_eq!(invitations::of_address(&db, &whom, NOW).await.unwrap(), [second.clone()]);
        assert_eq!(invitations::of_address(&db, &whom, at(20)).await.unwrap(), []);
        assert_eq!(invitations::of_project(&db, house.project.id, NOW).await.unwrap(), [second.clone()]);
        let mut tx = db.begin().await.unwrap();
        assert!(invitations::delete(&mut tx, second.id).await.unwrap());
        assert!(!invitations::delete(&mut tx, second.id).await.unwrap());
        invitations::replace(&mut tx, &first, &[1; 32]).await.unwrap();
        assert_eq!(invitations::delete_expired(&mut tx, at(9)).await.unwrap(), 0);
        assert_eq!(invitations::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    async fn a_key_reads_back_until_it_ends(db: Db) {
        let house = House::build(&db).await;
        let team = team();
        let key = Key {
            id: KeyId::new(),
            user_id: house.user.id,
            name: "deploy".parse().unwrap(),
            scopes: vec![Scope::Read, Scope::Instances],
            project_id: Some(team.id),
            ranges: vec!["192.0.2.0/24".parse().unwrap()],
            created_at: NOW,
            expires_at: Some(at(10)),
            last_used_at: None,
        };
        let plain = Key {
            id: KeyId::new(), project_id: None, ranges: Vec::new(), expires_at: None, ..key.clone()
        };
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &team).await.unwrap();
        projects::add_member(&mut tx, team.id, house.user.id, Membership::Member).await.unwrap();
        keys::insert(&mut tx, &key, &[1; 32]).await.unwrap();
        keys::insert(&mut tx, &plain, &[2; 32]).await.unwrap();
        assert_eq!(keys::count_of(&mut tx, house.user.id).await.unwrap(), 2);
        tx.commit().await.unwrap();
        let found = async |token, now| keys::by_token(&db, &[token; 32], now).await.unwrap();
        assert_eq!(found(1, at(9)).await, Some((key.clone(), house.user.clone())));
        assert_eq!(found(1, at(10)).await, None);
        assert_eq!(found(2, at(10_000)).await.unwrap().0, plain);
        assert_eq!(keys::list_of(&db, house.user.id).await.unwrap(), [plain.clone(), key.clone()]);

        let mut tx = db.begin().await.unwrap();
        keys::note_use(&mut tx, plain.id, at(5)).await.unwrap();
        keys::note_use(&mut tx, plain.id, at(4)).await.unwrap();
        assert!(!keys::delete(&mut tx, innkeeper_domain::ids::UserId::new(), plain.id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(found(2, NOW).await.unwrap().0.last_used_at, Some(at(5)));
        let mut tx = db.begin().await.unwrap();
        // A key for one project goes with the membership.
        projects::remove_member(&mut tx, team.id, house.user.id).await.unwrap();
        assert_eq!(keys::count_of(&mut tx, house.user.id).await.unwrap(), 1);
        keys::insert(&mut tx, &Key { project_id: None, ..key.clone() }, &[1; 32]).await.unwrap();
        assert_eq!(keys::delete_expired(&mut tx, at(10)).await.unwrap(), 1);
        assert!(keys::delete(&mut tx, house.user.id, plain.id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(keys::list_of(&db, house.user.id).await.unwrap(), []);
    }

    async fn what_a_project_uses_is_summed_over_what_is_there(db: Db) {
        let house = House::build(&db).await;
        let id = house.project.id;
        assert_eq!(quotas::used(&db, id).await.unwrap(), Amounts::default());
        let made = house.fill(&db, 3).await;
        let expected = made.iter().map(|instance| Amounts::one(instance.size)).fold(
            Amounts::default(),
            |sum, one| Amounts {
                instances: sum.instances + one.instances,
                cores: sum.cores + one.cores,
                memory_mib: sum.memory_mib + one.memory_mib,
                disk_gib: sum.disk_gib + one.disk_gib,
            },
        );
        assert_eq!(quotas::used(&db, id).await.unwrap(), expected);
        let set = Overrides { cores: Some(7), disk_gib: Some(0), ..Overrides::default() };
        let mut tx = db.begin().await.unwrap();
        assert_eq!(quotas::used_tx(&mut tx, id).await.unwrap(), expected);
        assert_eq!(quotas::of_tx(&mut tx, id).await.unwrap(), Overrides::default());
        quotas::set(&mut tx, id, Overrides { instances: Some(1), ..Overrides::default() }).await.unwrap();
        quotas::set(&mut tx, id, set).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(quotas::of(&db, id).await.unwrap(), set);
    }
}
