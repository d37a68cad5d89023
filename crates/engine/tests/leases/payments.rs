//! One payment, one order: copies, thieves, and everybody who does not answer.

use std::time::Duration;

use innkeeper_connectors::x402::{Atomic, Payment, Version};
use innkeeper_domain::money::Micros;
use innkeeper_domain::orders::OrderState;
use innkeeper_engine::{Bought, Paying};
use tokio::task::JoinSet;

use crate::double::{Call, Fault};
use crate::house::{HOUR, House, MINUTE, PAY_TO, buying, code, demanded, furnish_node, keyed, ordered};

/// As the header of the second generation brings it.
fn again(payment: &Payment) -> Payment {
    use secrecy::ExposeSecret as _;
    Payment::from_v2(payment.header().expose_secret()).unwrap()
}

/// What anybody can build from the calldata of a settlement.
fn stolen(payment: &Payment) -> Payment {
    Payment { resource: None, extensions: serde_json::Map::new(), ..again(payment) }
}

both! {
    async fn a_hundred_copies_of_one_payment_make_one_lease(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let mut copies = JoinSet::new();
        for _ in 0..100 {
            let (house, new, payment) = (house.clone(), new.clone(), again(&payment));
            copies.spawn(async move {
                house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await
            });
        }
        let answers: Vec<_> = copies.join_all().await.into_iter().map(|one| ordered(one.unwrap())).collect();
        let tokens = answers.iter().filter(|one| one.token.is_some()).count();
        let fresh = answers.iter().filter(|one| one.fresh).count();
        assert_eq!((tokens, fresh), (1, 1));
        assert!(answers.iter().all(|one| one.order.id == answers[0].order.id));
        house.rest().await;
        assert_eq!((house.orders().await.len(), house.leases().await.len(), house.instances().await), (1, 1, 1));
        assert_eq!((house.double.calls(Call::Settle), house.order(answers[0].order.id).await.state), (1, OrderState::Delivered));
        let price = u128::from(house.orders().await[0].price.0.unsigned_abs());
        assert_eq!(house.double.chain(|chain| chain.balance(PAY_TO)), price);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_hundred_buyers_at_once_each_get_theirs(db: Db) {
        let house = House::open(db).await;
        let wallets: Vec<_> = (0..100).map(|_| house.wallet(1)).collect();
        let new = house.room(60);
        let asked = house.asked(&new).await;
        let mut buyers = JoinSet::new();
        for wallet in &wallets {
            let (house, new, payment) = (house.clone(), new.clone(), house.pay(wallet, &asked));
            buyers.spawn(async move {
                house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await
            });
        }
        for one in buyers.join_all().await {
            assert!(ordered(one.unwrap()).token.is_some());
        }
        house.rest().await;
        assert_eq!((house.leases().await.len(), house.instances().await), (100, 100));
        assert_eq!(house.tally().await.get("delivered"), Some(&100));
        house.all_accounted_for(&wallets).await;
    }

    async fn a_stranger_who_read_the_chain_gets_no_token_and_nothing_else(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let bought = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment.clone())).await;
        let first = ordered(bought.unwrap());
        house.rest().await;
        // The same request: what it answers is no secret.
        let thief = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(stolen(&payment))).await;
        let thief = ordered(thief.unwrap());
        assert!(thief.token.is_none() && !thief.fresh);
        assert_eq!(thief.order.id, first.order.id);
        // Another body, size or way.
        let other = house.engine.order_lease(&new, &buying("other"), Paying::Wallet(stolen(&payment))).await;
        assert_eq!(code(other), "payment_used");
        let paying = Paying::Wallet(stolen(&payment));
        let time = house.engine.order_time(first.order.lease_id, 60, &buying("renew"), paying).await;
        assert_eq!(code(time), "payment_used");
        assert_eq!((house.orders().await.len(), house.instances().await), (1, 1));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn two_bodies_with_one_payment_at_once_make_one_order(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let asked = house.asked(&new).await;
        for _ in 0..5 {
            let payment = house.pay(&wallet, &asked);
            let mut both = JoinSet::new();
            for body in ["one", "two"] {
                let (house, new, payment) = (house.clone(), new.clone(), payment.clone());
                both.spawn(async move {
                    (body, house.engine.order_lease(&new, &buying(body), Paying::Wallet(payment)).await)
                });
            }
            let mut tokens = 0;
            for (body, answer) in both.join_all().await {
                match answer {
                    Ok(bought) => {
                        let one = ordered(bought);
                        tokens += usize::from(one.token.is_some());
                        assert_eq!(one.order.fingerprint, buying(body).fingerprint, "nobody is shown another's order");
                    }
                    Err(error) => assert_eq!(code::<Bought>(Err(error)), "payment_used"),
                }
            }
            assert_eq!(tokens, 1);
        }
        house.rest().await;
        assert_eq!(house.leases().await.len(), 5);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn an_authorization_that_somebody_else_broadcast_is_credit_of_who_signed_it(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let sent = payment.clone();
        house.double.chain(|chain| chain.pay(&sent.authorization, &sent.signature).unwrap());
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(stolen(&payment))).await;
        let one = ordered(answer.unwrap());
        assert_eq!(one.order.state, OrderState::Credited);
        assert!(one.lease.is_none());
        assert_eq!((house.credits_of(&wallet).await, house.instances().await), (one.order.price, 0));
        // However often it is shown.
        let more = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        assert_eq!(ordered(more.unwrap()).order.state, OrderState::Credited);
        assert_eq!(house.credits_of(&wallet).await, one.order.price);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn one_that_was_broadcast_is_not_delivered_even_if_the_facilitator_says_that_it_is_good(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let sent = payment.clone();
        house.double.chain(|chain| chain.pay(&sent.authorization, &sent.signature).unwrap());
        house.double.next(Call::Verify, Fault::LieYes);
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(stolen(&payment))).await;
        assert_eq!(ordered(answer.unwrap()).order.state, OrderState::Credited);
        house.rest().await;
        assert_eq!(house.instances().await, 0);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn broadcast_after_it_was_refused_it_is_credited_too(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        house.double.next(Call::Verify, Fault::LieNo);
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment.clone())).await;
        assert!(demanded(answer.unwrap()).problem.unwrap().contains("unexpected_verify_error"));
        house.double.chain(|chain| chain.pay(&payment.authorization, &payment.signature).unwrap());
        house.later(MINUTE * 7).await;
        assert_eq!(house.orders().await[0].state, OrderState::Credited);
        assert_eq!((house.credits_of(&wallet).await, house.instances().await), (house.orders().await[0].price, 0));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_wallet_emptied_between_verification_and_settlement_gets_nothing(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let who = wallet.address();
        house.double.next(Call::Settle, Fault::Meanwhile(Box::new(move |chain| chain.empty(who))));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        assert_eq!(one.order.state, OrderState::Settling, "it may still be paid, for all we know");
        house.later(MINUTE).await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Settling);
        house.later(MINUTE * 12).await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Lapsed);
        assert_eq!((house.leases().await.len(), house.instances().await), (0, 0));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn filled_again_in_time_it_is_settled_after_all(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let who = wallet.address();
        house.double.next(Call::Settle, Fault::Meanwhile(Box::new(move |chain| chain.empty(who))));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        house.double.chain(|chain| chain.give(who, 1_000_000));
        house.later(MINUTE).await;
        house.rest().await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Delivered);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn settled_and_the_answer_lost_it_is_delivered(db: Db) {
        let house = House::hasty(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let lost = [
            Fault::AnswerLost,
            Fault::AnswerNever,
            Fault::LieNo,
        ];
        for fault in lost {
            let payment = house.pay(&wallet, &house.asked(&new).await);
            house.double.next(Call::Settle, fault);
            let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
            let one = ordered(answer.unwrap());
            assert_eq!(one.order.state, OrderState::Paid, "the chain says so");
            assert!(one.token.is_some());
        }
        house.rest().await;
        assert_eq!(house.tally().await.get("delivered"), Some(&3));
        assert_eq!(house.double.calls(Call::Settle), 3);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_settlement_that_is_pending_is_delivered_when_it_is_mined(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        house.double.next(Call::Settle, Fault::Pending);
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment.clone())).await;
        let one = ordered(answer.unwrap());
        assert_eq!(one.order.state, OrderState::Settling);
        // The same header again, meanwhile: the same order, and no token for whoever sends it.
        let more = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let more = ordered(more.unwrap());
        assert_eq!((more.order.id, more.token.is_none(), more.order.state), (one.order.id, true, OrderState::Settling));
        house.double.chain(crate::chain::Chain::mine);
        house.later(MINUTE).await;
        house.rest().await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Delivered);
        assert_eq!(house.double.calls(Call::Settle), 1);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn while_it_is_pending_it_is_not_given_up_though_its_time_is_over(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        // From the settlement on, the node of ours stands still at a block from before it.
        let newest = house.double.chain(crate::chain::Chain::head);
        let mut settled = false;
        house.double.fate(Some(Box::new(move |call| {
            settled |= call == Call::Settle;
            (settled && call == Call::Node).then_some(Fault::Stands(newest))
        })));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        assert_eq!(one.order.state, OrderState::Settling);
        for _ in 0..4 {
            house.later(MINUTE * 15).await;
            assert_eq!(house.order(one.order.id).await.state, OrderState::Settling, "we do not know");
        }
        house.double.fate(None);
        house.later(MINUTE * 15).await;
        house.rest().await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Delivered);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_facilitator_that_is_down_at_verification_costs_nothing_and_the_same_payment_is_good_again(db: Db) {
        let house = House::hasty(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        for fault in [Fault::Broken, Fault::Silent, Fault::Garbage, Fault::AnswerLost] {
            let before = house.double.chain(|chain| chain.balance(PAY_TO));
            let payment = house.pay(&wallet, &house.asked(&new).await);
            house.double.next(Call::Verify, fault);
            let paying = Paying::Wallet(payment.clone());
            assert_eq!(code(house.engine.order_lease(&new, &buying("lease"), paying).await), "provider");
            assert_eq!(house.double.chain(|chain| chain.balance(PAY_TO)), before);
            let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
            let one = ordered(answer.unwrap());
            assert!(one.token.is_some() && one.order.state == OrderState::Paid);
        }
        house.rest().await;
        assert_eq!(house.tally().await.get("delivered"), Some(&4));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_facilitator_that_is_down_at_settlement_is_asked_again(db: Db) {
        let house = House::hasty(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        for fault in [Fault::Broken, Fault::Silent, Fault::Garbage] {
            let payment = house.pay(&wallet, &house.asked(&new).await);
            house.double.next(Call::Settle, fault);
            let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
            let one = ordered(answer.unwrap());
            assert_eq!(one.order.state, OrderState::Settling);
            house.later(MINUTE).await;
            house.rest().await;
            assert_eq!(house.order(one.order.id).await.state, OrderState::Delivered);
        }
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_facilitator_that_lies_delivers_nothing(db: Db) {
        let house = House::open(db).await;
        let (poor, rich) = (house.wallet(0), house.wallet(100));
        let new = house.room(60);
        // It says yes to a wallet that has nothing, and that it settled.
        let payment = house.pay(&poor, &house.asked(&new).await);
        house.double.next(Call::Verify, Fault::LieYes);
        house.double.next(Call::Settle, Fault::LieYes);
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        assert_eq!(one.order.state, OrderState::Settling);
        // It says of a good one that it settled, and keeps it.
        let payment = house.pay(&rich, &house.asked(&new).await);
        house.double.fate(Some(Box::new(|call| (call == Call::Settle).then_some(Fault::LieYes))));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let two = ordered(answer.unwrap());
        assert_eq!(two.order.state, OrderState::Settling);
        house.later(MINUTE * 3).await;
        assert_eq!((house.leases().await.len(), house.instances().await), (0, 0));
        house.later(MINUTE * 12).await;
        assert_eq!(house.tally().await.get("lapsed"), Some(&2));
        assert_eq!((house.leases().await.len(), house.instances().await), (0, 0));
        house.all_accounted_for(&[poor, rich]).await;
    }

    async fn one_that_is_held_back_and_used_at_the_last_moment_is_delivered(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let sent = payment.clone();
        house.double.fate(Some(Box::new(|call| (call == Call::Settle).then_some(Fault::LieYes))));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        house.clock.advance(MINUTE * 5 - Duration::from_secs(1));
        house.double.chain(|chain| chain.pay(&sent.authorization, &sent.signature).unwrap());
        house.later(MINUTE * 12).await;
        house.rest().await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Delivered);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_payment_that_was_taken_back_is_nothing(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        let back = payment.authorization;
        house.double.next(Call::Settle, Fault::Meanwhile(Box::new(move |chain| chain.cancel(&back))));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        assert_eq!(ordered(answer.unwrap()).order.state, OrderState::Lapsed);
        assert_eq!(house.instances().await, 0);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn one_signature_under_a_nonce_that_paid_somebody_else_is_nothing(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let asked = house.asked(&new).await.requirements[0].clone();
        let elsewhere = innkeeper_connectors::x402::Requirements { pay_to: wallet.address(), ..asked.clone() };
        let nonce = innkeeper_connectors::x402::wallet::nonce();
        let now = house.clock.now();
        let to_us = wallet.authorize(&crate::house::offer(&asked), &asked, now, nonce);
        let to_him = wallet.authorize(&crate::house::offer(&elsewhere), &elsewhere, now, nonce);
        let first = move |chain: &mut crate::chain::Chain| {
            chain.pay(&to_him.authorization, &to_him.signature).unwrap();
        };
        house.double.next(Call::Settle, Fault::Meanwhile(Box::new(first)));
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(to_us)).await;
        assert_eq!(ordered(answer.unwrap()).order.state, OrderState::Lapsed);
        house.all_accounted_for(&[wallet]).await;
    }

    async fn what_does_not_pay_exactly_what_is_asked_is_not_taken(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let asked = house.asked(&new).await.requirements[0].clone();
        let changed = |change: &dyn Fn(&mut innkeeper_connectors::x402::Requirements)| {
            let mut other = asked.clone();
            change(&mut other);
            house.signed(&wallet, &other)
        };
        let resigned = |change: &dyn Fn(&mut innkeeper_connectors::x402::Authorization)| {
            let mut payment = house.signed(&wallet, &asked);
            change(&mut payment.authorization);
            payment
        };
        let bad = [
            ("too little", changed(&|other| other.amount = Atomic(other.amount.0 - 1))),
            ("too much", changed(&|other| other.amount = Atomic(other.amount.0 + 1))),
            ("to somebody else", changed(&|other| other.pay_to = wallet.address())),
            ("on another chain", changed(&|other| other.network = innkeeper_domain::wallets::Network::BASE)),
            ("in another token", changed(&|other| other.asset = PAY_TO)),
            ("in a token of another name", changed(&|other| other.token_name = "USD Coin".into())),
            ("good for days", changed(&|other| other.max_timeout_s = 7 * 60 * 60)),
            ("nearly over", changed(&|other| other.max_timeout_s = 5)),
            ("not good yet", resigned(&|a| a.valid_after = u64::MAX / 2)),
            ("expired", resigned(&|a| a.valid_before = 1)),
            ("never over", resigned(&|a| a.valid_before = u64::MAX)),
            ("signed by another", resigned(&|a| a.from = PAY_TO)),
        ];
        for (why, payment) in bad {
            let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
            assert!(demanded(answer.unwrap()).problem.is_some(), "{why}");
        }
        assert_eq!(house.double.calls(Call::Verify) + house.double.calls(Call::Settle), 0);
        assert!(house.orders().await.is_empty(), "nothing is claimed for what cannot be good");
    }

    async fn the_price_follows_from_the_request_and_not_from_the_payment(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let cheap = house.room(10);
        let payment = house.pay(&wallet, &house.asked(&cheap).await);
        let dear = house.room(600);
        let answer = house.engine.order_lease(&dear, &buying("dear"), Paying::Wallet(payment)).await;
        assert!(demanded(answer.unwrap()).problem.unwrap().contains("amount"));
        assert!(house.orders().await.is_empty());
    }

    async fn the_first_generation_is_paid_as_well(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let second = house.pay(&wallet, &house.asked(&new).await);
        let first = Payment { version: Version::V1, accepted: None, resource: None, ..second };
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(first)).await;
        assert!(ordered(answer.unwrap()).token.is_some());
        house.rest().await;
        assert_eq!(house.tally().await.get("delivered"), Some(&1));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn without_room_nothing_is_charged_and_with_room_the_same_payment_is_good(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        furnish_node(&house.db, house.cluster, false, house.clock.now()).await;
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment.clone())).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!((house.double.calls(Call::Settle), house.tally().await.get("refused")), (0, Some(&1)));
        furnish_node(&house.db, house.cluster, true, house.clock.now()).await;
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        assert!(ordered(answer.unwrap()).token.is_some());
        house.rest().await;
        assert_eq!(house.tally().await.get("delivered"), Some(&1));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn room_that_is_gone_when_the_money_has_come_is_waited_for_and_then_credited(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let payment = house.pay(&wallet, &house.asked(&new).await);
        house.double.next(Call::Settle, Fault::Pending);
        let answer = house.engine.order_lease(&new, &buying("lease"), Paying::Wallet(payment)).await;
        let one = ordered(answer.unwrap());
        furnish_node(&house.db, house.cluster, false, house.clock.now()).await;
        house.double.chain(crate::chain::Chain::mine);
        house.later(MINUTE).await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Paid);
        house.later(MINUTE * 20).await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Paid);
        house.later(MINUTE * 11).await;
        assert_eq!(house.order(one.order.id).await.state, OrderState::Credited);
        assert_eq!((house.credits_of(&wallet).await, house.instances().await), (one.order.price, 0));
        house.later(HOUR).await;
        assert_eq!(house.held(one.order.lease_id).await.state.as_str(), "failed");
        house.all_accounted_for(&[wallet]).await;
    }

    async fn one_key_is_one_order_though_each_try_signs_anew(db: Db) {
        let house = House::open(db).await;
        let wallet = house.wallet(100);
        let new = house.room(60);
        let asked = house.asked(&new).await;
        let mut tries = JoinSet::new();
        for _ in 0..20 {
            let (house, new, payment) = (house.clone(), new.clone(), house.pay(&wallet, &asked));
            tries.spawn(async move {
                let key = keyed("lease", "a-key-of-my-own-1");
                house.engine.order_lease(&new, &key, Paying::Wallet(payment)).await
            });
        }
        let answers = tries.join_all().await;
        house.rest().await;
        let tokens = answers.iter().filter(|one| matches!(one, Ok(Bought::Ordered(one)) if one.token.is_some()));
        assert_eq!((tokens.count(), house.leases().await.len(), house.double.calls(Call::Settle)), (1, 1, 1));
        house.all_accounted_for(&[wallet]).await;
    }

    async fn a_house_without_prices_sells_nothing(db: Db) {
        let house = House::open(db).await;
        let nothing = innkeeper_domain::prices::UnitPrices {
            core_micros: Micros::ZERO, memory_gib_micros: Micros::ZERO, disk_gib_micros: Micros::ZERO,
        };
        let free = innkeeper_engine::NewPriceList { running: nothing, stopped: None };
        house.engine.create_price_list(&innkeeper_domain::access::Actor::house(), free, None).await.unwrap();
        let answer = house.engine.order_lease(&house.room(60), &buying("lease"), Paying::Nothing).await;
        assert_eq!(code(answer), "no_price");
    }
}
