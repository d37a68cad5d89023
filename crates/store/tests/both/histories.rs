//! Ten thousand random histories of a ledger, many at once: credits, holds, releases, charges and transfers, keys that
//! are tried again, transactions that are dropped before they commit, and commits whose answer is lost. Whatever
//! happens, what was acknowledged is there once, what was not is not there, and the ledger is in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::ledger::{Account, Cause, HouseAccount, Posting, Purse, pay, receive};
use innkeeper_domain::money::Micros;
use innkeeper_store::ledger::{self, Audit, Posted};
use innkeeper_store::{Db, Error, Tx, projects};
use tokio::sync::Mutex;

use crate::house::person;
use crate::ledger::posting;

const HISTORIES: u64 = 10_000;
const WORKERS: usize = 8;
const PROJECTS: u64 = 24;

/// Chance that can be played again: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// What was acknowledged, added up.
#[derive(Default)]
struct Acknowledged {
    balances: BTreeMap<Account, i64>,
    postings: usize,
    dropped: usize,
    refused: usize,
    again: usize,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Credit,
    Hold,
    Release,
    Charge,
    Transfer,
}

/// Makes the deed's posting within the transaction.
async fn carry_out(
    tx: &mut Tx,
    deed: Deed,
    key: &str,
    one: ProjectId,
    other: ProjectId,
    amount: Micros,
) -> Result<(Posted, Posting), Error> {
    let less = Micros(-amount.0);
    let (wallet, held, debt) =
        (Account::Of(one, Purse::Wallet), Account::Of(one, Purse::Held), Account::Of(one, Purse::Debt));
    let made = match deed {
        Deed::Credit => {
            let (paid, kept) = receive(amount, ledger::purses_tx(tx, &[one]).await?[&one].debt);
            let made = posting(one, key, Cause::Grant).with(Account::House(HouseAccount::Grants), less);
            made.with(debt, paid).with(wallet, kept)
        }
        Deed::Hold => posting(one, key, Cause::Hold).with(wallet, less).with(held, amount),
        Deed::Release => posting(one, key, Cause::Release).with(held, less).with(wallet, amount),
        Deed::Charge => {
            let purses = ledger::purses_tx(tx, &[one]).await?[&one];
            let from = pay(amount, purses.wallet, purses.held);
            let made = posting(one, key, Cause::Charge).with(Account::House(HouseAccount::Revenue), amount);
            made.with(wallet, Micros(-from.wallet.0))
                .with(held, Micros(-from.held.0))
                .with(debt, Micros(-from.owed.0))
        }
        Deed::Transfer => posting(one, key, Cause::Correction)
            .with(wallet, less)
            .with(Account::Of(other, Purse::Wallet), amount),
    };
    Ok((ledger::post(tx, &made).await?, made))
}

async fn history(db: &Db, number: u64, projects: &[ProjectId], sums: &Mutex<Acknowledged>) {
    let mut dice = Dice(number.wrapping_mul(0x0123_4567_89ab_cdef));
    let deeds = 1 + dice.below(3);
    let mut tasks = Vec::new();
    for n in 0..deeds {
        let deed =
            [Deed::Credit, Deed::Hold, Deed::Release, Deed::Charge, Deed::Transfer][dice.below(5) as usize];
        let one = dice.below(PROJECTS) as usize;
        let other = (one + 1 + dice.below(PROJECTS - 1) as usize) % PROJECTS as usize;
        let amount = Micros(1 + dice.below(1000) as i64 * if matches!(deed, Deed::Credit) { 2 } else { 1 });
        let (key, fate) = (format!("history:{number}:{n}"), dice.below(6));
        let (one, other) = (projects[one], projects[other]);
        // Two that send the same at once.
        let senders = if fate == 5 { 2 } else { 1 };
        for _ in 0..senders {
            let key = key.clone();
            tasks.push(async move { send(db, deed, &key, one, other, amount, fate, sums).await });
        }
    }
    futures_util::future::join_all(tasks).await;
}

