//! A house that sells credits, with one project, and both providers at the other end of a wire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::payments::PaymentProvider;
use innkeeper_connectors::{paypal, stripe};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Outcome;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::invoices::Party;
use innkeeper_domain::ledger::Posting;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Currency, Payment, Provider};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::users::Role;
use innkeeper_engine::{AuditFilter, Engine, Error, Idempotency, NewPayment, Options, PaymentOptions};
use innkeeper_store::{Db, KeyRing, SealKey, ledger};
use innkeeper_testing::person;

use crate::doubles;

/// Seconds.
pub(crate) const NOW: i64 = 1_795_221_883;

#[derive(Clone)]
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) stripe: doubles::stripe::Double,
    pub(crate) paypal: doubles::paypal::Double,
    pub(crate) payer: Actor,
    pub(crate) admin: Actor,
    pub(crate) project: ProjectId,
}

pub(crate) fn credits(whole: i64) -> Micros {
    Micros::CREDIT.times(whole).unwrap()
}

impl House {
    pub(crate) async fn open(db: Db) -> Self {
        let (stripe, paypal) =
            (doubles::stripe::Double::start().await, doubles::paypal::Double::start().await);
        let clock = Clock::manual(Timestamp(NOW * 1_000_000));
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let options = Options {
            payments: Some(Arc::new(PaymentOptions {
                providers: desks(&stripe, &paypal),
                credit_price: BTreeMap::from([(Currency::Eur, 100), (Currency::Jpy, 160)]),
                least: 5,
                most: 1000,
                public_url: "https://inn.example".parse().unwrap(),
                look_every: Duration::from_secs(5),
            })),
            seller: Some(Party { lines: vec!["L’Auberge".into(), "Paris".into()] }),
            ..Options::default()
        };
        let engine = Engine::new(db.clone(), keys, clock.clone(), options);
        let mut house = Self {
            db,
            engine,
            clock,
            stripe,
            paypal,
            payer: Actor::house(),
            admin: Actor::house(),
            project: ProjectId::new(),
        };
        (house.payer, house.project) = house.person("zoe", Role::User).await;
        (house.admin, _) = house.person("ada", Role::Admin).await;
        house
    }

    pub(crate) async fn person(&self, name: &str, role: Role) -> (Actor, ProjectId) {
        let (user, actor) = person(&self.engine, &format!("{name}@inn.example"), role).await;
        (actor, user.personal_project)
    }

    pub(crate) fn order(&self, provider: Provider, credits: i64) -> NewPayment {
        NewPayment { project_id: self.project, provider, credits, currency: Currency::Eur }
    }

    pub(crate) async fn begin(&self, provider: Provider, credits: i64) -> Payment {
        let order = self.order(provider, credits);
        self.engine.begin_payment(&self.payer, order, None).await.unwrap()
    }

    pub(crate) async fn payment(&self, payment: &Payment) -> Payment {
        self.engine.payment(&self.payer, payment.id).await.unwrap()
    }

    pub(crate) async fn balance(&self) -> Micros {
        ledger::purses(&self.db, self.project).await.unwrap().wallet
    }

    pub(crate) async fn postings(&self) -> Vec<Posting> {
        self.engine.ledger(&self.payer, self.project, None, None, 100).await.unwrap()
    }

    /// What was refused, as administrators read it.
    pub(crate) async fn refusals(&self) -> Vec<String> {
        let log = self.engine.audit_log(&self.admin, &AuditFilter::default(), None, 200).await.unwrap();
        let refused = log.into_iter().filter(|entry| entry.deed.outcome == Outcome::Refused);
        refused
            .map(|entry| format!("{} {} {}", entry.deed.action, entry.deed.object, entry.deed.after))
            .collect()
    }

    /// A webhook of Stripe's, signed now.
    pub(crate) async fn stripe_says(&self, event: &serde_json::Value) -> Result<(), Error> {
        let body = event.to_string();
        let headers = doubles::stripe::Double::headers(&body, self.clock.now().0 / 1_000_000);
        self.engine.payment_webhook(Provider::Stripe, &headers, body.as_bytes()).await
    }

    /// A webhook of PayPal's.
    pub(crate) async fn paypal_says(&self, event: &serde_json::Value) -> Result<(), Error> {
        let body = event.to_string();
        let headers = doubles::paypal::Double::headers(&body);
        self.engine.payment_webhook(Provider::Paypal, &headers, body.as_bytes()).await
    }

    /// Time passes, and the house looks after its payments.
    pub(crate) async fn later(&self, by: Duration) -> usize {
        self.clock.advance(by);
        self.engine.watch_payments().await.unwrap()
    }

    /// The ledger adds up.
    pub(crate) async fn check(&self) {
        assert_eq!(ledger::audit(&self.db).await.unwrap(), ledger::Audit::default());
    }
}

pub(crate) fn desks(
    stripe: &doubles::stripe::Double,
    paypal: &doubles::paypal::Double,
) -> Vec<Arc<dyn PaymentProvider>> {
    let timeout = Some(Duration::from_millis(700));
    let stripe = stripe::Settings {
        secret_key: doubles::stripe::KEY.into(),
        webhook_secret: doubles::stripe::WEBHOOK_SECRET.into(),
        base: Some(stripe.base.clone()),
        timeout,
    };
    let paypal = paypal::Settings {
        client_id: doubles::paypal::CLIENT.into(),
        client_secret: doubles::paypal::SECRET.into(),
        webhook_id: doubles::paypal::WEBHOOK_ID.into(),
        base: Some(paypal.base.clone()),
        timeout,
    };
    vec![
        Arc::new(stripe::Stripe::new(stripe).unwrap()) as Arc<dyn PaymentProvider>,
        Arc::new(paypal::Paypal::new(paypal).unwrap()),
    ]
}

/// A key for a request of which only the key matters.
pub(crate) fn key(text: &str) -> Idempotency {
    Idempotency::new(text, &[b"same"]).unwrap()
}
