//! Thousands of histories at once: buyers, strangers, replays, faults of everybody, deaths, expiries, renewals. At the
//! end everything is over, and every unit that came is earned by what was delivered, or somebody's credit.
//!
//! `INNKEEPER_CAMPAIGN_SEED` repeats a campaign as far as chance decided it, `INNKEEPER_CAMPAIGN_SIZE` sets its size:
//! 10,000 take some minutes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use innkeeper_connectors::x402::wallet::{Wallet, nonce};
use innkeeper_connectors::x402::{Payment, Requirements};
use innkeeper_domain::ids::LeaseId;
use innkeeper_domain::leases::LeaseState;
use innkeeper_domain::ledger::HouseAccount;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::orders::{Goods, OrderState};
use innkeeper_engine::{Bought, Engine, Error, Holding, Options, Paying};
use innkeeper_store::{Db, instances, ledger};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::SecretString;
use tokio::task::JoinSet;

use crate::double::{Call, Fault};
use crate::house::{HASTY, House, MINUTE, PAY_TO, buying, lease_options, offer};

/// Histories at once.
const AT_ONCE: usize = 24;

/// Histories between two looks of the house at what is due, and a step of its clock.
const ROUND: usize = 200;

struct Campaign {
    house: House,
    /// The engine of the present process: it is another one after each death.
    engine: std::sync::RwLock<Engine>,
    wallets: Vec<Wallet>,
    leases: std::sync::Mutex<Vec<(LeaseId, Option<SecretString>)>>,
    /// What was sent already, and can be read off the chain.
    sent: std::sync::Mutex<Vec<(String, Payment)>>,
    told: std::sync::Mutex<BTreeMap<&'static str, usize>>,
    tokens: AtomicUsize,
}

impl Campaign {
    fn engine(&self) -> Engine {
        self.engine.read().unwrap().clone()
    }

    fn tell(&self, what: &'static str) {
        *self.told.lock().unwrap().entry(what).or_default() += 1;
    }

    fn signed(&self, wallet: &Wallet, asked: &Requirements) -> Payment {
        wallet.authorize(&offer(asked), asked, self.house.clock.now(), nonce())
    }

    fn heard(&self, result: Result<Bought, Error>) {
        match result {
            Ok(Bought::Demanded(_)) => self.tell("refused"),
            Ok(Bought::Ordered(ordered)) => {
                self.tell(if ordered.fresh { "ordered" } else { "ordered before" });
                if let Some(token) = ordered.token {
                    self.tokens.fetch_add(1, Ordering::Relaxed);
                    self.leases.lock().unwrap().push((ordered.order.lease_id, Some(token)));
                }
            }
            Err(Error::Store(error)) => panic!("{error}"),
            Err(Error::Internal(error)) => panic!("{error}"),
            Err(_) => self.tell("not possible"),
        }
    }

    /// One history.
    async fn history(&self, number: usize, mut dice: StdRng) {
        let engine = self.engine();
        let wallet = self.wallets[dice.random_range(0..self.wallets.len())].clone();
        let lease = {
            let leases = self.leases.lock().unwrap();
            (!leases.is_empty()).then(|| leases[dice.random_range(0..leases.len())].clone())
        };
        match (dice.random_range(0..100), lease) {
            (0..25, _) | (_, None) => self.lease(&engine, &wallet, number, &mut dice).await,
            (25..70, Some((id, _))) => self.time(&engine, &wallet, id, &mut dice).await,
            (70..85, Some((id, _))) => self.replay(&engine, id, &mut dice).await,
            (85..92, Some((id, Some(token)))) => {
                let by = Holding::Token(token, None);
                let _ = engine.end_lease(id, &by).await;
                self.tell("given up");
            }
            (_, Some((id, _))) => self.by_credits(&engine, &wallet, id).await,
        }
    }

    async fn lease(&self, engine: &Engine, wallet: &Wallet, number: usize, dice: &mut StdRng) {
        let new = self.house.room(dice.random_range(10..200));
        let body = format!("lease {number}");
        let asked = match engine.order_lease(&new, &buying(&body), Paying::Nothing).await {
            Ok(Bought::Demanded(demand)) => demand.requirements[0].clone(),
            other => panic!("{other:?}"),
        };
        let payment = self.signed(wallet, &asked);
        self.tempt(wallet, &payment, dice);
        self.sent.lock().unwrap().push((body.clone(), payment.clone()));
        let copies = if dice.random_bool(0.1) { 5 } else { 1 };
        let mut tokens = 0;
        for answer in futures_util::future::join_all((0..copies).map(|_| {
            let (engine, new, body, payment) = (engine.clone(), new.clone(), body.clone(), payment.clone());
            async move { engine.order_lease(&new, &buying(&body), Paying::Wallet(payment)).await }
        }))
        .await
        {
            tokens += usize::from(matches!(&answer, Ok(Bought::Ordered(one)) if one.token.is_some()));
            self.heard(answer);
        }
        // An order that was refused may have been taken up again by a later copy, never two at once.
        assert!(tokens <= 1, "one payment, {tokens} tokens");
    }

