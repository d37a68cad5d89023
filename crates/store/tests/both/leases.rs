//! Leases, orders, payers and challenges.

use innkeeper_domain::ids::{LeaseId, OrderId, ProjectId};
use innkeeper_domain::leases::{Lease, LeaseState, Room};
use innkeeper_domain::money::Micros;
use innkeeper_domain::orders::{Authorization, Goods, Order, OrderState};
use innkeeper_domain::projects::Project;
use innkeeper_domain::wallets::{Address, Network, Nonce, TxHash};
use innkeeper_store::leases::Filter;
use innkeeper_store::{Db, Error, KeyRing, SealKey, challenges, leases, orders, payers, projects};

use crate::house::{House, NOW, SIZE, at};

const WALLET: Address = Address([7; 20]);

fn lease(house: &House, project_id: ProjectId) -> Lease {
    Lease {
        id: LeaseId::new(),
        project_id,
        instance_id: None,
        wallet: Some(WALLET),
        state: LeaseState::Making,
        name: "web".parse().unwrap(),
        template_id: house.template.id,
        plan_id: Some(house.plan.id),
        size: SIZE,
        hourly: Micros(5_050),
        minutes: 60,
        started_at: None,
        expires_at: None,
        notices: 0,
        created_at: NOW,
        ended_at: None,
        due_at: None,
    }
}

fn room(house: &House) -> Goods {
    Goods::Lease(Room {
        name: "web".parse().unwrap(),
        template_id: house.template.id,
        plan_id: Some(house.plan.id),
        size: SIZE,
        hourly: Micros(5_050),
        minutes: 60,
        ssh_keys: vec![format!("ssh-ed25519 {} ada", "A".repeat(68)).parse().unwrap()],
    })
}

fn authorization(nonce: u8) -> Authorization {
    Authorization {
        network: Network::BASE_SEPOLIA,
        asset: Address([3; 20]),
        payer: WALLET,
        nonce: Nonce([nonce; 32]),
        pay_to: Address([9; 20]),
        // More than a column of 64 bits holds.
        amount: u128::from(u64::MAX) + u128::from(nonce),
        valid_before: at(300),
        from_block: 12_345,
    }
}

fn order(house: &House, nonce: u8) -> Order {
    Order {
        id: OrderId::new(),
        lease_id: LeaseId::new(),
        goods: room(house),
        state: OrderState::Claimed,
        price: Micros(10_050),
        payment: Some(authorization(nonce)),
        buyer: None,
        fingerprint: vec![1, 2, 3],
        key_hash: None,
        token_hash: None,
        transaction: None,
        problem: None,
        created_at: NOW,
        paid_at: None,
        ended_at: None,
        due_at: None,
        tries: 0,
    }
}

async fn project(db: &Db) -> ProjectId {
    let made =
        Project { id: ProjectId::new(), name: "Lease".parse().unwrap(), personal_of: None, created_at: NOW };
    let mut tx = db.begin().await.unwrap();
    projects::insert(&mut tx, &made).await.unwrap();
    tx.commit().await.unwrap();
    made.id
}

async fn add(db: &Db, order: &Order) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    orders::insert(&mut tx, order, None).await?;
    tx.commit().await
}

async fn keep(db: &Db, lease: &Lease, token: Option<&[u8]>) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    leases::insert(&mut tx, lease, token).await?;
    tx.commit().await
}

