//! Backups and their schedules: a volume has one row, an old state changes nothing, a turn is had once.

use innkeeper_domain::backups::{Backup, BackupMaker, BackupState};
use innkeeper_domain::ids::{BackupId, ScheduleId};
use innkeeper_domain::instances::{BackupMode, Errand, Instance};
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::retention::Keep;
use innkeeper_domain::schedules::{Every, Schedule, When};
use innkeeper_store::{Db, Error, backups, instances, operations, schedules};

use crate::house::{House, NOW, at};

pub(crate) fn backup_of(instance: &Instance, volume: Option<&str>) -> Backup {
    Backup {
        id: BackupId::new(),
        instance_id: instance.id,
        project_id: instance.project_id,
        cluster_id: instance.cluster_id,
        node: Some("pve1".parse().unwrap()),
        storage: "vault".parse().unwrap(),
        volume: volume.map(str::to_owned),
        kind: instance.kind,
        vmid: instance.vmid,
        disk_gib: 8,
        size: Some(1 << 40),
        mode: Some(BackupMode::Stop),
        maker: BackupMaker::Operation,
        schedule_id: None,
        state: if volume.is_some() { BackupState::Ready } else { BackupState::Pending },
        protected: false,
        held: true,
        verified: None,
        note: Some("é".into()),
        problem: None,
        notes: Some("n".into()),
        taken_at: Some(1_795_221_600),
        created_at: NOW,
        ended_at: None,
        due_at: None,
    }
}

fn schedule_of(instance: &Instance) -> Schedule {
    Schedule {
        id: ScheduleId::new(),
        instance_id: instance.id,
        when: When {
            every: Every::Day,
            hour: 2,
            minute: 30,
            weekday: None,
            day: None,
            time_zone: "Europe/Paris".into(),
        },
        storage: None,
        mode: BackupMode::Snapshot,
        keep: Keep { last: 2, ..Keep::default() },
        enabled: true,
        next_at: NOW,
        due_at: NOW,
        trying_since: None,
        problem: None,
        last_run_at: None,
        last_backup_id: None,
        failed_at: None,
        created_at: NOW,
        fence: 0,
    }
}

async fn put(db: &Db, backup: &Backup) -> Result<(), Error> {
    let mut tx = db.begin().await.unwrap();
    backups::insert(&mut tx, backup).await?;
    tx.commit().await
}

async fn learn(db: &Db, backup: &Backup, from: BackupState) -> bool {
    let mut tx = db.begin().await.unwrap();
    let kept = backups::learn(&mut tx, backup, from).await.unwrap();
    tx.commit().await.unwrap();
    kept
}

