//! The life of a lease: renewals, expiry, removal, giving up, and what is bought with credits.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::leases::LeaseState;
use innkeeper_domain::money::Micros;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::orders::OrderState;
use innkeeper_engine::{Bought, Holding, Paying, WantedSize};
use tokio::task::JoinSet;

use crate::double::{Call, Fault};
use crate::house::{HOUR, House, MINUTE, PATIENT, buying, code, demanded, ordered, small};

fn after(lease: &innkeeper_domain::leases::Lease, minutes: u64) -> innkeeper_domain::time::Timestamp {
    lease.expires_at.unwrap().after(Duration::from_secs(minutes * 60))
}

both! {
    async fn twenty_renewals_at_once_by_different_wallets_all_count(db: Db) {
        let house = House::open(db).await;
        let buyer = house.wallet(100);
        let (lease, _) = house.lease(&buyer, 60).await;
        let mut wallets: Vec<_> = (0..20).map(|_| house.wallet(1)).collect();
        let mut at_once = JoinSet::new();
        for wallet in &wallets {
            let (house, wallet, id) = (house.clone(), wallet.clone(), lease.id);
            at_once.spawn(async move { house.renew(&wallet, id, 30).await });
        }
        for one in at_once.join_all().await {
            assert_eq!(ordered(one.unwrap()).order.state, OrderState::Delivered);
        }
        assert_eq!(house.held(lease.id).await.expires_at, Some(after(&lease, 20 * 30)));
        wallets.push(buyer);
        house.all_accounted_for(&wallets).await;
    }

    async fn time_bought_for_a_lease_that_is_being_made_counts_or_is_credited(db: Db) {
        let house = House::open(db).await;
        let (one, other) = (house.wallet(100), house.wallet(100));
        for works in [true, false] {
            let new = house.room(60);
            let payment = house.pay(&one, &house.asked(&new).await);
            let bought = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
            let bought = ordered(bought.unwrap());
            let time = ordered(house.renew(&other, bought.order.lease_id, 30).await.unwrap());
            house.porter(|_| works).await;
            house.rest().await;
            let lease = house.held(bought.order.lease_id).await;
            let (order, more) = (house.order(bought.order.id).await, house.order(time.order.id).await);
            if works {
                assert_eq!((order.state, more.state), (OrderState::Delivered, OrderState::Delivered));
                assert_eq!(lease.expires_at, Some(lease.started_at.unwrap().after(MINUTE * 90)));
            } else {
                assert_eq!((order.state, more.state), (OrderState::Credited, OrderState::Credited));
                assert_eq!(house.credits_of(&one).await, order.price);
                assert_eq!(house.credits_of(&other).await, more.price);
            }
        }
        house.all_accounted_for(&[one, other]).await;
    }

    async fn one_that_cannot_be_made_is_credited_once_and_its_guest_removed(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let bought = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment.clone())).await;
        let one = ordered(bought.unwrap());
        house.porter(|_| false).await;
        for _ in 0..5 {
            house.later(MINUTE).await;
            house.porter(|_| true).await;
        }
        assert_eq!(house.order(one.order.id).await.state, OrderState::Credited);
        assert_eq!(house.credits_of(&wallet).await, one.order.price);
        let lease = house.held(one.order.lease_id).await;
        assert!(lease.state == LeaseState::Failed && lease.ended_at.is_some());
        assert_eq!(house.instances().await, 0);
        // The same payment again says so, and nothing more.
        let more = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        assert_eq!(ordered(more.unwrap()).order.state, OrderState::Credited);
        assert_eq!(house.credits_of(&wallet).await, one.order.price);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn an_expired_lease_is_stopped_and_only_a_renewal_starts_it(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 60).await;
        assert!(house.is_running(&lease).await);
        house.later(HOUR + MINUTE).await;
        assert_eq!(house.held(lease.id).await.state, LeaseState::Expired);
        house.porter(|_| true).await;
        house.porter(|_| true).await;
        assert!(!house.is_running(&lease).await);
        let (_, holder) = house.engine.held_lease(lease.id, &Holding::Token(bought.token.unwrap(), None)).await.unwrap();
        for actor in [holder, Actor::house()] {
            for verb in [Verb::Start, Verb::Reboot] {
                let asked = house.engine.change_instance(&actor, lease.instance_id.unwrap(), verb, None).await;
                assert!(asked.is_err(), "{verb}: {asked:?}");
            }
        }
        house.later(HOUR).await;
        assert!(!house.is_running(&lease).await);
        // Whoever renews it, what was not there costs nothing.
        let other = house.wallet(1);
        let now = house.clock.now();
        let time = ordered(house.renew(&other, lease.id, 30).await.unwrap());
        assert_eq!(time.order.state, OrderState::Delivered);
        let renewed = house.held(lease.id).await;
        assert_eq!((renewed.state, renewed.expires_at), (LeaseState::Active, Some(now.after(MINUTE * 30))));
        house.porter(|_| true).await;
        house.porter(|_| true).await;
        assert!(house.is_running(&lease).await);
        house.all_accounted_for(&[wallet, other]).await;
    }

    async fn when_its_grace_is_over_it_is_removed_and_nothing_is_left(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, _) = house.lease(&wallet, 60).await;
        house.later(HOUR * 2).await;
        house.porter(|_| true).await;
        house.later(HOUR * 20).await;
        house.porter(|_| true).await;
        assert_eq!((house.held(lease.id).await.state, house.instances().await), (LeaseState::Expired, 1));
        for _ in 0..4 {
            house.later(HOUR).await;
            house.porter(|_| true).await;
        }
        house.later(MINUTE).await;
        assert_eq!((house.held(lease.id).await.state, house.instances().await), (LeaseState::Ended, 0));
        assert!(!house.project_is_there(lease.project_id).await, "an empty project that nobody has is in everybody's way");
        assert_eq!(code(house.renew(&wallet, lease.id, 30).await), "lease_over");
        assert_eq!(house.held(lease.id).await.due_at, None);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_renewal_that_comes_too_late_is_credited(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 60).await;
        house.double.next(Call::Settle, Fault::Pending);
        let time = ordered(house.renew(&wallet, lease.id, 30).await.unwrap());
        assert_eq!(time.order.state, OrderState::Settling);
        let by = Holding::Token(bought.token.unwrap(), None);
        assert_eq!(house.engine.end_lease(lease.id, &by).await.unwrap().state, LeaseState::Ending);
        house.double.chain(crate::chain::Chain::mine);
        house.later(MINUTE).await;
        assert_eq!(house.order(time.order.id).await.state, OrderState::Credited);
        assert_eq!(house.credits_of(&wallet).await, time.order.price);
        house.porter(|_| true).await;
        house.later(MINUTE).await;
        assert_eq!((house.held(lease.id).await.state, house.instances().await), (LeaseState::Ended, 0));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_lease_that_somebody_is_paying_for_is_not_removed_meanwhile(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, _) = house.lease(&wallet, 60).await;
        house.later(HOUR + MINUTE).await;
        let over = house.held(lease.id).await.expires_at.unwrap().after(HOUR * 24);
        house.later(over.before(MINUTE).since(house.clock.now())).await;
        house.double.fate(Some(Box::new(|call| (call == Call::Settle).then_some(Fault::Pending))));
        let time = ordered(house.renew(&wallet, lease.id, 30).await.unwrap());
        // The grace is over before the block comes.
        house.later(MINUTE * 2).await;
        house.later(MINUTE).await;
        assert_eq!(house.held(lease.id).await.state, LeaseState::Expired);
        assert_eq!(house.order(time.order.id).await.state, OrderState::Settling);
        house.double.chain(crate::chain::Chain::mine);
        house.later(MINUTE * 5).await;
        assert_eq!(house.held(lease.id).await.state, LeaseState::Active);
        assert_eq!(house.order(time.order.id).await.state, OrderState::Delivered);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn given_up_early_it_is_gone_and_nothing_is_paid_back(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 600).await;
        let by = Holding::Token(bought.token.unwrap(), None);
        for _ in 0..2 {
            house.engine.end_lease(lease.id, &by).await.unwrap();
        }
        house.porter(|_| true).await;
        house.later(MINUTE).await;
        assert_eq!((house.held(lease.id).await.state, house.instances().await), (LeaseState::Ended, 0));
        assert_eq!(house.credits_of(&wallet).await, Micros::ZERO);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn another_size_keeps_the_value_of_what_is_left(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 600).await;
        let by = Holding::Token(bought.token.unwrap(), None);
        let worth = |lease: &innkeeper_domain::leases::Lease, now| {
            lease.expires_at.unwrap().since(now).as_micros() * lease.hourly.0 as u128
        };
        house.later(HOUR).await;
        let now = house.clock.now();
        let before = worth(&house.held(lease.id).await, now);
        let twice = innkeeper_domain::sizes::Size { cores: 2, memory_mib: 1024, ..small() };
        let resized = house.engine.resize_lease(lease.id, &by, WantedSize::Custom(twice)).await.unwrap();
        assert!(resized.hourly > lease.hourly && resized.expires_at < lease.expires_at);
        assert!(before - worth(&resized, now) < resized.hourly.0 as u128, "to the microsecond");
        // Not while it is at work, and not what is not leased.
        let busy = house.engine.resize_lease(lease.id, &by, WantedSize::Custom(small())).await;
        assert!(matches!(busy, Err(innkeeper_engine::Error::Busy(_))), "{busy:?}");
        house.porter(|_| true).await;
        let huge = innkeeper_domain::sizes::Size { cores: 8, ..small() };
        assert!(house.engine.resize_lease(lease.id, &by, WantedSize::Custom(huge)).await.is_err());
        let back = house.engine.resize_lease(lease.id, &by, WantedSize::Custom(small())).await.unwrap();
        assert_eq!(back.hourly, lease.hourly);
        assert!(before - worth(&back, now) < 2 * resized.hourly.0 as u128);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn time_that_was_bought_for_a_small_one_does_not_last_as_long_for_a_large_one(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 60).await;
        let by = Holding::Token(bought.token.unwrap(), None);
        house.double.fate(Some(Box::new(|call| (call == Call::Settle).then_some(Fault::Pending))));
        let time = ordered(house.renew(&wallet, lease.id, 6_000).await.unwrap());
        assert_eq!(house.order(time.order.id).await.state, OrderState::Settling);
        let large = innkeeper_domain::sizes::Size { cores: 2, memory_mib: 1024, ..small() };
        let resized = house.engine.resize_lease(lease.id, &by, WantedSize::Custom(large)).await.unwrap();
        house.porter(|_| true).await;
        house.double.chain(crate::chain::Chain::mine);
        house.later(MINUTE * 5).await;
        assert_eq!(house.order(time.order.id).await.state, OrderState::Delivered);
        let got = house.held(lease.id).await.expires_at.unwrap().since(resized.expires_at.unwrap());
        let (paid, worth) = (
            u128::from(6_000_u32) * 60_000_000 * lease.hourly.0 as u128,
            got.as_micros() * resized.hourly.0 as u128,
        );
        assert!(worth <= paid && paid - worth < resized.hourly.0 as u128, "{worth} of {paid}");
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_size_that_cannot_be_had_is_not_paid_for(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 600).await;
        let by = Holding::Token(bought.token.unwrap(), None);
        let large = innkeeper_domain::sizes::Size { cores: 2, memory_mib: 1024, ..small() };
        let resized = house.engine.resize_lease(lease.id, &by, WantedSize::Custom(large)).await.unwrap();
        assert!(resized.hourly > lease.hourly);
        house.porter(|verb| verb != Verb::Resize).await;
        house.later(MINUTE).await;
        let back = house.held(lease.id).await;
        assert_eq!((back.size, back.hourly), (lease.size, lease.hourly));
        // All but what the minute cost meanwhile.
        let lost = lease.expires_at.unwrap().since(back.expires_at.unwrap());
        assert!(lost < HOUR, "{lost:?}");
        house.all_accounted_for(&[wallet]).await;
    }

    async fn whoever_stops_it_at_once_does_not_keep_its_time_from_beginning(db: Db) {
        let house = House::open(db).await;
        let (actor, project) = house.person("zoe", 10).await;
        let bought = ordered(house.by_credits(&actor, project, "one").await.unwrap());
        house.porter(|_| true).await;
        let instance = house.held(bought.order.lease_id).await.instance_id.unwrap();
        house.engine.change_instance(&Actor::house(), instance, Verb::Stop, None).await.unwrap();
        house.later(Duration::from_secs(16)).await;
        let lease = house.held(bought.order.lease_id).await;
        assert_eq!(lease.state, LeaseState::Active);
        assert!(lease.expires_at.is_some());
    }

    async fn whoever_something_stands_against_pays_and_does_not_rent(db: Db) {
        let house = House::open(db).await;
        let (actor, project) = house.person("zoe", 10).await;
        let suspended = Actor { standing: innkeeper_domain::users::Standing::Suspended, ..actor.clone() };
        let refused = house.by_credits(&suspended, project, "one").await;
        assert!(matches!(refused, Err(innkeeper_engine::Error::Forbidden(_))), "{refused:?}");
        assert_eq!(house.instances().await, 0);
        // What they have they may keep paying for.
        let bought = ordered(house.by_credits(&actor, project, "one").await.unwrap());
        house.rest().await;
        let paying = Paying::Credits(suspended, project);
        let time = house.engine.order_time(bought.order.lease_id, 60, &buying("renew"), paying).await;
        assert_eq!(ordered(time.unwrap()).order.state, OrderState::Delivered);
    }

    async fn credits_of_a_project_and_of_a_wallet_buy_leases_too(db: Db) {
        let house = House::open(db).await;
        let (actor, project) = house.person("zoe", 10).await;
        let bought = ordered(house.by_credits(&actor, project, "one").await.unwrap());
        assert!(bought.token.is_some());
        house.rest().await;
        assert_eq!(house.order(bought.order.id).await.state, OrderState::Delivered);
        // Hers it is, too.
        let (lease, _) = house.engine.held_lease(bought.order.lease_id, &Holding::Token(bought.token.unwrap(), None)).await.unwrap();
        assert_eq!((lease.wallet, lease.state), (None, LeaseState::Active));
        // A wallet that has credits, since what it paid could not be made.
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await.unwrap();
        house.porter(|_| false).await;
        house.rest().await;
        let credits = house.credits_of(&wallet).await;
        assert!(credits.is_positive());
        let (payer, purse) = house.payer(&wallet).await;
        let other = house.by_credits(&actor, purse, "two").await;
        assert!(other.is_err(), "nobody else's: {other:?}");
        let again = ordered(house.by_credits(&payer, purse, "three").await.unwrap());
        house.rest().await;
        assert_eq!(house.order(again.order.id).await.state, OrderState::Delivered);
        assert_eq!(house.credits_of(&wallet).await, Micros::ZERO);
        // It is the wallet's, as if it had paid on the chain.
        let by = Holding::Wallet(wallet.address(), None);
        let (own, _) = house.engine.held_lease(again.order.lease_id, &by).await.unwrap();
        assert_eq!(own.wallet, Some(wallet.address()));
        // There is nothing left to buy a second one with.
        assert!(house.by_credits(&payer, purse, "four").await.is_err());
        house.adds_up().await;
    }

    async fn paid_by_credits_and_not_made_they_are_given_back_once(db: Db) {
        let house = House::open(db).await;
        let (actor, project) = house.person("zoe", 10).await;
        let bought = ordered(house.by_credits(&actor, project, "one").await.unwrap());
        house.porter(|_| false).await;
        house.rest().await;
        assert_eq!(house.order(bought.order.id).await.state, OrderState::Credited);
        let purses = innkeeper_store::ledger::purses(&house.db, project).await.unwrap();
        assert_eq!(purses.wallet, Micros::CREDIT.times(10).unwrap());
        house.adds_up().await;
    }

    async fn one_purse_does_not_pay_twice_however_many_ask(db: Db) {
        let house = House::open(db).await;
        let (actor, project) = house.person("zoe", 0).await;
        let price = house.asked(&house.room(60)).await.price;
        let gift = innkeeper_engine::Adjustment { amount: price.times(3).unwrap(), correction: false, reason: "three".into() };
        house.engine.post_adjustment(&Actor::house(), project, gift, None).await.unwrap();
        let mut at_once = JoinSet::new();
        for n in 0..20 {
            let (house, actor) = (house.clone(), actor.clone());
            at_once.spawn(async move { house.by_credits(&actor, project, &format!("one-{n}")).await });
        }
        let made = at_once.join_all().await.into_iter().filter(|one| matches!(one, Ok(Bought::Ordered(_)))).count();
        assert_eq!(made, 3);
        house.rest().await;
        assert_eq!((house.tally().await.get("delivered"), house.instances().await), (Some(&3), 3));
        house.adds_up().await;
    }

    async fn a_wallet_has_no_more_leases_at_once_than_it_may_however_many_it_orders(db: Db) {
        let house = House::open_with(db, PATIENT, |options| options.terms.per_wallet = 3).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let asked = house.asked(&new).await;
        let mut at_once = JoinSet::new();
        for _ in 0..20 {
            let (house, new, payment) = (house.clone(), new.clone(), house.pay(&wallet, &asked));
            at_once.spawn(async move {
                house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await
            });
        }
        let (mut made, mut refused) = (0, 0);
        for one in at_once.join_all().await {
            match one {
                Ok(bought) => {
                    ordered(bought);
                    made += 1;
                }
                Err(error) => {
                    assert_eq!(code::<()>(Err(error)), "too_many_leases");
                    refused += 1;
                }
            }
        }
        assert_eq!((made, refused, house.double.calls(Call::Settle)), (3, 17, 3));
        house.rest().await;
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_token_opens_its_own_lease_and_a_new_one_ends_the_old(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (one, first) = house.lease(&wallet, 60).await;
        let (other, second) = house.lease(&wallet, 60).await;
        let (first, second) = (first.token.unwrap(), second.token.unwrap());
        let by = |token: &secrecy::SecretString| Holding::Token(token.clone(), None);
        assert!(house.engine.held_lease(one.id, &by(&first)).await.is_ok());
        assert_eq!(code(house.engine.held_lease(other.id, &by(&first)).await), "lease");
        assert_eq!(code(house.engine.end_lease(one.id, &by(&second)).await), "lease");
        let stranger = Holding::Wallet(house.wallet(1).address(), None);
        assert_eq!(code(house.engine.held_lease(one.id, &stranger).await), "lease");
        let fresh = house.engine.renew_lease_token(one.id, &Holding::Wallet(wallet.address(), None)).await.unwrap();
        assert_eq!(code(house.engine.held_lease(one.id, &by(&first)).await), "lease");
        assert!(house.engine.held_lease(one.id, &by(&fresh)).await.is_ok());
        assert!(house.engine.held_lease(other.id, &by(&second)).await.is_ok());
        let mine = house.engine.leases(&by(&fresh), None, None, 10).await.unwrap();
        assert_eq!(mine.iter().map(|lease| lease.id).collect::<Vec<_>>(), [one.id]);
    }

    async fn a_claimed_lease_is_changed_as_a_lease_and_not_around_it(db: Db) {
        use innkeeper_engine::{DiskChange, DiskWanted, Fittings, InstanceUpdate, NewInstance, NicChange};
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let (lease, bought) = house.lease(&wallet, 60).await;
        let (actor, _) = house.person("zoe", 100).await;
        house.engine.claim_lease(&actor, lease.id, &Holding::Token(bought.token.unwrap(), None)).await.unwrap();
        let owner = innkeeper_domain::projects::Membership::Owner;
        let actor = Actor { memberships: vec![(lease.project_id, owner)], ..actor };
        let instance = lease.instance_id.unwrap();
        let new = NewInstance {
            project_id: Some(lease.project_id),
            name: "more".parse().unwrap(),
            template_id: house.template,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings::default(),
        };
        assert_eq!(code(house.engine.create_instance(&actor, new, None).await), "leased");
        let twice = innkeeper_domain::sizes::Size { cores: 2, ..small() };
        let resized = house.engine.resize_instance(&actor, instance, WantedSize::Custom(twice), None).await;
        assert_eq!(code(resized), "leased");
        let disk = DiskChange::Add(DiskWanted { size_gib: 8, path: Some("/data".parse().unwrap()), bus: None });
        let disks = house.engine.change_disks(&actor, instance, disk, None).await;
        assert_eq!(code(disks), "leased");
        // The walls of a stranger's container, and what it is plugged into, are the house's.
        let open = innkeeper_engine::Egress::Open.firewall();
        let walls = InstanceUpdate { firewall: Some(open), ..InstanceUpdate::default() };
        assert_eq!(code(house.engine.update_instance(&actor, instance, walls, None).await), "leased");
        let unplugged = InstanceUpdate { nics: Some(NicChange::Remove(0)), ..InstanceUpdate::default() };
        assert_eq!(code(house.engine.update_instance(&actor, instance, unplugged, None).await), "leased");
        assert_eq!(house.instances().await, 1);
    }

    async fn renewals_have_bounds(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(1000);
        let (lease, _) = house.lease(&wallet, 60).await;
        for minutes in [0, 9, 60 * 24 * 31, u32::MAX] {
            assert_eq!(code(house.renew(&wallet, lease.id, minutes).await), "minutes", "{minutes}");
        }
        for _ in 0..2 {
            ordered(house.renew(&wallet, lease.id, 60 * 24 * 30).await.unwrap());
        }
        let asked = house.engine.order_time(lease.id, 60 * 24 * 30, &buying("renew"), Paying::Nothing).await;
        assert_eq!(code(asked), "minutes", "no further ahead than the horizon");
        let gone = house.engine.order_time(innkeeper_domain::ids::LeaseId::new(), 60, &buying("renew"), Paying::Nothing).await;
        assert_eq!(code(gone), "lease");
        demanded(house.engine.order_time(lease.id, 60, &buying("renew"), Paying::Nothing).await.unwrap());
    }
}