both! {
    async fn every_field_of_a_lease_reads_back(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0);
        let full = Lease {
            instance_id: Some(instance.id),
            state: LeaseState::Expired,
            started_at: Some(at(1)),
            expires_at: Some(at(2)),
            notices: 2,
            ended_at: Some(at(3)),
            due_at: Some(at(4)),
            ..lease(&house, project(&db).await)
        };
        let bare = Lease { wallet: None, plan_id: None, ..lease(&house, project(&db).await) };
        keep(&db, &full, Some(b"one")).await.unwrap();
        keep(&db, &bare, None).await.unwrap();
        for one in [&full, &bare] {
            assert_eq!(leases::by_id(&db, one.id).await.unwrap().as_ref(), Some(one));
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(leases::of_project(&mut tx, full.project_id).await.unwrap(), Some(full.clone()));
        assert_eq!(leases::of_project(&mut tx, house.project.id).await.unwrap(), None);
        let changed = Lease {
            instance_id: Some(instance.id),
            state: LeaseState::Active,
            plan_id: None,
            size: innkeeper_domain::sizes::Size { cores: 3, memory_mib: 2048, disk_gib: 12 },
            hourly: Micros(7),
            minutes: 90,
            started_at: Some(at(11)),
            expires_at: Some(at(12)),
            notices: 1,
            ended_at: None,
            due_at: Some(at(13)),
            ..full.clone()
        };
        leases::save(&mut tx, &changed).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(leases::by_id(&db, full.id).await.unwrap(), Some(changed));
        assert_eq!(leases::by_id(&db, bare.id).await.unwrap(), Some(bare));
        assert_eq!(leases::by_id(&db, LeaseId::new()).await.unwrap(), None);
    }

    async fn a_lease_is_held_by_its_last_token(db: Db) {
        let house = House::build(&db).await;
        let one = lease(&house, project(&db).await);
        keep(&db, &one, Some(b"old")).await.unwrap();
        assert_eq!(leases::by_token(&db, b"old").await.unwrap().unwrap().id, one.id);
        let mut tx = db.begin().await.unwrap();
        leases::set_token(&mut tx, one.id, b"new").await.unwrap();
        tx.commit().await.unwrap();
        assert!(leases::by_token(&db, b"old").await.unwrap().is_none());
        assert_eq!(leases::by_token(&db, b"new").await.unwrap().unwrap().id, one.id);
        // No two leases by one token, in one project, or with one instance.
        let other = lease(&house, project(&db).await);
        assert!(keep(&db, &other, Some(b"new")).await.is_err());
        assert!(keep(&db, &lease(&house, one.project_id), None).await.is_err());
    }

    async fn leases_are_listed_newest_first_by_wallet_project_and_state(db: Db) {
        let house = House::build(&db).await;
        let mut made = Vec::new();
        for n in 0..4_u8 {
            let wallet = if n < 2 { Some(WALLET) } else { None };
            let state = if n % 2 == 0 { LeaseState::Active } else { LeaseState::Ended };
            let one = Lease { wallet, state, ..lease(&house, project(&db).await) };
            keep(&db, &one, None).await.unwrap();
            made.push(one);
        }
        let ids = async |filter: Filter, after, limit| {
            let found = leases::list(&db, &filter, after, limit).await.unwrap();
            found.iter().map(|lease| made.iter().position(|one| one.id == lease.id).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(ids(Filter::default(), None, 10).await, [3, 2, 1, 0]);
        assert_eq!(ids(Filter::default(), Some(made[2].id), 1).await, [1]);
        assert_eq!(ids(Filter { wallet: Some(WALLET), ..Filter::default() }, None, 10).await, [1, 0]);
        assert_eq!(ids(Filter { state: Some(LeaseState::Active), ..Filter::default() }, None, 10).await, [2, 0]);
        let of = |list: Vec<ProjectId>| Filter { project_ids: Some(list), ..Filter::default() };
        assert_eq!(ids(of(vec![made[0].project_id, made[3].project_id]), None, 10).await, [3, 0]);
        assert!(ids(of(Vec::new()), None, 10).await.is_empty());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(orders::count_of_wallet(&mut tx, WALLET).await.unwrap(), 1);
    }

    async fn every_field_of_an_order_reads_back(db: Db) {
        let house = House::build(&db).await;
        let bare = order(&house, 1);
        let full = Order {
            goods: Goods::Time { minutes: 30, hourly: Micros(600) },
            state: OrderState::Paid,
            key_hash: Some(vec![4]),
            token_hash: Some(vec![5]),
            transaction: Some(TxHash([6; 32])),
            problem: Some("wait".into()),
            paid_at: Some(at(1)),
            ended_at: Some(at(2)),
            due_at: Some(at(3)),
            tries: 4,
            ..order(&house, 2)
        };
        let by_credits = Order {
            goods: Goods::Call { what: "exec".into() },
            payment: None,
            buyer: Some(house.project.id),
            ..order(&house, 3)
        };
        for one in [&bare, &full, &by_credits] {
            add(&db, one).await.unwrap();
            assert_eq!(orders::by_id(&db, one.id).await.unwrap().as_ref(), Some(one));
        }
        let a = authorization(2);
        let found = orders::by_payment(&db, a.network, a.asset, a.payer, a.nonce).await.unwrap();
        assert_eq!(found, Some(full.clone()));
        assert_eq!(orders::by_payment(&db, Network::BASE, a.asset, a.payer, a.nonce).await.unwrap(), None);
        assert_eq!(orders::by_key(&db, &[4]).await.unwrap(), Some(full.clone()));
        assert_eq!(orders::by_key(&db, &[5]).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(orders::by_key_tx(&mut tx, &[4]).await.unwrap(), Some(full.clone()));
        let changed = Order {
            state: OrderState::Credited,
            key_hash: None,
            token_hash: None,
            transaction: None,
            problem: None,
            paid_at: Some(at(5)),
            ended_at: Some(at(6)),
            due_at: None,
            tries: 9,
            ..full.clone()
        };
        orders::save(&mut tx, &changed).await.unwrap();
        assert_eq!(orders::by_id_tx(&mut tx, full.id).await.unwrap(), Some(changed.clone()));
        tx.commit().await.unwrap();
        assert_eq!(orders::of_lease(&db, full.lease_id).await.unwrap(), [changed.clone()]);
        assert_eq!(orders::list(&db, None, None, 10).await.unwrap(), [by_credits.clone(), changed.clone(), bare.clone()]);
        assert_eq!(orders::list(&db, Some(OrderState::Claimed), None, 10).await.unwrap(), [by_credits.clone(), bare.clone()]);
        assert_eq!(orders::list(&db, None, Some(changed.id), 10).await.unwrap(), [bare]);
    }

    async fn one_authorization_pays_for_one_order_and_one_key_is_one_order(db: Db) {
        let house = House::build(&db).await;
        add(&db, &Order { key_hash: Some(vec![4]), ..order(&house, 1) }).await.unwrap();
        let again = add(&db, &order(&house, 1)).await;
        assert!(matches!(again, Err(Error::Conflict("payment"))), "{again:?}");
        let again = add(&db, &Order { key_hash: Some(vec![4]), ..order(&house, 2) }).await;
        assert!(matches!(again, Err(Error::Conflict("key"))), "{again:?}");
        let other = Order { key_hash: Some(vec![5]), ..order(&house, 2) };
        add(&db, &other).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let taken = orders::save(&mut tx, &Order { key_hash: Some(vec![4]), ..other }).await;
        assert!(matches!(taken, Err(Error::Conflict("key"))), "{taken:?}");
        drop(tx);
        // Any of what tells authorizations apart does.
        for (n, change) in (3_u8..).zip([
            |a: &mut Authorization| a.network = Network::BASE,
            |a: &mut Authorization| a.asset = Address([4; 20]),
            |a: &mut Authorization| a.payer = Address([8; 20]),
        ]) {
            let mut one = order(&house, 1);
            change(one.payment.as_mut().unwrap());
            assert!(add(&db, &one).await.is_ok(), "{n}");
        }
        // Somebody must pay, and one only.
        assert!(add(&db, &Order { payment: None, ..order(&house, 9) }).await.is_err());
        assert!(add(&db, &Order { buyer: Some(house.project.id), ..order(&house, 9) }).await.is_err());
    }

    async fn a_hundred_claims_of_one_authorization_are_one(db: Db) {
        let house = House::build(&db).await;
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (db, one) = (db.clone(), order(&house, 1));
            at_once.spawn(async move { add(&db, &one).await.is_ok() });
        }
        assert_eq!(at_once.join_all().await.into_iter().filter(|done| *done).count(), 1);
    }

    async fn what_is_entrusted_for_an_order_is_forgotten_when_it_is_over(db: Db) {
        let house = House::build(&db).await;
        let ring = KeyRing::new(SealKey::generate(), Vec::new());
        let sealed = ring.seal(b"signature", "orders/secret/x");
        let mut one = order(&house, 1);
        let mut tx = db.begin().await.unwrap();
        orders::insert(&mut tx, &one, Some(&sealed)).await.unwrap();
        tx.commit().await.unwrap();
        for state in [OrderState::Refused, OrderState::Settling, OrderState::Paid] {
            one.state = state;
            let mut tx = db.begin().await.unwrap();
            orders::save(&mut tx, &one).await.unwrap();
            tx.commit().await.unwrap();
            let kept = orders::secret(&db, one.id).await.unwrap().unwrap();
            assert_eq!(ring.open(&kept, "orders/secret/x").unwrap().as_slice(), b"signature");
        }
        one.state = OrderState::Delivered;
        let mut tx = db.begin().await.unwrap();
        orders::save(&mut tx, &one).await.unwrap();
        tx.commit().await.unwrap();
        assert!(orders::secret(&db, one.id).await.unwrap().is_none());
        assert!(orders::secret(&db, OrderId::new()).await.unwrap().is_none());
    }

    async fn what_is_due_is_claimed_by_one_at_a_time(db: Db) {
        let house = House::build(&db).await;
        assert_eq!(orders::next_due(&db).await.unwrap(), None);
        let mut ids = Vec::new();
        for n in 0..3_u8 {
            let one = Order { due_at: Some(at(i64::from(n))), ..order(&house, n) };
            add(&db, &one).await.unwrap();
            ids.push(one.id);
        }
        add(&db, &order(&house, 9)).await.unwrap();
        let held = Lease { due_at: Some(at(-5)), ..lease(&house, project(&db).await) };
        keep(&db, &held, None).await.unwrap();
        assert_eq!(orders::next_due(&db).await.unwrap(), Some(at(-5)));
        let mut tx = db.begin().await.unwrap();
        let mut first = orders::claim_due(&mut tx, at(1), at(60), 1).await.unwrap();
        assert_eq!(first, [ids[0]], "the longest due first");
        first.extend(orders::claim_due(&mut tx, at(1), at(60), 10).await.unwrap());
        assert_eq!(first, [ids[0], ids[1]]);
        assert!(orders::claim_due(&mut tx, at(1), at(60), 10).await.unwrap().is_empty());
        assert_eq!(leases::claim_due(&mut tx, at(1), at(60), 10).await.unwrap(), [held.id]);
        assert!(leases::claim_due(&mut tx, at(1), at(60), 10).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        assert_eq!(orders::next_due(&db).await.unwrap(), Some(at(2)));
        let mut tx = db.begin().await.unwrap();
        let mut again = orders::claim_due(&mut tx, at(60), at(120), 10).await.unwrap();
        again.sort_unstable();
        assert_eq!(again, ids, "whoever died over them is followed by another");
        assert_eq!(leases::claim_due(&mut tx, at(60), at(120), 10).await.unwrap(), [held.id]);
    }

    async fn a_wallet_has_what_it_holds_and_what_it_is_buying(db: Db) {
        let house = House::build(&db).await;
        for state in [LeaseState::Making, LeaseState::Active, LeaseState::Expired, LeaseState::Ending, LeaseState::Ended, LeaseState::Failed] {
            keep(&db, &Lease { state, ..lease(&house, project(&db).await) }, None).await.unwrap();
        }
        let settling = Order { state: OrderState::Settling, ..order(&house, 1) };
        let time = Order { goods: Goods::Time { minutes: 5, hourly: Micros(600) }, ..Order { state: OrderState::Settling, ..order(&house, 2) } };
        for one in [&settling, &time, &order(&house, 3)] {
            add(&db, one).await.unwrap();
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(orders::count_of_wallet(&mut tx, WALLET).await.unwrap(), 5);
        assert_eq!(orders::count_of_wallet(&mut tx, Address([8; 20])).await.unwrap(), 0);
        assert_eq!(orders::open_of_lease(&mut tx, settling.lease_id).await.unwrap(), 1);
        assert_eq!(orders::open_of_lease(&mut tx, LeaseId::new()).await.unwrap(), 0);
    }

    async fn only_what_was_never_paid_is_forgotten(db: Db) {
        let house = House::build(&db).await;
        for (n, state) in [OrderState::Lapsed, OrderState::Delivered, OrderState::Credited].into_iter().enumerate() {
            let nonce = u8::try_from(n).unwrap();
            add(&db, &Order { state, ended_at: Some(at(0)), ..order(&house, nonce) }).await.unwrap();
        }
        add(&db, &Order { state: OrderState::Lapsed, ended_at: Some(at(10)), ..order(&house, 9) }).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(orders::prune(&mut tx, at(5)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(orders::list(&db, None, None, 10).await.unwrap().len(), 3);
    }

    async fn a_wallet_has_one_purse(db: Db) {
        let (one, other) = (project(&db).await, project(&db).await);
        assert_eq!(payers::project_of(&db, WALLET).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        assert!(payers::insert(&mut tx, WALLET, one, NOW).await.unwrap());
        assert!(!payers::insert(&mut tx, WALLET, other, NOW).await.unwrap());
        assert_eq!(payers::project_of_tx(&mut tx, WALLET).await.unwrap(), Some(one));
        tx.commit().await.unwrap();
        assert_eq!(payers::project_of(&db, WALLET).await.unwrap(), Some(one));
    }

    async fn a_challenge_is_good_once_and_for_a_while(db: Db) {
        let mut tx = db.begin().await.unwrap();
        for nonce in [&b"one"[..], b"two", b"old"] {
            let until = if nonce == b"old" { at(1) } else { at(60) };
            challenges::insert(&mut tx, nonce, until).await.unwrap();
        }
        tx.commit().await.unwrap();
        let redeem = async |nonce: &[u8], now| {
            let mut tx = db.begin().await.unwrap();
            let good = challenges::redeem(&mut tx, nonce, now).await.unwrap();
            tx.commit().await.unwrap();
            good
        };
        assert!(redeem(b"one", at(59)).await && !redeem(b"one", at(59)).await);
        assert!(!redeem(b"two", at(60)).await && !redeem(b"none", at(0)).await);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(challenges::prune(&mut tx, at(1)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert!(redeem(b"two", at(2)).await && !redeem(b"old", at(0)).await);
    }
}
