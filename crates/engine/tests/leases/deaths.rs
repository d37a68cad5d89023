//! The process dies: at every call on the wire, before the call has its effect or after it, and anywhere in between. A
//! new one goes on from the database alone, and whoever paid gets what was bought, or its price, once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::x402::Payment;
use innkeeper_connectors::x402::wallet::Wallet;
use innkeeper_domain::ids::LeaseId;
use innkeeper_domain::orders::OrderState;
use innkeeper_engine::{Engine, NewLease, Options, Paying};
use innkeeper_store::Db;
use tokio::runtime::Runtime;

use crate::house::{House, MINUTE, PATIENT, PAY_TO, buying, lease_options};

/// A process: a runtime of its own, whose end ends everything that it was about to do.
struct Process {
    runtime: Runtime,
    engine: Engine,
}

fn url(folder: &Path) -> String {
    format!("sqlite:{}/test.db", folder.display())
}

impl Process {
    /// One that shares nothing with the house but the database and the world outside.
    fn start(house: &House, folder: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (url, keys, clock) = (url(folder), house.keys.clone(), house.clock.clone());
        let sold = lease_options(&house.double, &clock, PATIENT);
        let options = Options { leases: Some(Arc::new(sold)), ..Options::default() };
        let opened =
            runtime.spawn(async move { Engine::new(Db::open(&url).await.unwrap(), keys, clock, options) });
        let engine =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opened)).unwrap();
        Self { runtime, engine }
    }

    /// Nothing of it goes on.
    fn die(self) {
        tokio::task::block_in_place(|| {
            drop(self.engine);
            self.runtime.shutdown_timeout(Duration::from_secs(5));
        });
    }
}

/// What a process is about when it dies.
#[derive(Clone)]
enum Deed {
    Lease(NewLease, Payment),
    Time(LeaseId, Payment),
}

impl Deed {
    async fn of(house: &House, wallet: &Wallet, lease: Option<LeaseId>) -> Self {
        match lease {
            None => {
                let new = house.room(60);
                let payment = house.pay(wallet, &house.asked(&new).await);
                Self::Lease(new, payment)
            }
            Some(id) => {
                let asked = house.engine.order_time(id, 30, &buying("renew"), Paying::Nothing).await.unwrap();
                Self::Time(id, house.pay(wallet, &crate::house::demanded(asked)))
            }
        }
    }

    async fn go(self, engine: &Engine) {
        let done = match self {
            Self::Lease(new, payment) => {
                engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await
            }
            Self::Time(id, payment) => {
                engine.order_time(id, 30, &buying("renew"), Paying::Wallet(payment)).await
            }
        };
        drop(done);
        // And its loops, as long as it lives.
        let _ = engine.watch_leases().await;
    }
}

/// What a new process makes of what an old one left: it looks after it until nothing is open any more.
async fn resurrected(house: &House, folder: &Path, wallet: &Wallet) {
    house.double.halt(None);
    let process = Process::start(house, folder);
    let engine = process.engine.clone();
    for _ in 0..8 {
        house.clock.advance(MINUTE * 2);
        let looking = engine.clone();
        process.runtime.spawn(async move { looking.watch_leases().await.unwrap() }).await.unwrap();
        house.porter(|_| true).await;
    }
    drop(engine);
    process.die();
    house.rest().await;
    for order in house.orders().await {
        assert!(order.state.is_over(), "{order:#?}");
    }
    house.all_accounted_for(std::slice::from_ref(wallet)).await;
}

/// What moved for a wallet, and what it has got for it.
async fn got(house: &House, (paid, known): (u128, usize)) -> (bool, OrderState) {
    let moved = house.double.chain(|chain| chain.balance(PAY_TO)) > paid;
    let orders = house.orders().await;
    // One that was never written down is as good as one that lapsed.
    (moved, if orders.len() == known { OrderState::Lapsed } else { orders[0].state })
}

