//! Announcements: shown in their time, and to nobody before or after it.

use innkeeper_domain::announcements::{Announcement, Level};
use innkeeper_domain::ids::AnnouncementId;
use innkeeper_store::announcements;

use crate::house::{House, NOW, at};

fn announcement(from: i64, until: Option<i64>) -> Announcement {
    Announcement {
        id: AnnouncementId::new(),
        level: Level::Warning,
        text_en: Some("No power tonight".parse().unwrap()),
        text_fr: None,
        from: at(from),
        until: until.map(at),
        revision: 1,
        created_by: None,
        created_at: NOW,
    }
}

both! {
    async fn an_announcement_reads_back_changes_and_goes(db: Db) {
        let house = House::build(&db).await;
        let one = Announcement { created_by: Some(house.user.id), ..announcement(0, Some(60)) };
        let two = announcement(5, None);
        let mut tx = db.begin().await.unwrap();
        announcements::insert(&mut tx, &one).await.unwrap();
        announcements::insert(&mut tx, &two).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(announcements::list(&db, None, 10).await.unwrap(), [two.clone(), one.clone()]);
        assert_eq!(announcements::list(&db, Some(two.id), 10).await.unwrap(), [one.clone()]);

        let changed = Announcement {
            level: Level::Critical,
            text_en: None,
            text_fr: Some("Pas de courant ce soir\njusqu’à minuit".parse().unwrap()),
            from: at(1),
            until: None,
            revision: 2,
            ..one.clone()
        };
        let mut tx = db.begin().await.unwrap();
        announcements::save(&mut tx, &changed).await.unwrap();
        announcements::delete(&mut tx, two.id).await.unwrap();
        assert_eq!(announcements::by_id_tx(&mut tx, one.id).await.unwrap(), Some(changed.clone()));
        assert_eq!(announcements::by_id_tx(&mut tx, two.id).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(announcements::list(&db, None, 10).await.unwrap(), [changed]);
    }

    async fn what_is_shown_has_begun_and_has_not_ended(db: Db) {
        let (brief, open, later) = (announcement(10, Some(20)), announcement(0, None), announcement(15, Some(30)));
        let mut tx = db.begin().await.unwrap();
        for one in [&brief, &open, &later] {
            announcements::insert(&mut tx, one).await.unwrap();
        }
        tx.commit().await.unwrap();
        let shown = async |seconds| -> Vec<AnnouncementId> {
            announcements::shown(&db, at(seconds), 10).await.unwrap().iter().map(|one| one.id).collect()
        };
        assert_eq!(shown(-1).await, []);
        assert_eq!(shown(0).await, [open.id]);
        assert_eq!(shown(10).await, [brief.id, open.id]);
        assert_eq!(shown(15).await, [later.id, brief.id, open.id]);
        assert_eq!(shown(20).await, [later.id, open.id]);
        assert_eq!(shown(30).await, [open.id]);
        assert_eq!(announcements::shown(&db, at(15), 1).await.unwrap().len(), 1);
    }

    async fn what_matters_most_is_not_lost_behind_what_is_newer(db: Db) {
        let leveled = |level, from| Announcement { level, ..announcement(from, None) };
        let grave = leveled(Level::Critical, 0);
        let (old, new) = (leveled(Level::Warning, 1), leveled(Level::Warning, 2));
        let mut tx = db.begin().await.unwrap();
        for one in [&grave, &old, &new] {
            announcements::insert(&mut tx, one).await.unwrap();
        }
        for second in 3..9 {
            announcements::insert(&mut tx, &leveled(Level::Info, second)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let shown = announcements::shown(&db, at(10), 4).await.unwrap();
        let ids: Vec<AnnouncementId> = shown.iter().map(|one| one.id).collect();
        assert_eq!(ids[..3], [grave.id, new.id, old.id]);
        assert_eq!((shown[3].level, shown[3].from), (Level::Info, at(8)));
    }

    async fn nothing_silent_or_backwards_is_kept(db: Db) {
        for bad in [
            Announcement { text_en: None, ..announcement(0, None) },
            announcement(10, Some(9)),
            Announcement { revision: 0, ..announcement(0, None) },
        ] {
            let mut tx = db.begin().await.unwrap();
            assert!(announcements::insert(&mut tx, &bad).await.is_err(), "{bad:?}");
        }
    }
}
