//! Invoices: one per project and month, numbered without gaps, and never changed.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{InstanceId, PostingId};
use innkeeper_domain::invoices::Month;
use innkeeper_domain::ledger::{Account, Cause, HouseAccount, Posting, Purse};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::Provider;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Role;
use innkeeper_engine::{Adjustment, Error, NewRefund, papers};
use innkeeper_store::ledger;

use crate::house::{House, credits};

/// An instance is charged.
async fn charge(house: &House, instance: InstanceId, amount: Micros, at: Timestamp) {
    let project = house.project;
    let made = Posting {
        id: PostingId::new(),
        key: format!("charge:{instance}:{}", at.0),
        at,
        cause: Cause::Charge,
        cause_id: instance.to_string(),
        project_id: project,
        memo: None,
        by: None,
        entries: Vec::new(),
    }
    .with(Account::Of(project, Purse::Wallet), Micros(-amount.0))
    .with(Account::House(HouseAccount::Revenue), amount);
    let mut tx = house.db.begin().await.unwrap();
    ledger::post(&mut tx, &made).await.unwrap();
    tx.commit().await.unwrap();
}

/// Pays, refunds a part, and uses some.
async fn a_month(house: &House) -> InstanceId {
    let payment = house.begin(Provider::Stripe, 12).await;
    house.stripe_says(&house.stripe.pay(payment.reference.as_deref().unwrap())).await.unwrap();
    let refund = NewRefund { payment_id: payment.id, amount_minor: Some(200), reason: "nice".into() };
    house.engine.refund_payment(&house.admin, refund, None).await.unwrap();
    let gift = Adjustment { amount: credits(1), correction: false, reason: "welcome".into() };
    house.engine.post_adjustment(&house.admin, house.project, gift, None).await.unwrap();
    let instance = InstanceId::new();
    let now = house.clock.now();
    for n in 0..3 {
        charge(house, instance, Micros(500_000), now.after(Duration::from_hours(20 * n))).await;
    }
    instance
}

