//! Events: in the order of their commits, and none lost to a reader who follows.

use std::collections::HashSet;

use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::projects::Project;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::events::{Sight, after, append, latest, latest_before, prune};
use innkeeper_store::{Db, Error, Topic, projects};

use crate::house::{House, NOW, at};

async fn say(db: &Db, when: Timestamp, project: Option<ProjectId>, what: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    append(&mut tx, when, project, Subject::Instance, "ins_1", what).await?;
    tx.commit().await
}

both! {
    async fn events_are_read_in_order_by_those_whose_they_are(db: Db) {
        let house = House::build(&db).await;
        let other = Project { id: ProjectId::new(), personal_of: None, ..house.project.clone() };
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &other).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(latest(&db).await.unwrap(), 0);
        say(&db, at(1), Some(house.project.id), "starting").await.unwrap();
        say(&db, at(2), Some(other.id), "stopped").await.unwrap();
        say(&db, at(3), None, "healthy").await.unwrap();

        let before = async |second| latest_before(&db, at(second)).await.unwrap();
        assert_eq!((before(1).await, before(9).await), (0, latest(&db).await.unwrap()));
        assert_eq!(after(&db, before(3).await, None, 10).await.unwrap()[0].what, "healthy");

        let words = |events: Vec<innkeeper_domain::events::Event>| -> Vec<String> {
            events.into_iter().map(|event| event.what).collect()
        };
        let all = after(&db, 0, None, 10).await.unwrap();
        assert_eq!(latest(&db).await.unwrap(), all[2].seq);
        assert!(all[0].seq < all[1].seq && all[1].seq < all[2].seq);
        let first = &all[0];
        assert_eq!((first.at, first.project_id, first.subject, first.subject_id.as_str()),
            (at(1), Some(house.project.id), Subject::Instance, "ins_1"));
        assert_eq!(words(after(&db, all[0].seq, None, 1).await.unwrap()), ["stopped"]);
        let seeing = |projects: &[ProjectId], things: &[&str]| Sight {
            projects: projects.to_vec(),
            things: things.iter().map(|id| (*id).to_owned()).collect(),
        };
        let mine = seeing(&[house.project.id], &[]);
        assert_eq!(words(after(&db, 0, Some(&mine), 10).await.unwrap()), ["starting"]);
        let both = seeing(&[house.project.id, other.id], &[]);
        assert_eq!(words(after(&db, 0, Some(&both), 10).await.unwrap()), ["starting", "stopped"]);
        assert_eq!(words(after(&db, 0, Some(&Sight::default()), 10).await.unwrap()), [""; 0]);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, at(3)).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(words(after(&db, 0, None, 10).await.unwrap()), ["healthy"]);
        // Numbers are not used again, even when nothing is left.
        let mut tx = db.begin().await.unwrap();
        prune(&mut tx, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        say(&db, at(4), None, "again").await.unwrap();
        assert!(latest(&db).await.unwrap() > all[2].seq);
    }

    async fn what_is_announced_is_for_everybody_and_what_is_planned_is_not(db: Db) {
        let mut tx = db.begin().await.unwrap();
        for what in ["planned", "shown", "gone"] {
            append(&mut tx, at(1), None, Subject::Announcement, "ann_1", what).await.unwrap();
        }
        tx.commit().await.unwrap();
        let told = after(&db, 0, Some(&Sight::default()), 10).await.unwrap();
        assert_eq!(told.iter().map(|event| event.what.as_str()).collect::<Vec<_>>(), ["shown", "gone"]);
        assert_eq!(after(&db, 0, None, 10).await.unwrap().len(), 3);
    }

    async fn hosts_and_services_are_seen_by_those_who_may_see_them(db: Db) {
        let house = House::build(&db).await;
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, at(1), None, Subject::Host, "hst_1", "waking").await.unwrap();
        append(&mut tx, at(2), None, Subject::Host, "hst_2", "ready").await.unwrap();
        append(&mut tx, at(3), None, Subject::Service, "svc_1", "up").await.unwrap();
        append(&mut tx, at(4), Some(house.project.id), Subject::Service, "svc_2", "down").await.unwrap();
        // An id alone opens nothing else.
        append(&mut tx, at(5), None, Subject::Cluster, "hst_1", "healthy").await.unwrap();
        tx.commit().await.unwrap();
        let seen = async |projects: &[ProjectId], things: &[&str]| -> Vec<String> {
            let things = things.iter().map(|id| (*id).to_owned()).collect();
            let sight = Sight { projects: projects.to_vec(), things };
            after(&db, 0, Some(&sight), 10).await.unwrap().into_iter().map(|event| event.what).collect()
        };
        assert_eq!(seen(&[], &[]).await, [""; 0]);
        assert_eq!(seen(&[], &["hst_1"]).await, ["waking"]);
        assert_eq!(seen(&[], &["hst_2", "svc_1", "svc_2"]).await, ["ready", "up"]);
        assert_eq!(seen(&[house.project.id], &["hst_2"]).await, ["ready", "down"]);
        assert_eq!(after(&db, 0, None, 10).await.unwrap().len(), 5);
    }

    async fn what_is_rolled_back_did_not_happen(db: Db) {
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, NOW, None, Subject::Cluster, "clu_1", "healthy").await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(after(&db, 0, None, 10).await.unwrap(), []);
        assert!(say(&db, NOW, Some(ProjectId::new()), "of a project that is not there").await.is_err());
        assert_eq!(after(&db, 0, None, 10).await.unwrap(), []);
        say(&db, NOW, None, "fine").await.unwrap();
        assert_eq!(after(&db, 0, None, 10).await.unwrap().len(), 1);
    }

    async fn a_reader_who_follows_misses_nothing_of_eight_writers(db: Db) {
        const EACH: usize = 40;
        let mut hints = db.wakeups(Topic::Events);
        let mut writers = Vec::new();
        for writer in 0..8 {
            let db = db.clone();
            writers.push(tokio::spawn(async move {
                for n in 0..EACH {
                    let mut tx = db.begin().await.unwrap();
                    append(&mut tx, NOW, None, Subject::Instance, "x", &format!("{writer}-{n}")).await.unwrap();
                    // Some take longer from here to their commit than others.
                    for _ in 0..(writer * 7 + n) % 5 {
                        tokio::task::yield_now().await;
                        innkeeper_store::sessions::delete_expired(&mut tx, NOW).await.unwrap();
                    }
                    tx.commit().await.unwrap();
                }
            }));
        }
        let (mut seq, mut seen) = (0, HashSet::new());
        while seen.len() < 8 * EACH {
            // Whatever commits after this look will count the hints up.
            hints.borrow_and_update();
            let all_done = writers.iter().all(tokio::task::JoinHandle::is_finished);
            let found = after(&db, seq, None, 7).await.unwrap();
            if found.is_empty() {
                assert!(!all_done, "only {} of {} were seen", seen.len(), 8 * EACH);
                // The last hint may come before its writer counts as finished.
                tokio::select! {
                    changed = hints.changed() => changed.unwrap(),
                    () = tokio::task::yield_now(), if writers.iter().any(tokio::task::JoinHandle::is_finished) => {}
                }
                continue;
            }
            for event in found {
                assert!(event.seq > seq);
                seq = event.seq;
                assert!(seen.insert(event.what));
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(after(&db, 0, None, 1000).await.unwrap().len(), 8 * EACH);
    }
}
