//! Invoices and sums over the ledger: every posting on one invoice, nothing ever changed, numbers without gaps.

use innkeeper_domain::ids::{InstanceId, InvoiceId, ProjectId};
use innkeeper_domain::invoices::{Invoice, Month, Party};
use innkeeper_domain::ledger::{Account, Cause, HouseAccount, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::finance::{Gained, Spent};
use innkeeper_store::invoices::Uninvoiced;
use innkeeper_store::{Db, Error, finance, invoices, ledger};
use sqlx::{Connection, SqliteConnection};

use crate::house::{House, NOW, at};
use crate::ledger::{gift, posting};

fn month() -> Month {
    Month::of(NOW)
}

/// A charge, some seconds after now.
fn charge(project: ProjectId, instance: InstanceId, seconds: i64, amount: i64) -> Posting {
    let made = posting(project, &format!("charge:{instance}:{seconds}"), Cause::Charge);
    Posting { at: at(seconds), cause_id: instance.to_string(), ..made }
        .with(Account::Of(project, Purse::Wallet), Micros(-amount))
        .with(Account::House(HouseAccount::Revenue), Micros(amount))
}

async fn make(db: &Db, postings: &[Posting]) {
    let mut tx = db.begin().await.unwrap();
    ledger::post_all(&mut tx, postings).await.unwrap();
    tx.commit().await.unwrap();
}

fn invoice(project_id: ProjectId, number: &str, found: &Uninvoiced) -> Invoice {
    Invoice {
        id: InvoiceId::new(),
        number: number.into(),
        project_id,
        month: month(),
        issued_at: NOW,
        seller: Party { lines: vec!["Inn".into()] },
        buyer: Party::default(),
        usage: found.usage.clone(),
        money: found.money.clone(),
        others: found.others.clone(),
    }
}

both! {
    async fn a_posting_stands_on_one_invoice_and_an_invoice_stays_as_it_is(db: Db) {
        let house = House::build(&db).await;
        let project = house.project.id;
        let instance = house.instance("web-1", 100).id;
        make(&db, &[gift(project, "grant:1", 500), charge(project, instance, 1, 30), charge(project, instance, 2, 12)]).await;
        assert_eq!(invoices::lacking(&db, month(), 10).await.unwrap(), [project]);
        assert_eq!(invoices::lacking(&db, month().before(), 10).await.unwrap(), []);
        let mut tx = db.begin().await.unwrap();
        let early = invoices::uninvoiced(&mut tx, project, at(0)).await.unwrap();
        assert_eq!(early, Uninvoiced::default());
        let found = invoices::uninvoiced(&mut tx, project, month().ends()).await.unwrap();
        assert_eq!((found.postings.len(), found.usage[0].credits, found.usage.len()), (3, Micros(42), 1));
        assert_eq!((found.others[0].cause.as_str(), found.others[0].credits), ("grant", Micros(500)));
        assert!(invoices::of_month(&mut tx, project, month()).await.unwrap().is_none());
        let issued = invoice(project, "2026-00001", &found);
        invoices::insert(&mut tx, &issued, &found.postings).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(invoices::by_id(&db, issued.id).await.unwrap().unwrap(), issued);
        assert_eq!(invoices::list(&db, Some(project), None, 10).await.unwrap(), [issued.clone()]);
        assert_eq!(invoices::list(&db, None, Some(issued.id), 10).await.unwrap(), []);
        assert_eq!(invoices::lacking(&db, month(), 10).await.unwrap(), []);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(invoices::of_month(&mut tx, project, month()).await.unwrap().unwrap(), issued);
        let left = invoices::uninvoiced(&mut tx, project, month().ends()).await.unwrap();
        assert_eq!(left, Uninvoiced::default());
        let again = invoices::insert(&mut tx, &invoice(project, "2026-00002", &left), &[]).await;
        assert!(matches!(again, Err(Error::Conflict("invoice month"))), "{again:?}");
    }

    async fn a_number_is_taken_only_by_what_is_issued(db: Db) {
        let mut tx = db.begin().await.unwrap();
        assert_eq!(invoices::next_number(&mut tx, 2026).await.unwrap(), 1);
        tx.rollback().await.unwrap();
        for expected in 1..=3 {
            let mut tx = db.begin().await.unwrap();
            assert_eq!(invoices::next_number(&mut tx, 2026).await.unwrap(), expected);
            tx.commit().await.unwrap();
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(invoices::next_number(&mut tx, 2027).await.unwrap(), 1);
    }

    async fn sums_are_those_of_the_entries(db: Db) {
        const DAY: i64 = 86_400;
        let house = House::build(&db).await;
        let project = house.project.id;
        let (one, two) = (InstanceId::new(), InstanceId::new());
        make(&db, &[gift(project, "grant:1", 500), charge(project, one, 1, 30), charge(project, one, 2, 12),
            charge(project, two, 3, 5), charge(project, one, DAY, 7)]).await;
        let today = Timestamp(NOW.0 / (DAY * 1_000_000) * DAY * 1_000_000);
        let tomorrow = Timestamp(today.0 + DAY * 1_000_000);
        let (from, until) = (at(-DAY), at(2 * DAY));
        let mut spent = finance::spent(&db, project, from, until).await.unwrap();
        spent.sort_by_key(|spent| (spent.day, -spent.credits.0));
        let line = |instance_id, day, credits| Spent { instance_id, day, credits: Micros(credits) };
        assert_eq!(spent, [line(one, today, 42), line(two, today, 5), line(one, tomorrow, 7)]);
        assert_eq!(finance::spent(&db, ProjectId::new(), from, until).await.unwrap(), []);
        assert_eq!(finance::spent(&db, project, from, at(2)).await.unwrap(), [line(one, today, 30)]);
        let gained = |day, account, credits| Gained { day, account, credits: Micros(credits) };
        assert_eq!(finance::gained(&db, from, until).await.unwrap(), [
            gained(today, HouseAccount::Grants, -500),
            gained(today, HouseAccount::Revenue, 47),
            gained(tomorrow, HouseAccount::Revenue, 7),
        ]);
        let standing = finance::standing(&db).await.unwrap();
        assert_eq!(standing.purses, [(Purse::Wallet, Micros(446))]);
        assert_eq!(standing.house, [(HouseAccount::Grants, Micros(-500)), (HouseAccount::Revenue, Micros(54))]);
    }
}

#[tokio::test]
async fn what_was_issued_is_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let project = House::build(&db).await.project.id;
    let made = gift(project, "grant:1", 500);
    make(&db, &[made.clone()]).await;
    let mut tx = db.begin().await.unwrap();
    invoices::insert(&mut tx, &invoice(project, "2026-00001", &Uninvoiced::default()), &[made.id])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut hand = SqliteConnection::connect(&url).await.unwrap();
    for change in [
        "update invoices set number = '1'",
        "delete from invoices",
        "delete from invoiced",
        "update invoiced set posting_id = x'00'",
    ] {
        let error = sqlx::query(change).execute(&mut hand).await.unwrap_err().to_string();
        assert!(error.contains("are never changed"), "{change}: {error}");
    }
}
