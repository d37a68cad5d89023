//! The audit log and its seals.

use innkeeper_domain::audit::{Deed, Doer, Means, Seal};
use innkeeper_domain::ids::{ProjectId, SessionId, UserId};
use innkeeper_store::audit::{
    Filter, append, between, between_tx, last_seal, list, prune, reseal, seals, set_seal,
};
use innkeeper_store::{Db, Sealed};
use serde_json::json;

use crate::house::{House, NOW, at};

async fn write(db: &Db, doer: &Doer, deed: Deed) {
    let mut tx = db.begin().await.unwrap();
    append(&mut tx, NOW, doer, deed);
    tx.commit().await.unwrap();
}

async fn listed(db: &Db, filter: &Filter) -> Vec<String> {
    let found = list(db, filter, None, 10).await.unwrap();
    found.into_iter().map(|entry| entry.deed.action).collect()
}

both! {
    async fn entries_read_back_as_written_and_are_found_by_what_they_are_about(db: Db) {
        let (user, admin, project) = (UserId::new(), UserId::new(), ProjectId::new());
        let doer = Doer {
            user_id: Some(user),
            means: Means::Impersonation,
            proof_id: Some(SessionId::new().to_string()),
            impersonator: Some(admin),
            address: Some("2001:db8::1".parse().unwrap()),
        };
        let deed = Deed::done("instance.start", "ins_1").of(project)
            .before(json!({ "goal": "stopped" })).after(json!({ "goal": "running", "b": [1, "é"] }));
        write(&db, &doer, deed.clone()).await;
        write(&db, &Doer::stranger(None), Deed::refused("session.create", "")).await;
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, NOW, &doer, Deed::done("lost", ""));
        tx.rollback().await.unwrap();

        let all = list(&db, &Filter::default(), None, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((&all[1].doer, &all[1].deed, all[1].at), (&doer, &deed, NOW));
        assert!(all[0].seq > all[1].seq);
        assert_eq!(list(&db, &Filter::default(), Some(all[0].seq), 10).await.unwrap(), all[1..]);
        for user_id in [Some(user), Some(admin)] {
            assert_eq!(listed(&db, &Filter { user_id, ..Filter::default() }).await, ["instance.start"]);
        }
        let of = |project_id| Filter { project_id: Some(project_id), ..Filter::default() };
        assert_eq!(listed(&db, &of(project)).await, ["instance.start"]);
        assert_eq!(listed(&db, &of(ProjectId::new())).await, [""; 0]);
        let about = Filter { object: Some("ins_1".into()), ..Filter::default() };
        assert_eq!(listed(&db, &about).await, ["instance.start"]);
        for (action, count) in [("instance", 1), ("instance.start", 1), ("inst", 0), ("session", 1)] {
            let filter = Filter { action: Some(action.into()), ..Filter::default() };
            assert_eq!(listed(&db, &filter).await.len(), count, "{action}");
        }
    }

    async fn only_what_lies_under_a_seal_and_is_old_can_be_removed(db: Db) {
        for n in 0..4 {
            write(&db, &Doer::stranger(None), Deed::done("x.y", n)).await;
        }
        let all = between(&db, 0, i64::MAX, 10).await.unwrap();
        let seqs: Vec<i64> = all.iter().map(|entry| entry.seq).collect();
        let mut tx = db.begin().await.unwrap();
        assert!(last_seal(&mut tx).await.unwrap().is_none());
        assert_eq!(between_tx(&mut tx, seqs[0], seqs[1], 10).await.unwrap(), all[..2]);
        let seal = |first, last, when| Seal { first, last, count: 2, hash: vec![7; 32], at: when };
        let mac = Sealed::from_text("v1:a:b".into());
        set_seal(&mut tx, &seal(seqs[0], seqs[1], NOW), &mac).await.unwrap();
        set_seal(&mut tx, &seal(seqs[2], seqs[2], at(10)), &mac).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.begin().await.unwrap();
        let newest = last_seal(&mut tx).await.unwrap().unwrap();
        assert_eq!(newest.seal, seal(seqs[2], seqs[2], at(10)));
        reseal(&mut tx, seqs[2], &Sealed::from_text("v1:c:d".into())).await.unwrap();
        assert_eq!(prune(&mut tx, at(5), at(20)).await.unwrap(), 2);
        tx.commit().await.unwrap();
        let kept = seals(&db, i64::MIN, 10).await.unwrap();
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].removed_at, kept[1].removed_at), (Some(at(20)), None));
        assert_eq!(kept[1].mac.as_str(), "v1:c:d");
        assert_eq!(seals(&db, seqs[0], 10).await.unwrap().len(), 1);
        // What is not sealed stays, however old.
        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, at(100), at(100)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(between(&db, 0, i64::MAX, 10).await.unwrap(), all[3..]);
    }

    async fn entries_of_eight_writers_are_numbered_in_the_order_of_their_commits(db: Db) {
        House::build(&db).await;
        let mut writers = Vec::new();
        for writer in 0..8 {
            let db = db.clone();
            writers.push(tokio::spawn(async move {
                for n in 0..25 {
                    write(&db, &Doer::stranger(None), Deed::done("x.y", format!("{writer}-{n}"))).await;
                }
            }));
        }
        // Whoever follows by number misses nobody: what is read up to a number never grows afterwards.
        let mut upto = 0;
        let mut seen = 0;
        while seen < 200 {
            let found = between(&db, upto + 1, i64::MAX, 1000).await.unwrap();
            seen += found.len();
            upto = found.last().map_or(upto, |entry| entry.seq);
            assert_eq!(between(&db, 0, upto, 1000).await.unwrap().len(), seen);
            tokio::task::yield_now().await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }
}