both! {
    async fn an_invoice_says_what_the_month_held_and_is_issued_once(db: Db) {
        let house = House::open(db).await;
        let instance = a_month(&house).await;
        let month = Month::of(house.clock.now());
        let early = house.engine.issue_invoice(&house.payer, house.project, month, None).await.unwrap_err();
        assert!(matches!(early, Error::Invalid { field: "month", .. }), "{early}");
        house.clock.advance(month.ends().since(house.clock.now()));
        let invoice = house.engine.issue_invoice(&house.payer, house.project, month, None).await.unwrap();
        assert_eq!(invoice.number, "2026-00001");
        assert_eq!((invoice.usage.len(), invoice.usage[0].credits), (1, Micros(1_500_000)));
        assert_eq!(invoice.usage[0].instance_id, instance.to_string());
        let money: Vec<(i64, Micros)> = invoice.money.iter().map(|line| (line.amount.minor, line.credits)).collect();
        assert_eq!(money, [(1200, credits(12)), (-200, Micros(-credits(2).0))]);
        assert_eq!(invoice.others.len(), 1);
        assert_eq!(invoice.seller.lines[0], "L’Auberge");
        assert!(invoice.buyer.lines.contains(&"zoe@inn.example".to_owned()));
        assert!(papers::invoice_pdf(&invoice).starts_with(b"%PDF"));
        let again = house.engine.issue_invoice(&house.admin, house.project, month, None).await.unwrap();
        assert_eq!(again, invoice);
        assert_eq!(house.engine.invoice(&house.payer, invoice.id).await.unwrap(), invoice);

        // What is posted late for that month stands on the next one, once.
        charge(&house, instance, Micros(70), Timestamp(month.ends().0 - 1)).await;
        let next = month.next();
        house.clock.advance(next.ends().since(house.clock.now()));
        let late = house.engine.issue_invoice(&house.payer, house.project, next, None).await.unwrap();
        assert_eq!((late.number.as_str(), late.usage[0].credits), ("2027-00001", Micros(70)));
        assert_eq!((late.money.len(), late.others.len()), (0, 0));
        let nothing = house.engine.issue_invoice(&house.payer, house.project, next.next(), None).await.unwrap_err();
        assert!(matches!(nothing, Error::Invalid { .. }));
    }

    async fn numbers_have_no_gaps_whoever_issues_at_once(db: Db) {
        let house = House::open(db).await;
        let month = Month::of(house.clock.now());
        let mut people = Vec::new();
        for n in 0..6 {
            let (person, project) = house.person(&format!("p{n}"), Role::User).await;
            let gift = Adjustment { amount: credits(1), correction: false, reason: "hello".into() };
            house.engine.post_adjustment(&house.admin, project, gift, None).await.unwrap();
            people.push((person, project));
        }
        // One with nothing takes no number.
        people.push(house.person("nobody", Role::User).await);
        house.clock.advance(month.ends().since(house.clock.now()) + Duration::from_hours(7));
        let mut at_once = tokio::task::JoinSet::new();
        for (person, project) in people.iter().chain(&people) {
            let (house, person, project) = (house.clone(), person.clone(), *project);
            at_once.spawn(async move { house.engine.issue_invoice(&person, project, month, None).await.ok() });
        }
        let looping = house.clone();
        at_once.spawn(async move { looping.engine.issue_missing().await.map(|_| None).unwrap() });
        at_once.join_all().await;
        let issued = house.engine.invoices(&house.admin, None, None, 50).await.unwrap();
        let mut numbers: Vec<String> = issued.iter().map(|invoice| invoice.number.clone()).collect();
        numbers.sort();
        let expected: Vec<String> = (1..=6).map(|n| format!("2026-{n:05}")).collect();
        assert_eq!(numbers, expected);
        assert_eq!(house.engine.issue_missing().await.unwrap(), 0);
        let (stranger, _) = &people[6];
        assert!(matches!(house.engine.invoice(stranger, issued[0].id).await, Err(Error::NotFound(_))));
    }

    async fn spending_and_finance_are_what_the_ledger_says(db: Db) {
        let house = House::open(db).await;
        let instance = a_month(&house).await;
        let (from, until) = (house.clock.now().before(Duration::from_hours(48)), house.clock.now().after(Duration::from_hours(96)));
        let spending = house.engine.spending(&house.payer, house.project, None, from, until).await.unwrap();
        assert_eq!(spending.total, Micros(1_500_000));
        assert_eq!(spending.by_instance, [(instance, Micros(1_500_000))]);
        assert_eq!(spending.by_day.iter().map(|(_, credits)| credits.0).collect::<Vec<_>>(), [1_000_000, 500_000]);
        let other = house.engine.spending(&house.payer, house.project, Some(InstanceId::new()), from, until).await.unwrap();
        assert_eq!(other.total, Micros::ZERO);

        let finance = house.engine.finance(&house.admin, from, until).await.unwrap();
        assert_eq!(finance.revenue, Micros(1_500_000));
        assert_eq!(finance.outstanding, house.balance().await);
        assert_eq!(finance.owed, Micros::ZERO);
        let all: i64 = finance.accounts.iter().map(|(_, credits)| credits.0).sum();
        assert_eq!(all, -finance.outstanding.0);
        assert_eq!((finance.payments[0].count, finance.payments[0].refunded_minor), (1, 200));
        assert!(matches!(house.engine.finance(&house.payer, from, until).await, Err(Error::Forbidden(_))));

        let lines = house.engine.export_ledger(&house.payer, house.project, from, until).await.unwrap();
        assert_eq!(papers::ledger_csv(&lines).lines().count(), lines.len() + 1);
        assert_eq!(lines.len(), 6);
        let (stranger, _) = house.person("eve", Role::User).await;
        let hidden = house.engine.export_ledger(&stranger, house.project, from, until).await;
        assert!(matches!(hidden, Err(Error::NotFound(_))));
        assert!(house.engine.export_usage(&Actor::house(), house.project, from, until).await.unwrap().is_empty());
        let backwards = house.engine.spending(&house.payer, house.project, None, until, from).await;
        assert!(matches!(backwards, Err(Error::Invalid { .. })));
    }
}
