//! Postings: each once, credits only moved, no account below its floor.

use innkeeper_domain::ids::{PostingId, ProjectId};
use innkeeper_domain::ledger::{Account, BadPosting, Cause, HouseAccount, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_store::ledger::{self, Audit, Posted, Purses};
use innkeeper_store::{Db, Error};
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::house::{House, NOW};

/// A posting without entries.
pub(crate) fn posting(project: ProjectId, key: &str, cause: Cause) -> Posting {
    Posting {
        id: PostingId::new(),
        key: key.to_owned(),
        at: NOW,
        cause,
        cause_id: "ins_1".into(),
        project_id: project,
        memo: None,
        by: None,
        entries: Vec::new(),
    }
}

/// A gift to the wallet.
pub(crate) fn gift(project: ProjectId, key: &str, amount: i64) -> Posting {
    posting(project, key, Cause::Grant)
        .with(Account::Of(project, Purse::Wallet), Micros(amount))
        .with(Account::House(HouseAccount::Grants), Micros(-amount))
}

fn hold(project: ProjectId, key: &str, amount: i64) -> Posting {
    posting(project, key, Cause::Hold)
        .with(Account::Of(project, Purse::Wallet), Micros(-amount))
        .with(Account::Of(project, Purse::Held), Micros(amount))
}

async fn make(db: &Db, posting: &Posting) -> Result<Posted, Error> {
    let mut tx = db.begin().await?;
    let posted = ledger::post(&mut tx, posting).await?;
    tx.commit().await?;
    Ok(posted)
}

fn wallet(amount: i64) -> Purses {
    Purses { wallet: Micros(amount), ..Purses::default() }
}

both! {
    async fn a_posting_reads_back_and_its_key_posts_once(db: Db) {
        let house = House::build(&db).await;
        let project = house.project.id;
        let mut first = gift(project, "grant:1", 500);
        first.memo = Some("welcome".into());
        first.by = Some(house.user.id);
        assert_eq!(make(&db, &first).await.unwrap(), Posted::Now);
        // The same again, and something else under the same key.
        assert_eq!(make(&db, &first).await.unwrap(), Posted::Before(first.clone()));
        assert_eq!(make(&db, &gift(project, "grant:1", 900)).await.unwrap(), Posted::Before(first.clone()));
        assert_eq!(ledger::purses(&db, project).await.unwrap(), wallet(500));
        assert_eq!(ledger::house_balance(&db, HouseAccount::Grants).await.unwrap(), Micros(-500));
        let second = hold(project, "hold:1", 200);
        make(&db, &second).await.unwrap();
        let all = ledger::list(&db, project, None, None, 9).await.unwrap();
        assert_eq!(all, [second.clone(), first.clone()]);
        assert_eq!(ledger::list(&db, project, Some(Cause::Hold), None, 9).await.unwrap(), [second.clone()]);
        assert_eq!(ledger::list(&db, project, None, Some(second.id), 9).await.unwrap(), [first.clone()]);
        assert_eq!(ledger::by_id(&db, first.id).await.unwrap(), Some(first));
        assert_eq!(ledger::by_id(&db, PostingId::new()).await.unwrap(), None);
        assert_eq!(ledger::list(&db, ProjectId::new(), None, None, 9).await.unwrap(), []);
        let held = Purses { wallet: Micros(300), held: Micros(200), debt: Micros(0) };
        assert_eq!(ledger::purses(&db, project).await.unwrap(), held);
    }

    async fn no_account_falls_below_its_floor_and_nothing_is_left_behind(db: Db) {
        let project = House::build(&db).await.project.id;
        make(&db, &gift(project, "grant:1", 500)).await.unwrap();
        let error = make(&db, &hold(project, "hold:1", 501)).await.unwrap_err();
        let expected = (Micros(501), Micros(500));
        assert!(matches!(error, Error::Insufficient { needed, available } if (needed, available) == expected), "{error}");
        // Nobody can owe less than nothing.
        let odd = posting(project, "odd", Cause::Correction)
            .with(Account::Of(project, Purse::Debt), Micros(1))
            .with(Account::Of(project, Purse::Wallet), Micros(-1));
        assert!(matches!(make(&db, &odd).await.unwrap_err(), Error::Conflict("balance")));
        let unbalanced = posting(project, "odd", Cause::Grant).with(Account::Of(project, Purse::Wallet), Micros(1));
        let error = make(&db, &unbalanced).await.unwrap_err();
        assert!(matches!(error, Error::Posting(BadPosting::Unbalanced(Micros(1)))), "{error}");
        assert_eq!(ledger::list(&db, project, None, None, 9).await.unwrap().len(), 1);
        assert_eq!(ledger::purses(&db, project).await.unwrap(), wallet(500));
        assert_eq!(ledger::audit(&db).await.unwrap(), Audit::default());
        // The key of what failed is free.
        assert_eq!(make(&db, &hold(project, "hold:1", 500)).await.unwrap(), Posted::Now);
    }

    async fn two_credits_at_once_both_count(db: Db) {
        let project = House::build(&db).await.project.id;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..40 {
            let db = db.clone();
            tasks.spawn(async move { make(&db, &gift(project, &format!("grant:{}", n / 2), 1)).await.unwrap() });
        }
        let posted = tasks.join_all().await;
        assert_eq!(posted.iter().filter(|posted| **posted == Posted::Now).count(), 20, "each key once");
        assert_eq!(ledger::purses(&db, project).await.unwrap(), wallet(20));
    }

    async fn of_many_that_want_the_same_credits_only_those_get_them_for_whom_there_are_enough(db: Db) {
        let project = House::build(&db).await.project.id;
        make(&db, &gift(project, "grant:1", 305)).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..60 {
            let db = db.clone();
            tasks.spawn(async move { make(&db, &hold(project, &format!("hold:{n}"), 10)).await.is_ok() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|done| *done).count(), 30);
        let left = Purses { wallet: Micros(5), held: Micros(300), debt: Micros(0) };
        assert_eq!(ledger::purses(&db, project).await.unwrap(), left);
    }

    async fn many_postings_are_made_at_once_or_not_at_all(db: Db) {
        let project = House::build(&db).await.project.id;
        let batch: Vec<Posting> = (0..50).map(|n| gift(project, &format!("grant:{n}"), n + 1)).collect();
        let mut tx = db.begin().await.unwrap();
        ledger::post_all(&mut tx, &batch).await.unwrap();
        ledger::post_all(&mut tx, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ledger::purses(&db, project).await.unwrap(), wallet(1275));
        let mut again = batch.clone();
        again[0] = gift(project, "grant:new", 5);
        let mut tx = db.begin().await.unwrap();
        let error = ledger::post_all(&mut tx, &again[..2]).await.unwrap_err();
        assert!(matches!(error, Error::Conflict("posting key")), "{error}");
        tx.rollback().await.unwrap();
        assert_eq!(ledger::purses(&db, project).await.unwrap(), wallet(1275));
        let mut tx = db.begin().await.unwrap();
        let found = ledger::by_key(&mut tx, "grant:7").await.unwrap();
        assert_eq!(found.as_ref(), Some(&batch[7]));
        assert_eq!(ledger::audit(&db).await.unwrap(), Audit::default());
    }

    async fn purses_of_projects_without_accounts_are_empty(db: Db) {
        let house = House::build(&db).await;
        assert_eq!(ledger::purses(&db, house.project.id).await.unwrap(), Purses::default());
        let mut tx = db.begin().await.unwrap();
        let found = ledger::purses_tx(&mut tx, &[house.project.id]).await.unwrap();
        assert_eq!(found.get(&house.project.id), Some(&Purses::default()));
    }

    async fn every_account_of_the_house_is_there(db: Db) {
        for &account in HouseAccount::ALL {
            assert_eq!(ledger::house_balance(&db, account).await.unwrap(), Micros(0), "{account}");
        }
    }
}

const CHANGES: [&str; 4] = [
    "update postings set memo = 'changed'",
    "delete from postings",
    "update entries set amount = amount + 1",
    "delete from entries",
];

#[tokio::test]
async fn what_was_posted_is_never_changed_on_sqlite_and_a_balance_changed_by_hand_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let project = House::build(&db).await.project.id;
    make(&db, &gift(project, "grant:1", 500)).await.unwrap();
    let mut hand = SqliteConnection::connect(&url).await.unwrap();
    for change in CHANGES {
        let error = sqlx::query(change).execute(&mut hand).await.unwrap_err().to_string();
        assert!(error.contains("are never changed"), "{change}: {error}");
    }
    let error =
        sqlx::query("update accounts set balance = -1 where kind = 'wallet'").execute(&mut hand).await;
    assert!(error.is_err(), "below the floor");
    sqlx::query("update accounts set balance = 501 where kind = 'wallet'").execute(&mut hand).await.unwrap();
    assert_eq!(ledger::audit(&db).await.unwrap(), Audit { drifted: 1, ..Audit::default() });
}

#[tokio::test]
async fn what_was_posted_is_never_changed_on_postgres() {
    crate::engines::on_postgres_at(|url| async move {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let project = House::build(&db).await.project.id;
        make(&db, &gift(project, "grant:1", 500)).await.unwrap();
        db.close().await;
        let mut hand = PgConnection::connect(&url).await.unwrap();
        for change in CHANGES.into_iter().chain(["truncate entries"]) {
            let error = sqlx::query(change).execute(&mut hand).await.unwrap_err().to_string();
            assert!(error.contains("are never changed"), "{change}: {error}");
        }
    })
    .await;
}