#[expect(clippy::too_many_arguments, reason = "all of one deed")]
async fn send(
    db: &Db,
    deed: Deed,
    key: &str,
    one: ProjectId,
    other: ProjectId,
    amount: Micros,
    fate: u64,
    sums: &Mutex<Acknowledged>,
) {
    let mut tries = if fate == 3 { 3 } else { 1 + u64::from(fate == 1) };
    let mut drops = u64::from(fate == 0 || fate == 1);
    while tries > 0 {
        tries -= 1;
        let mut tx = db.begin().await.unwrap();
        let (posted, made) = match carry_out(&mut tx, deed, key, one, other, amount).await {
            Ok(done) => done,
            Err(Error::Insufficient { needed, available }) => {
                assert!(needed > available);
                tx.rollback().await.unwrap();
                sums.lock().await.refused += 1;
                continue;
            }
            Err(error) => panic!("{deed:?} {key}: {error}"),
        };
        if drops > 0 {
            // The process dies before it commits.
            drops -= 1;
            drop(tx);
            sums.lock().await.dropped += 1;
            continue;
        }
        tx.commit().await.unwrap();
        let mut sums = sums.lock().await;
        match posted {
            Posted::Now => {
                sums.postings += 1;
                for entry in &made.entries {
                    *sums.balances.entry(entry.account).or_default() += entry.amount.0;
                }
            }
            // The answer was lost, or another was faster: the same again changes nothing.
            Posted::Before(before) => {
                assert_eq!((before.key.as_str(), before.cause), (key, made.cause));
                sums.again += 1;
            }
        }
    }
}

both! {
    async fn ten_thousand_random_histories_leave_the_ledger_in_order(db: Db) {
        let mut ids = Vec::new();
        let mut tx = db.begin().await.unwrap();
        for n in 0..PROJECTS {
            let (user, project) = person(&format!("user{n}@example.org"));
            projects::insert(&mut tx, &project).await.unwrap();
            innkeeper_store::users::insert(&mut tx, &user, None).await.unwrap();
            ids.push(project.id);
        }
        tx.commit().await.unwrap();
        let ids = Arc::new(ids);
        let sums = Arc::new(Mutex::new(Acknowledged::default()));
        let next = Arc::new(AtomicU64::new(0));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (db, ids, sums, next) = (db.clone(), Arc::clone(&ids), Arc::clone(&sums), Arc::clone(&next));
            workers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= HISTORIES {
                        return;
                    }
                    history(&db, number, &ids, &sums).await;
                }
            });
        }
        workers.join_all().await;

        let sums = sums.lock().await;
        println!(
            "{} postings, {} dropped, {} refused, {} sent again",
            sums.postings, sums.dropped, sums.refused, sums.again
        );
        assert!(sums.postings > 5000 && sums.dropped > 1000 && sums.refused > 500 && sums.again > 1000);
        let mut listed = 0;
        for &project in ids.iter() {
            let of = |purse| Micros(sums.balances.get(&Account::Of(project, purse)).copied().unwrap_or_default());
            let purses = ledger::purses(&db, project).await.unwrap();
            assert_eq!(
                (purses.wallet, purses.held, purses.debt),
                (of(Purse::Wallet), of(Purse::Held), of(Purse::Debt))
            );
            assert!(purses.wallet.0 >= 0 && purses.held.0 >= 0 && purses.debt.0 <= 0);
            listed += ledger::list(&db, project, None, None, i64::MAX).await.unwrap().len();
        }
        assert_eq!(listed, sums.postings, "nothing twice, nothing lost");
        for account in [HouseAccount::Grants, HouseAccount::Revenue] {
            let expected = sums.balances.get(&Account::House(account)).copied().unwrap_or_default();
            assert_eq!(ledger::house_balance(&db, account).await.unwrap(), Micros(expected));
        }
        let audit = ledger::audit(&db).await.unwrap();
        // No instances here, so that what is held is held for none of them.
        assert_eq!(Audit { misheld: 0, ..audit }, Audit::default());
    }
}