    async fn time(&self, engine: &Engine, wallet: &Wallet, id: LeaseId, dice: &mut StdRng) {
        let minutes = dice.random_range(10..120);
        let body = format!("time {id} {minutes}");
        let asked = match engine.order_time(id, minutes, &buying(&body), Paying::Nothing).await {
            Ok(Bought::Demanded(demand)) => demand.requirements[0].clone(),
            other => return self.heard(other),
        };
        let payment = self.signed(wallet, &asked);
        self.tempt(wallet, &payment, dice);
        self.sent.lock().unwrap().push((body.clone(), payment.clone()));
        let answer = engine.order_time(id, minutes, &buying(&body), Paying::Wallet(payment.clone())).await;
        let again = answer.is_err() && dice.random_bool(0.5);
        self.heard(answer);
        if again {
            self.heard(engine.order_time(id, minutes, &buying(&body), Paying::Wallet(payment)).await);
        }
    }

    /// What buyers and strangers do besides sending what they signed.
    fn tempt(&self, wallet: &Wallet, payment: &Payment, dice: &mut StdRng) {
        match dice.random_range(0..100) {
            0..4 => {
                self.tell("broadcast by somebody else");
                let _ =
                    self.house.double.chain(|chain| chain.pay(&payment.authorization, &payment.signature));
            }
            4..7 => {
                self.tell("emptied");
                self.house.double.chain(|chain| chain.empty(wallet.address()));
            }
            7..60 => self.house.double.chain(|chain| chain.give(wallet.address(), 3_000_000)),
            _ => {}
        }
    }

    /// A stranger shows what somebody else sent.
    async fn replay(&self, engine: &Engine, id: LeaseId, dice: &mut StdRng) {
        let (body, payment) = {
            let sent = self.sent.lock().unwrap();
            sent[dice.random_range(0..sent.len())].clone()
        };
        self.tell("replayed");
        let same = dice.random_bool(0.5);
        let body = if same { body } else { "something else".to_owned() };
        let before = engine.order_time(id, 30, &buying(&body), Paying::Wallet(payment)).await;
        if let Ok(Bought::Ordered(one)) = &before {
            assert!(one.token.is_none(), "a stranger has a token");
        }
    }

    async fn by_credits(&self, engine: &Engine, wallet: &Wallet, id: LeaseId) {
        if !self.house.credits_of(wallet).await.is_positive() {
            return self.tell("no credits");
        }
        let (payer, purse) = self.house.payer(wallet).await;
        let answer = engine.order_time(id, 10, &buying("credits"), Paying::Credits(payer, purse)).await;
        if answer.is_ok() {
            self.tell("paid with credits");
        }
        self.heard(answer);
    }

    /// The process dies, and another one goes on.
    fn reborn(&self) {
        let sold = lease_options(&self.house.double, &self.house.clock, HASTY);
        let sold = innkeeper_engine::LeaseOptions { terms: terms(), ..sold };
        let options = Options { leases: Some(Arc::new(sold)), ..Options::default() };
        let (db, keys, clock) = (self.house.db.clone(), self.house.keys.clone(), self.house.clock.clone());
        *self.engine.write().unwrap() = Engine::new(db, keys, clock, options);
        self.tell("deaths");
    }
}

fn terms() -> innkeeper_domain::leases::Terms {
    innkeeper_domain::leases::Terms {
        per_wallet: 50,
        grace: Duration::from_hours(2),
        notices: vec![Duration::from_mins(10)],
        ..innkeeper_domain::leases::Terms::default()
    }
}