both! {
    async fn a_backup_is_read_as_it_was_written_and_a_volume_has_one_row(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let backup = backup_of(&made[0], Some("vault:backup/a"));
        put(&db, &backup).await.unwrap();
        assert_eq!(backups::by_id(&db, backup.id).await.unwrap(), Some(backup.clone()));
        let twin = backup_of(&made[1], Some("vault:backup/a"));
        assert!(matches!(put(&db, &twin).await, Err(Error::Conflict("volume"))));
        let mut tx = db.begin().await.unwrap();
        assert!(backups::is_taken(&mut tx, &twin).await.unwrap());
        assert!(!backups::is_taken(&mut tx, &backup).await.unwrap());
        drop(tx);
        // Elsewhere it is another; and once it is lost, somebody else may have the name.
        put(&db, &Backup { node: None, ..twin.clone() }).await.unwrap();
        let lost = Backup { state: BackupState::Lost, ended_at: Some(NOW), ..backup.clone() };
        assert!(!learn(&db, &lost, BackupState::Pending).await, "it stands otherwise");
        assert!(learn(&db, &lost, BackupState::Ready).await);
        put(&db, &Backup { id: BackupId::new(), ..twin }).await.unwrap();
        let filter = backups::Filter { instance_id: Some(made[1].id), project_ids: None };
        assert_eq!(backups::list(&db, &filter, None, 10).await.unwrap().len(), 2);
        let filter = backups::Filter { instance_id: None, project_ids: Some(vec![made[0].project_id]) };
        let all = backups::list(&db, &filter, None, 10).await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(backups::list(&db, &filter, Some(all[0].id), 1).await.unwrap()[0].id, all[1].id);
        assert_eq!(backups::list(&db, &backups::Filter::default(), None, 10).await.unwrap().len(), 3);
        assert_eq!(backups::in_cluster(&db, made[0].cluster_id).await.unwrap().len(), 3);
        let mut tx = db.begin().await.unwrap();
        backups::set_words(&mut tx, backup.id, None, true).await.unwrap();
        assert_eq!(backups::of_instance_tx(&mut tx, made[0].id).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        let now = backups::by_id(&db, backup.id).await.unwrap().unwrap();
        assert_eq!((now.note, now.protected, now.state), (None, true, BackupState::Lost));
    }

    async fn removals_and_looks_are_claimed_once(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 1).await;
        let mut backup = backup_of(&made[0], Some("vault:backup/a"));
        (backup.state, backup.due_at) = (BackupState::Deleting, Some(NOW));
        put(&db, &backup).await.unwrap();
        let mut claims = Vec::new();
        for _ in 0..2 {
            let mut tx = db.begin().await.unwrap();
            claims.push(backups::claim_removals(&mut tx, NOW, at(60), 10).await.unwrap().len());
            tx.commit().await.unwrap();
        }
        assert_eq!(claims, [1, 0]);
        let cluster = made[0].cluster_id;
        let mut looks = Vec::new();
        for now in [NOW, NOW, at(60), at(60)] {
            let mut tx = db.begin().await.unwrap();
            looks.push(backups::claim_look(&mut tx, cluster, now, at(60).max(at(120))).await.unwrap());
            if looks.len() == 2 {
                backups::look_soon(&mut tx, cluster, at(60)).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        assert_eq!(looks, [true, false, true, false]);
    }

    async fn what_makes_or_restores_a_backup_uses_it(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 1).await;
        let backup = backup_of(&made[0], Some("vault:backup/a"));
        put(&db, &backup).await.unwrap();
        assert!(!backups::in_use(&db, &backup).await.unwrap());
        let mut instance = made[0].clone();
        let mut operation = house.operation(instance.id, Verb::Restore);
        operation.errand = Some(Errand::Restore { backup_id: backup.id, volume: "vault:backup/a".into() });
        let mut tx = db.begin().await.unwrap();
        operations::insert(&mut tx, &operation).await.unwrap();
        instance.operation = Some((operation.id, Verb::Restore));
        assert!(instances::rewish(&mut tx, &instance, NOW).await.unwrap());
        tx.commit().await.unwrap();
        assert!(backups::in_use(&db, &backup).await.unwrap());
        assert!(!backups::in_use(&db, &backup_of(&instance, None)).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        operations::set_state(&mut tx, operation.id, State::Succeeded, None, Some(NOW)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!backups::in_use(&db, &backup).await.unwrap());
    }

    async fn those_of_deleted_instances_expire_and_old_rows_are_forgotten(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let gone = backup_of(&made[0], Some("vault:backup/a"));
        let kept = Backup { protected: true, ..backup_of(&made[0], Some("vault:backup/b")) };
        let theirs = Backup { maker: BackupMaker::Proxmox, ..backup_of(&made[0], Some("vault:backup/c")) };
        let other = backup_of(&made[1], Some("vault:backup/d"));
        for backup in [&gone, &kept, &theirs, &other] {
            put(&db, backup).await.unwrap();
        }
        let mut instance = made[0].clone();
        instance.deleted_at = Some(NOW);
        let mut tx = db.begin().await.unwrap();
        assert!(instances::save(&mut tx, &instance).await.unwrap());
        assert_eq!(backups::expire(&mut tx, NOW, at(60)).await.unwrap(), 0);
        assert_eq!(backups::expire(&mut tx, at(60), at(60)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let row = backups::by_id(&db, gone.id).await.unwrap().unwrap();
        assert_eq!((row.state, row.due_at), (BackupState::Deleting, Some(at(60))));
        let deleted = Backup { state: BackupState::Deleted, ended_at: Some(NOW), due_at: None, ..row };
        assert!(learn(&db, &deleted, BackupState::Deleting).await);
        let mut tx = db.begin().await.unwrap();
        backups::prune(&mut tx, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(backups::by_id(&db, gone.id).await.unwrap(), None);
        assert!(backups::by_id(&db, kept.id).await.unwrap().is_some());
    }

    async fn a_schedule_is_claimed_once_and_an_old_claim_writes_nothing(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 1).await;
        let schedule = schedule_of(&made[0]);
        let off = Schedule { enabled: false, ..schedule_of(&made[0]) };
        let mut tx = db.begin().await.unwrap();
        schedules::insert(&mut tx, &schedule).await.unwrap();
        schedules::insert(&mut tx, &off).await.unwrap();
        assert_eq!(schedules::count(&mut tx, made[0].id).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(schedules::of_instance(&db, made[0].id).await.unwrap(), [schedule.clone(), off]);
        let claim = async |now| {
            let mut tx = db.begin().await.unwrap();
            let claimed = schedules::claim_due(&mut tx, now, at(60), 10).await.unwrap();
            tx.commit().await.unwrap();
            claimed
        };
        let save = async |schedule: &Schedule| {
            let mut tx = db.begin().await.unwrap();
            let kept = schedules::save(&mut tx, schedule).await.unwrap();
            tx.commit().await.unwrap();
            kept
        };
        let first = claim(NOW).await.remove(0);
        assert_eq!((first.id, first.fence, claim(NOW).await.len()), (schedule.id, 1, 0));
        let second = claim(at(60)).await.remove(0);
        assert!(!save(&first).await, "another has it by now");
        let mut after = second;
        after.began(BackupId::new(), at(60));
        assert!(save(&after).await);
        let read = schedules::by_id(&db, schedule.id).await.unwrap().unwrap();
        assert_eq!((read.last_run_at, read.next_at, read.fence), (Some(at(60)), after.next_at, after.fence + 1));
        let mut tx = db.begin().await.unwrap();
        assert!(schedules::by_id_tx(&mut tx, schedule.id).await.unwrap().is_some());
        assert!(schedules::delete(&mut tx, schedule.id).await.unwrap());
        assert!(!schedules::delete(&mut tx, schedule.id).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn the_rules_look_at_new_backups_once_and_failures_are_told_once_a_day(db: Db) {
        let house = House::build(&db).await;
        let made = house.fill(&db, 2).await;
        let schedule = schedule_of(&made[0]);
        let of = |volume| Backup {
            maker: BackupMaker::Schedule,
            schedule_id: Some(schedule.id),
            ..backup_of(&made[0], volume)
        };
        let mut tx = db.begin().await.unwrap();
        schedules::insert(&mut tx, &schedule).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(schedules::unweighed(&db, 10).await.unwrap(), []);
        put(&db, &of(Some("vault:backup/a"))).await.unwrap();
        assert_eq!(schedules::unweighed(&db, 10).await.unwrap(), [schedule.clone()]);
        let mut tx = db.begin().await.unwrap();
        schedules::set_weighed(&mut tx, schedule.id, true).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(schedules::unweighed(&db, 10).await.unwrap(), []);

        let day = 24 * 60 * 60;
        assert_eq!(schedules::untold(&db, NOW, NOW, 10).await.unwrap(), []);
        let failed = Backup { state: BackupState::Failed, ended_at: Some(at(10)), ..of(None) };
        put(&db, &failed).await.unwrap();
        assert_eq!(schedules::untold(&db, NOW, NOW, 10).await.unwrap(), [made[0].id]);
        let told = async |now, before| {
            let mut tx = db.begin().await.unwrap();
            let mine = schedules::told(&mut tx, made[0].id, now, before).await.unwrap();
            tx.commit().await.unwrap();
            mine
        };
        assert!(told(at(20), NOW).await && !told(at(20), NOW).await);
        put(&db, &Backup { id: BackupId::new(), ended_at: Some(at(30)), ..failed }).await.unwrap();
        assert_eq!(schedules::untold(&db, NOW, at(19), 10).await.unwrap(), [], "told a moment ago");
        assert_eq!(schedules::untold(&db, at(20), at(20 + day), 10).await.unwrap(), [made[0].id]);
        assert!(told(at(21 + day), at(20 + day)).await);
        assert_eq!(schedules::untold(&db, at(20), at(21 + day), 10).await.unwrap(), []);
    }
}