/// What was paid, and how many orders there are.
async fn now(house: &House) -> (u128, usize) {
    (house.double.chain(|chain| chain.balance(PAY_TO)), house.orders().await.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_call_it_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&url(folder.path())).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open_with(db, PATIENT, |options| options.terms.per_wallet = 1000).await;
    let wallet = house.wallet(10_000);
    let mut deaths = 0;
    for renewal in [false, true] {
        // How many calls it takes when nobody dies.
        let (kept, _) = house.lease(&wallet, 60).await;
        let lease = renewal.then_some(kept.id);
        house.double.halt(None);
        Deed::of(&house, &wallet, lease).await.go(&house.engine).await;
        let calls = house.double.all_calls();
        assert!(calls > 10, "{calls}");
        house.rest().await;
        for at in 0..calls {
            for after in [false, true] {
                // Time passes with every death, and this one is to be alive.
                let (kept, _) = house.lease(&wallet, 600).await;
                let deed = Deed::of(&house, &wallet, renewal.then_some(kept.id)).await;
                let before = now(&house).await;
                let process = Process::start(&house, folder.path());
                house.double.halt(Some((at, after)));
                let engine = process.engine.clone();
                let work = process.runtime.spawn(async move { deed.go(&engine).await });
                tokio::select! {
                    () = house.double.halted() => {}
                    done = work => done.unwrap(),
                }
                process.die();
                resurrected(&house, folder.path(), &wallet).await;
                let (moved, state) = got(&house, before).await;
                match state {
                    OrderState::Delivered => assert!(moved, "{renewal} {at} {after}: for nothing"),
                    OrderState::Lapsed => assert!(!moved, "{renewal} {at} {after}: for its money"),
                    other => panic!("{renewal} {at} {after}: {other}"),
                }
                deaths += 1;
            }
        }
    }
    println!("{deaths} deaths");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&url(folder.path())).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open_with(db, PATIENT, |options| options.terms.per_wallet = 1000).await;
    let wallet = house.wallet(10_000);
    let mut ends = std::collections::BTreeMap::<_, usize>::new();
    for death in 0..60_u64 {
        let (kept, _) = house.lease(&wallet, 600).await;
        let deed = Deed::of(&house, &wallet, (death % 2 == 1).then_some(kept.id)).await;
        let before = now(&house).await;
        let process = Process::start(&house, folder.path());
        house.double.halt(None);
        let engine = process.engine.clone();
        // It lives for as many microseconds as chance gives it: through all of the work, or none.
        let life = Duration::from_micros(rand::random_range(0..120_000));
        let work = process.runtime.spawn(async move { deed.go(&engine).await });
        let _ = tokio::time::timeout(life, work).await;
        process.die();
        resurrected(&house, folder.path(), &wallet).await;
        let (moved, state) = got(&house, before).await;
        assert_eq!(moved, state == OrderState::Delivered, "{death}: {state}");
        *ends.entry((moved, state.as_str())).or_default() += 1;
    }
    println!("{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_hangs_up_at_any_moment_is_charged_once_and_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&url(folder.path())).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open_with(db, PATIENT, |options| options.terms.per_wallet = 1000).await;
    let wallet = house.wallet(10_000);
    let new = house.room(60);
    let mut delivered = 0;
    for polls in 0..200 {
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let before = house.double.chain(|chain| chain.balance(PAY_TO));
        let known = house.orders().await.len();
        let buying = buying("lease");
        let mut asking = Box::pin(house.engine.order_lease(&new, &buying, Paying::Wallet(payment.clone())));
        // Polled so often, and then dropped.
        let mut left = polls;
        let hung_up = futures_util::future::poll_fn(|cx| {
            let polled = asking.as_mut().poll(cx);
            if polled.is_ready() {
                return std::task::Poll::Ready(false);
            }
            if left == 0 {
                return std::task::Poll::Ready(true);
            }
            left -= 1;
            std::task::Poll::Pending
        })
        .await;
        drop(asking);
        house.rest().await;
        house.later(MINUTE * 7).await;
        house.rest().await;
        let orders = house.orders().await;
        let moved = house.double.chain(|chain| chain.balance(PAY_TO)) - before;
        if orders.len() == known {
            assert_eq!(moved, 0);
            continue;
        }
        let order = &orders[0];
        assert!(order.state.is_over(), "{order:#?}");
        assert_eq!(moved > 0, order.state == OrderState::Delivered, "{polls}: {order:#?}");
        delivered += usize::from(moved > 0);
        if !hung_up {
            break;
        }
    }
    assert!(delivered > 0);
    house.all_accounted_for(&[wallet]).await;
}