/// A fault now and then.
fn fate(seed: u64) -> impl FnMut(Call) -> Option<Fault> {
    let mut dice = StdRng::seed_from_u64(seed);
    move |call| {
        let node = call == Call::Node;
        let chance = dice.random_range(0..1000);
        match (chance, node) {
            (0..3, true) | (0..10, false) => Some(Fault::Broken),
            (3..5, true) | (12..25, false) => Some(Fault::AnswerLost),
            (5..7, true) | (95..100, false) => Some(Fault::Garbage),
            (10..12, false) => Some(Fault::Silent),
            (25..27, false) => Some(Fault::AnswerNever),
            (27..45, false) => Some(Fault::LieYes),
            (45..65, false) => Some(Fault::LieNo),
            (65..95, false) => Some(Fault::Pending),
            _ => None,
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Ten thousand in five houses, which can run beside each other.
macro_rules! houses {
    ($($name:ident),+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            thousands_of_histories_add_up().await;
        }
    )+ };
}

houses!(the_first_house, the_second_house, the_third_house, the_fourth_house, the_fifth_house);

async fn thousands_of_histories_add_up() {
    let seed = number("INNKEEPER_CAMPAIGN_SEED", rand::random_range(0..1_000_000));
    let size = usize::try_from(number("INNKEEPER_CAMPAIGN_SIZE", 2_000)).unwrap();
    println!("INNKEEPER_CAMPAIGN_SEED={seed} INNKEEPER_CAMPAIGN_SIZE={size}");
    let begun = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open_with(db, HASTY, |options| options.terms = terms()).await;
    let wallets: Vec<_> = (0..200).map(|_| house.wallet(5)).collect();
    house.double.fate(Some(Box::new(fate(seed))));
    let campaign = Arc::new(Campaign {
        engine: std::sync::RwLock::new(house.engine.clone()),
        house,
        wallets,
        leases: std::sync::Mutex::default(),
        sent: std::sync::Mutex::default(),
        told: std::sync::Mutex::default(),
        tokens: AtomicUsize::new(0),
    });
    let house = &campaign.house;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut number = 0;
    while number < size {
        let mut at_once = JoinSet::new();
        let until = size.min(number + ROUND);
        let dying = dice.random_bool(0.15);
        while number < until {
            if at_once.len() >= AT_ONCE {
                at_once.join_next().await.unwrap().unwrap();
            }
            let (campaign, own) = (Arc::clone(&campaign), StdRng::seed_from_u64(dice.random()));
            at_once.spawn(async move { campaign.history(number, own).await });
            number += 1;
        }
        if dying {
            // Whatever is under way ends where it is.
            at_once.abort_all();
            campaign.reborn();
        }
        while let Some(done) = at_once.join_next().await {
            assert!(done.is_ok() || dying, "{done:?}");
        }
        house.double.chain(crate::chain::Chain::mine);
        house.porter(|verb| verb != Verb::Create || dice.random_bool(0.95)).await;
        house.clock.advance(Duration::from_secs(dice.random_range(1..600)));
        campaign.engine().watch_leases().await.unwrap();
    }
    let sent = begun.elapsed();
    // Everybody is well again, and everything comes to its end: the last lease, too.
    house.double.fate(None);
    for round in 0..40 {
        house.double.chain(crate::chain::Chain::mine);
        house.porter(|_| true).await;
        house.porter(|_| true).await;
        house.clock.advance(if round < 20 { MINUTE * 2 } else { MINUTE * 20 });
        campaign.engine().watch_leases().await.unwrap();
        check_leases(house).await;
    }
    let orders = house.orders().await;
    let mut shown = 0;
    for order in &orders {
        assert!(order.state.is_over(), "{order:#?}");
        let Some(payment) = &order.payment else { continue };
        let used = house.double.chain(|chain| chain.used(payment.payer, payment.nonce, u64::MAX));
        let bought = matches!(order.state, OrderState::Delivered | OrderState::Credited);
        assert_eq!(used.is_some(), bought, "{used:?} {order:#?}");
        shown += used.map_or(0, |used| used.value);
    }
    // What somebody broadcast and nobody ever managed to show us is on the chain alone.
    let came = house.double.chain(|chain| chain.balance(PAY_TO));
    assert_eq!(ledger::audit(&house.db).await.unwrap(), ledger::Audit::default());
    let earned = ledger::house_balance(&house.db, HouseAccount::Leases).await.unwrap().0;
    let mut credited = 0;
    for wallet in &campaign.wallets {
        credited += house.credits_of(wallet).await.0;
    }
    assert_eq!(i128::try_from(shown).unwrap(), i128::from(earned) + i128::from(credited));
    println!("{came} came, {shown} of it shown: {earned} earned, {credited} credited");
    let leases = house.leases().await;
    let bought = orders.iter().filter(|order| matches!(order.goods, Goods::Lease(_)));
    let bought = bought.filter(|order| order.paid_at.is_some()).count();
    assert_eq!(leases.len(), bought, "no lease without an order that was paid");
    assert!(orders.iter().all(|order| order.state != OrderState::Delivered || order.paid_at.is_some()));
    assert!(campaign.tokens.load(Ordering::Relaxed) <= leases.len() + orders.len());
    let tally = house.tally().await;
    println!("{:?}\n{tally:?}", campaign.told.lock().unwrap());
    println!("{} leases; sent in {sent:?}, over in {:?}", leases.len(), begun.elapsed());
}

/// Nothing runs that nobody pays for.
async fn check_leases(house: &House) {
    let leases = house.leases().await;
    let by_instance: BTreeMap<_, _> =
        leases.iter().filter_map(|lease| Some((lease.instance_id?, lease))).collect();
    house.porter(|_| true).await;
    for instance in instances::in_cluster(&house.db, house.cluster).await.unwrap() {
        let lease = by_instance.get(&instance.id).unwrap_or_else(|| panic!("nobody's: {instance:#?}"));
        if lease.state == LeaseState::Expired {
            let idle = !instance.course.runs();
            assert!(idle, "{lease:#?} {instance:#?}");
        }
    }
}
