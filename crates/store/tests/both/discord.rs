//! Links, live messages, notices and the lease of the bot.

use innkeeper_domain::discord::{AlertKind, Digest, Outcome, Period, Snowflake};
use innkeeper_domain::ids::{AlertId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Role;
use innkeeper_store::discord::{
    Claimed, Link, Matter, Notice, Recipient, Told, again, board, claim, end, hold, insert, keep_board,
    let_go, link, linked_staff, most_players, next_due, note_players, of_discord, of_user, prune,
    told_before, unlink_discord, unlink_user,
};
use innkeeper_store::{Db, projects, users};

use crate::house::{NOW, at, person};

fn number(number: u64) -> Snowflake {
    Snowflake::new(number).unwrap()
}

async fn user(db: &Db, email: &str, role: Role) -> UserId {
    let (mut user, project) = person(email);
    (user.role, user.language) = (role, Language::Fr);
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &user, None).await.unwrap();
    projects::insert(&mut tx, &project).await.unwrap();
    tx.commit().await.unwrap();
    user.id
}

async fn linked(db: &Db, discord_id: u64, user_id: UserId) -> bool {
    let new = Link { discord_id: number(discord_id), user_id, name: "ada".into(), linked_at: NOW };
    let mut tx = db.begin().await.unwrap();
    let linked = link(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    linked
}

fn alert(to: UserId, subject: &str, second: i64) -> Notice {
    let (subject, detail) = (subject.to_owned(), "it is dark".to_owned());
    Notice {
        id: AlertId::new(),
        to: Recipient::User(to),
        language: Language::Fr,
        matter: Matter::Alert { kind: AlertKind::HostStartFailed, subject, detail },
        created_at: at(second),
    }
}

async fn written(db: &Db, notice: &Notice) -> bool {
    let mut tx = db.begin().await.unwrap();
    let new = insert(&mut tx, notice).await.unwrap();
    tx.commit().await.unwrap();
    new
}

async fn claimed(db: &Db, now: Timestamp) -> Vec<Claimed> {
    let mut tx = db.begin().await.unwrap();
    let found = claim(&mut tx, now, Timestamp(now.0 + 60_000_000), 10).await.unwrap();
    tx.commit().await.unwrap();
    found
}

async fn ended(db: &Db, claimed: &Claimed, outcome: Outcome, now: Timestamp) -> bool {
    let mut tx = db.begin().await.unwrap();
    let ended = end(&mut tx, claimed.notice.id, claimed.tries, outcome, None, now).await.unwrap();
    tx.commit().await.unwrap();
    ended
}

async fn held(db: &Db, holder: &str, now: Timestamp, until: Timestamp) -> bool {
    let mut tx = db.begin().await.unwrap();
    let held = hold(&mut tx, "gateway", holder, now, until).await.unwrap();
    tx.commit().await.unwrap();
    held
}

both! {
    async fn one_account_is_linked_to_one_and_no_more(db: Db) {
        let ada = user(&db, "ada@example.org", Role::Admin).await;
        let bea = user(&db, "bea@example.org", Role::User).await;
        assert!(linked(&db, 7, ada).await);
        assert!(!linked(&db, 7, bea).await, "that account at Discord is Ada's");
        assert!(!linked(&db, 8, ada).await, "Ada has one already");
        assert!(linked(&db, 8, bea).await);
        assert_eq!(of_discord(&db, number(7)).await.unwrap().unwrap().user_id, ada);
        assert_eq!(of_user(&db, bea).await.unwrap().unwrap().discord_id, number(8));
        let mut tx = db.begin().await.unwrap();
        assert_eq!(linked_staff(&mut tx).await.unwrap(), [(ada, Language::Fr)], "Bea is no staff");
        assert!(unlink_discord(&mut tx, number(7)).await.unwrap());
        assert!(!unlink_discord(&mut tx, number(7)).await.unwrap());
        assert!(unlink_user(&mut tx, bea).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(of_discord(&db, number(8)).await.unwrap(), None);
    }

    async fn a_notice_is_told_once_and_the_same_is_counted(db: Db) {
        let ada = user(&db, "ada@example.org", Role::Admin).await;
        let (first, second, other) = (alert(ada, "oak", 0), alert(ada, "oak", 1), alert(ada, "elm", 2));
        for notice in [&first, &second, &other] {
            assert!(written(&db, notice).await);
        }
        assert_eq!(next_due(&db).await.unwrap(), Some(NOW));
        let mine = claimed(&db, at(5)).await;
        assert_eq!(mine.iter().map(|one| &one.notice).collect::<Vec<_>>(), [&first, &second, &other]);
        assert!(claimed(&db, at(6)).await.is_empty(), "somebody has them");
        // Whoever had them died: the next has them, and the first is too late.
        let theirs = claimed(&db, at(70)).await;
        assert!(!ended(&db, &mine[0], Outcome::Told, at(71)).await);
        assert!(ended(&db, &theirs[0], Outcome::Told, at(72)).await);
        assert!(!ended(&db, &theirs[0], Outcome::Told, at(73)).await, "it has ended");
        assert!(ended(&db, &theirs[1], Outcome::HeldBack, at(74)).await);
        let mut tx = db.begin().await.unwrap();
        assert!(again(&mut tx, other.id, theirs[2].tries, "no route", at(300)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(next_due(&db).await.unwrap(), Some(at(300)));
        let told = told_before(&db, ada, AlertKind::HostStartFailed, "oak").await.unwrap();
        assert_eq!(told, Told { last: Some(at(72)), held_back: 1 });
        assert_eq!(told_before(&db, ada, AlertKind::HostStartFailed, "elm").await.unwrap(), Told::default());
        assert_eq!(told_before(&db, ada, AlertKind::HostStopFailed, "oak").await.unwrap(), Told::default());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(prune(&mut tx, at(73)).await.unwrap(), 1, "what is not told yet stays");
        tx.commit().await.unwrap();
    }

    async fn a_report_of_one_time_is_written_once(db: Db) {
        let digest = Digest {
            period: Period::Daily, from: at(-86_400), to: NOW, wakes: 1, hours_slept: 2, restarts: 3, most_players: 4,
            failures: 5,
        };
        let report = |channel, digest| Notice {
            id: AlertId::new(),
            to: Recipient::Channel(number(channel)),
            language: Language::En,
            matter: Matter::Report(digest),
            created_at: NOW,
        };
        assert!(written(&db, &report(5, digest)).await);
        assert!(!written(&db, &report(5, digest)).await);
        assert!(written(&db, &report(6, digest)).await, "another channel");
        assert!(written(&db, &report(5, Digest { period: Period::Weekly, ..digest })).await);
        let found = claimed(&db, NOW).await;
        assert_eq!(found[0].notice.matter, Matter::Report(digest));
        assert_eq!(found[0].notice.to, Recipient::Channel(number(5)));
        assert_eq!(found.len(), 3);
    }

    async fn one_process_speaks_for_the_bot(db: Db) {
        assert!(held(&db, "one", NOW, at(30)).await);
        assert!(!held(&db, "two", at(1), at(31)).await);
        assert!(held(&db, "one", at(20), at(50)).await, "kept");
        assert!(!held(&db, "two", at(49), at(79)).await);
        assert!(held(&db, "two", at(50), at(80)).await, "the other is silent");
        assert!(!held(&db, "one", at(51), at(81)).await);
        let mut tx = db.begin().await.unwrap();
        let_go(&mut tx, "gateway", "one").await.unwrap();
        tx.commit().await.unwrap();
        assert!(!held(&db, "one", at(52), at(82)).await, "nobody gives back what another has");
    }

    async fn messages_and_players_are_remembered(db: Db) {
        assert_eq!(board(&db, number(5)).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        keep_board(&mut tx, number(5), number(50), NOW).await.unwrap();
        keep_board(&mut tx, number(5), number(51), at(1)).await.unwrap();
        for (hour, players) in [(10, 3), (10, 5), (10, 4), (12, 9)] {
            note_players(&mut tx, hour, players).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(board(&db, number(5)).await.unwrap(), Some(number(51)));
        assert_eq!(most_players(&db, 10, 12).await.unwrap(), 5);
        assert_eq!(most_players(&db, 11, 12).await.unwrap(), 0);
    }
}
