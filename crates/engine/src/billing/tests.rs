//! Billing against real databases, with a clock that is moved by hand: whatever is done to an instance, it is charged
//! what its segments say, once.

use std::collections::BTreeMap;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::ids::{ClusterId, InstanceId, ProjectId, TemplateId, UserId};
use innkeeper_domain::instances::{Goal, Guest, Kind, Owner, Power, Seen};
use innkeeper_domain::ledger::{Cause, Entry, HouseAccount};
use innkeeper_domain::money::{Micros, half_even};
use innkeeper_domain::notices::Kind as Told;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::projects::{Project, Restriction};
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::standing::Measures;
use innkeeper_domain::templates::{Origin, Source, Template};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::usage::{Segment, Tariff};
use innkeeper_domain::users::{Role, User};
use innkeeper_store::ledger::{Audit, Purses};
use innkeeper_store::{
    Db, KeyRing, SealKey, clusters, instances, ledger, nodes, notices, projects, restrictions, templates,
    usage, users,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::{Adjustment, Engine, Error, Fittings, NewInstance, Options, Quotas, WantedSize};

/// Half past an hour.
const BEGIN: Timestamp = Timestamp(1_795_221_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Rates that leave a remainder with nearly every charge.
const RATE: Rate = Rate { running_micros: Micros(1_000_003), stopped_micros: Micros(100_007) };

struct House {
    engine: Engine,
    db: Db,
    clock: Clock,
    project: ProjectId,
    cluster: ClusterId,
    template: TemplateId,
}

/// Here credits set the limit, not the quota.
fn options() -> Options {
    let plenty =
        Amounts { instances: 1_000_000, cores: 1_000_000, memory_mib: 1_000_000_000, disk_gib: 1_000_000 };
    Options { quotas: Quotas { per_project: plenty, ..Quotas::default() }, ..Options::default() }
}

impl House {
    async fn open(db: Db) -> Self {
        Self::open_with(db, options()).await
    }

    async fn open_with(db: Db, options: Options) -> Self {
        let clock = Clock::manual(BEGIN);
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys, clock.clone(), options);
        let (user, project) = (UserId::new(), ProjectId::new());
        let made =
            Project { id: project, name: "Ada".parse().unwrap(), personal_of: Some(user), created_at: BEGIN };
        let user = User {
            id: user,
            email: "ada@example.org".parse().unwrap(),
            name: "Ada".parse().unwrap(),
            role: Role::User,
            personal_project: project,
            email_verified_at: Some(BEGIN),
            language: innkeeper_domain::mails::Language::En,
            measures: Measures::default(),
            created_at: BEGIN,
        };
        let cluster = cluster();
        let size = Size { cores: 1, memory_mib: 64, disk_gib: 1 };
        let template = Template {
            id: TemplateId::new(),
            name: "Debian".parse().unwrap(),
            kind: Kind::Lxc,
            least: Size::LEAST,
            default_size: size,
            most: Size::MOST,
            reports_address: false,
            offered: true,
            created_at: BEGIN,
        };
        let origin = Origin::Volume("local:vztmpl/debian.tar.zst".into());
        let source = Source { template_id: template.id, cluster_id: cluster.id, node: None, origin };
        let secret = KeyRing::new(SealKey::generate(), Vec::new()).seal(b"x", "y");
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &made).await.unwrap();
        users::insert(&mut tx, &user, None).await.unwrap();
        clusters::insert(&mut tx, &cluster, &secret).await.unwrap();
        templates::insert(&mut tx, &template).await.unwrap();
        templates::add_source(&mut tx, &source).await.unwrap();
        let (node, storage) = (node(cluster.id), storage(cluster.id));
        nodes::replace(&mut tx, cluster.id, &[node], &[storage]).await.unwrap();
        tx.commit().await.unwrap();
        Self { engine, db, clock, project, cluster: cluster.id, template: template.id }
    }

    async fn grant(&self, credits: i64) {
        let amount = Micros(credits * 1_000_000);
        let gift = Adjustment { amount, correction: false, reason: "for a test".into() };
        self.engine.post_adjustment(&Actor::house(), self.project, gift, None).await.unwrap();
    }

    async fn create(&self, name: &str) -> Result<InstanceId, Error> {
        let new = NewInstance {
            project_id: Some(self.project),
            name: name.parse().unwrap(),
            template_id: self.template,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings::default(),
        };
        Ok(self.engine.create_instance(&Actor::house(), new, None).await?.instance_id)
    }

    /// Sets prices so that the template's default size costs this.
    async fn price(&self, rate: Rate) {
        let unit = |core| innkeeper_domain::prices::UnitPrices { core_micros: core, ..Default::default() };
        let new = crate::NewPriceList {
            running: unit(rate.running_micros),
            stopped: Some(unit(rate.stopped_micros)),
        };
        self.engine.create_price_list(&Actor::house(), new, None).await.unwrap();
    }

    /// Writes down what was seen of an instance, as a worker does.
    async fn see(&self, id: InstanceId, seen: Seen) {
        let mut instance = instances::by_id(&self.db, id).await.unwrap().unwrap();
        instance.course.born = true;
        instance.course.seen = seen;
        instance.operation = None;
        let mut tx = self.db.begin().await.unwrap();
        assert!(crate::usage::save(&mut tx, &mut instance, self.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// Removes it, as the last step of a worker does.
    async fn remove(&self, id: InstanceId) {
        let now = self.clock.now();
        let mut instance = instances::by_id(&self.db, id).await.unwrap().unwrap();
        instance.course.seen = Seen::Absent;
        instance.deleted_at = Some(now);
        let mut tx = self.db.begin().await.unwrap();
        assert!(crate::usage::save(&mut tx, &mut instance, now).await.unwrap());
        self.engine.settle(&mut tx, id, now).await.unwrap();
        // Doing it again changes nothing.
        self.engine.settle(&mut tx, id, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn bill(&self) -> u64 {
        self.engine.bill().await.unwrap().charges
    }

    /// An hour passes, and is billed, so many times.
    async fn hours(&self, count: u32) {
        for _ in 0..count {
            self.clock.advance(HOUR);
            self.bill().await;
        }
    }

    async fn purses(&self) -> Purses {
        ledger::purses(&self.db, self.project).await.unwrap()
    }

    async fn segments(&self, id: InstanceId) -> Vec<Segment> {
        let mut found = usage::segments(&self.db, self.project, Some(id), None, 9999).await.unwrap();
        found.reverse();
        found
    }

    /// What was charged for an instance.
    async fn charged(&self, id: InstanceId) -> i64 {
        let all = ledger::list(&self.db, self.project, Some(Cause::Charge), None, 99_999).await.unwrap();
        let revenue = |entry: &&Entry| entry.account.project().is_none();
        let of = all.iter().filter(|posting| posting.cause_id == id.to_string());
        of.flat_map(|posting| posting.entries.iter().filter(revenue)).map(|entry| entry.amount.0).sum()
    }

    /// What the segments of an instance that is gone cost, exactly, and whether they follow each other.
    async fn exact(&self, id: InstanceId) -> i64 {
        let mut exact = 0_i128;
        let mut last = Timestamp(0);
        for segment in self.segments(id).await {
            assert!(segment.from >= last, "segments overlap");
            last = segment.to.unwrap();
            exact += i128::from(segment.rate.0) * i128::from(last.0 - segment.from.0);
        }
        half_even(exact, 3_600_000_000) as i64
    }

    /// After everything is gone: each instance was charged what its segments say, nothing is held, and the ledger is
    /// in order.
    async fn verify(&self, ids: &[InstanceId]) {
        let mut sum = 0;
        for &id in ids {
            let charged = self.charged(id).await;
            assert_eq!(charged, self.exact(id).await, "{id}");
            sum += charged;
        }
        assert_eq!(ledger::house_balance(&self.db, HouseAccount::Revenue).await.unwrap(), Micros(sum));
        assert_eq!(self.purses().await.held, Micros(0));
        assert_eq!(ledger::audit(&self.db).await.unwrap(), Audit::default());
    }

    async fn told(&self) -> Vec<Told> {
        let mut all = notices::list(&self.db, self.project, None, 99).await.unwrap();
        all.reverse();
        all.into_iter().map(|notice| notice.kind).collect()
    }

    async fn restricted(&self) -> bool {
        let found = restrictions::of(&self.db, self.project).await.unwrap();
        found.iter().any(|(restriction, _)| *restriction == Restriction::BillingHold)
    }
}

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new(),
        name: "Cellar".parse().unwrap(),
        endpoints: vec![Endpoint { url: "https://pve.example:8006".into(), fingerprint: None }],
        token_id: "inn@pve!desk".into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 100, last: 9999 },
        priority: 0,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: None,
        seen_at: Some(BEGIN),
        created_at: BEGIN,
    }
}

fn node(cluster_id: ClusterId) -> Node {
    Node {
        cluster_id,
        name: "oak".parse().unwrap(),
        online: true,
        maintenance: false,
        cores: 9999,
        memory_total: 1 << 50,
        memory_used: 0,
        seen_at: BEGIN,
    }
}

fn storage(cluster_id: ClusterId) -> Storage {
    Storage {
        cluster_id,
        node: "oak".parse().unwrap(),
        name: "local".parse().unwrap(),
        holds_containers: true,
        holds_disks: true,
        holds_backups: true,
        shared: false,
        available: true,
        total: 1 << 60,
        used: 0,
        seen_at: BEGIN,
    }
}

const fn guest(power: Power) -> Seen {
    let owner = Owner::Ours;
    Seen::Present(Guest {
        owner,
        power,
        locked: false,
        fitted: true,
        grown: true,
        guarded: true,
        addressed: true,
    })
}

const RUNS: Seen = guest(Power::Running);
const STOPPED: Seen = guest(Power::Stopped);

async fn on_sqlite<F: Future<Output = ()>>(story: fn(Db) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
    db.migrate().await.unwrap();
    story(db.clone()).await;
    db.close().await;
}

async fn on_postgres<F: Future<Output = ()>>(story: fn(Db) -> F) {
    let Some(server) = std::env::var("INNKEEPER_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "INNKEEPER_TEST_POSTGRES is not set");
        println!("skipped: INNKEEPER_TEST_POSTGRES is not set");
        return;
    };
    let name = format!("test_{}", UserId::new().0.simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    let db = Db::open(&format!("{host}/{name}")).await.unwrap();
    db.migrate().await.unwrap();
    story(db.clone()).await;
    db.close().await;
    let drop = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
}

macro_rules! both {
    ($(async fn $name:ident($db:ident: Db) $body:block)+) => { $(
        mod $name {
            use super::*;

            async fn story($db: Db) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                on_sqlite(story).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                on_postgres(story).await;
            }
        }
    )+ };
}

mod told;

both! {
    async fn a_day_costs_what_it_says_on_the_price_list(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        house.hours(24).await;
        house.remove(web).await;
        house.verify(&[web]).await;
        assert_eq!(house.charged(web).await, RATE.running_micros.0 * 24);
        assert_eq!(house.purses().await.wallet, Micros(1_000_000_000 - 24 * RATE.running_micros.0));
    }

    async fn creating_and_deleting_within_the_hour_is_not_free(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let mut all = Vec::new();
        for n in 0..5 {
            let id = house.create(&format!("web-{n}")).await.unwrap();
            assert_eq!(house.purses().await.held, RATE.running_micros);
            house.clock.advance(MINUTE);
            house.see(id, RUNS).await;
            house.clock.advance(MINUTE * 7);
            house.remove(id).await;
            all.push(id);
        }
        house.verify(&all).await;
        let seven = half_even(i128::from(RATE.running_micros.0) * 7, 60) as i64;
        assert_eq!(house.charged(all[0]).await, seven);
    }

    async fn one_that_never_came_to_be_costs_nothing_and_its_hold_is_given_back(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(2).await;
        let web = house.create("web").await.unwrap();
        assert_eq!(house.purses().await.held, RATE.running_micros);
        house.hours(3).await;
        let mut tx = house.db.begin().await.unwrap();
        house.engine.settle(&mut tx, web, house.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.purses().await, Purses { wallet: Micros(2_000_000), ..Purses::default() });
        assert_eq!(ledger::audit(&house.db).await.unwrap(), Audit::default());
    }

    async fn stopping_and_starting_pays_each_at_its_price_to_the_second(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let web = house.create("web").await.unwrap();
        for n in 1..40 {
            house.see(web, if n % 2 == 0 { STOPPED } else { RUNS }).await;
            house.clock.advance(Duration::from_micros(137_000_001 * n));
            house.see(web, Seen::Unknown).await;
            house.bill().await;
        }
        house.remove(web).await;
        house.verify(&[web]).await;
        let segments = house.segments(web).await;
        assert_eq!(segments.len(), 39);
        assert!(segments.windows(2).all(|two| two[0].to == Some(two[1].from)), "no gap between them");
    }

    async fn a_missing_guest_is_not_paid_for(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        house.clock.advance(HOUR);
        house.see(web, Seen::Absent).await;
        house.hours(10).await;
        house.see(web, STOPPED).await;
        house.clock.advance(HOUR);
        house.remove(web).await;
        house.verify(&[web]).await;
        assert_eq!(house.charged(web).await, RATE.running_micros.0 + RATE.stopped_micros.0);
    }

    async fn a_price_change_ends_one_segment_and_begins_the_next_and_going_back_is_no_way_out(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        let double = Rate { running_micros: Micros(2 * RATE.running_micros.0), ..RATE };
        let admin = Actor::house();
        for _ in 0..3 {
            house.clock.advance(MINUTE * 20);
            house.engine.reprice_instance(&admin, web, Some(double), None).await.unwrap();
            assert_eq!(house.purses().await.held, double.running_micros);
            house.clock.advance(MINUTE * 20);
            // Back to what it would cost if it were made now.
            house.engine.reprice_instance(&admin, web, None, None).await.unwrap();
            assert_eq!(house.purses().await.held, RATE.running_micros);
            house.bill().await;
        }
        house.remove(web).await;
        house.verify(&[web]).await;
        assert_eq!(house.charged(web).await, 3 * RATE.running_micros.0, "one hour at the price, one at its double");
    }

    async fn a_new_price_list_is_for_new_instances_only(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let old = house.create("old").await.unwrap();
        house.see(old, RUNS).await;
        let dear = Rate { running_micros: Micros(7_000_000), stopped_micros: Micros(0) };
        house.price(dear).await;
        let new = house.create("new").await.unwrap();
        house.see(new, RUNS).await;
        house.hours(2).await;
        house.remove(old).await;
        house.remove(new).await;
        house.verify(&[old, new]).await;
        assert_eq!(house.charged(old).await, 2 * RATE.running_micros.0);
        assert_eq!(house.charged(new).await, 14_000_000);
    }

    async fn twelve_hours_of_absence_are_charged_as_if_nobody_had_been_away(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1000).await;
        let (on_time, late) = (house.create("on-time").await.unwrap(), house.create("late").await.unwrap());
        // Both change at the same times. One is charged hour by hour, the other all at once.
        house.see(on_time, RUNS).await;
        for n in 0..12_u32 {
            house.clock.advance(MINUTE * 60);
            if n % 5 == 1 {
                house.see(on_time, if n % 2 == 0 { RUNS } else { STOPPED }).await;
            }
            house.bill().await;
        }
        house.remove(on_time).await;
        house.clock.advance(MINUTE * 25);
        let back = house.clock.now().since(BEGIN);
        // The same hours once more, for the other, shifted by whole hours.
        house.clock.advance((HOUR * 24).saturating_sub(back));
        house.see(late, RUNS).await;
        for n in 0..12_u32 {
            house.clock.advance(MINUTE * 60);
            if n % 5 == 1 {
                house.see(late, if n % 2 == 0 { RUNS } else { STOPPED }).await;
            }
        }
        house.bill().await;
        house.remove(late).await;
        house.verify(&[on_time, late]).await;
        let all = ledger::list(&house.db, house.project, Some(Cause::Charge), None, 999).await.unwrap();
        let charges = |id: InstanceId, shift: Duration| {
            let of = all.iter().filter(|posting| posting.cause_id == id.to_string());
            let mut found: Vec<(Timestamp, i64)> =
                of.map(|p| (p.at.before(shift), p.entries.iter().map(|e| e.amount.0).max().unwrap())).collect();
            found.sort();
            found
        };
        assert!(charges(on_time, Duration::ZERO).len() >= 13);
        assert_eq!(charges(on_time, Duration::ZERO), charges(late, HOUR * 24));
    }

    async fn a_clock_that_jumps_charges_nothing_twice_and_nothing_below_zero(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(10_000).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        // Forward by a week, in one leap.
        house.clock.advance(HOUR * 24 * 7);
        assert_eq!(house.bill().await, 24 * 7, "the half hour at the beginning, and every whole one after it");
        // And back by a day.
        back(&house.clock, HOUR * 24);
        assert_eq!(house.bill().await, 0);
        house.see(web, STOPPED).await;
        house.clock.advance(HOUR * 3);
        house.see(web, RUNS).await;
        assert_eq!(house.bill().await, 0, "these hours were paid");
        house.clock.advance(HOUR * 30);
        house.bill().await;
        back(&house.clock, HOUR * 2);
        house.remove(web).await;
        house.verify(&[web]).await;
        let segments = house.segments(web).await;
        assert!(segments.iter().all(|segment| segment.to >= Some(segment.from)));
    }

    async fn the_wallet_pays_first_then_the_hold_and_the_rest_is_owed_until_credits_come(db: Db) {
        let house = House::open(db).await;
        house.price(Rate { running_micros: Micros(1_000_000), stopped_micros: Micros(1_000_000) }).await;
        house.grant(2).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        let purses = |wallet, held, debt| Purses { wallet: Micros(wallet), held: Micros(held), debt: Micros(debt) };
        assert_eq!(house.purses().await, purses(1_000_000, 1_000_000, 0));
        house.clock.advance(HOUR + MINUTE * 30);
        house.bill().await;
        assert_eq!(house.purses().await, purses(0, 500_000, 0));
        assert!(house.restricted().await == (house.clock.now() >= BEGIN.after(HOUR * 2)));
        house.clock.advance(HOUR);
        house.bill().await;
        assert_eq!(house.purses().await, purses(0, 0, -500_000));
        assert!(house.restricted().await);
        // Enough for the debt, but not to hold an hour again.
        house.grant(1).await;
        assert_eq!(house.purses().await, purses(500_000, 0, 0));
        assert!(house.restricted().await);
        house.grant(1).await;
        assert_eq!(house.purses().await, purses(500_000, 1_000_000, 0));
        assert!(!house.restricted().await);
        house.remove(web).await;
        house.verify(&[web]).await;
    }

    async fn of_two_hundred_asked_for_at_once_those_are_made_for_which_there_are_credits(db: Db) {
        let house = House::open(db).await;
        house.price(Rate { running_micros: Micros(1_000_000), stopped_micros: Micros(0) }).await;
        house.grant(30).await;
        let creates = (0..200).map(|n| { let house = &house; async move { house.create(&format!("web-{n}")).await } });
        let made = futures_util::future::join_all(creates).await;
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 30);
        for refused in made.into_iter().filter_map(Result::err) {
            let Error::InsufficientCredits { needed, available } = refused else { panic!("{refused}") };
            assert_eq!((needed, available), (Micros(1_000_000), Micros(0)));
        }
        assert_eq!(house.purses().await, Purses { held: Micros(30_000_000), ..Purses::default() });
        let listed = instances::in_cluster(&house.db, house.cluster).await.unwrap();
        assert_eq!(listed.len(), 30, "of those that were refused nothing is left");
    }

    async fn a_free_house_posts_nothing(db: Db) {
        let house = House::open(db).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        house.hours(5).await;
        house.remove(web).await;
        assert_eq!(ledger::list(&house.db, house.project, None, None, 9).await.unwrap(), []);
        assert_eq!(house.told().await, []);
        let segments = house.segments(web).await;
        assert_eq!((segments.len(), segments[0].tariff), (1, Tariff::Running), "what was used is known all the same");
    }

    async fn several_processes_that_bill_at_once_charge_once(db: Db) {
        let house = House::open(db.clone()).await;
        house.price(RATE).await;
        house.grant(10_000).await;
        let mut all = Vec::new();
        for n in 0..40 {
            let id = house.create(&format!("web-{n}")).await.unwrap();
            house.see(id, RUNS).await;
            all.push(id);
        }
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let others: Vec<Engine> = (0..4)
            .map(|_| Engine::new(db.clone(), keys.clone(), house.clock.clone(), options()))
            .collect();
        for _ in 0..3 {
            house.clock.advance(HOUR * 2);
            let rounds = others.iter().map(Engine::bill);
            let billed: u64 =
                futures_util::future::join_all(rounds).await.into_iter().map(|done| done.unwrap().charges).sum();
            assert!(billed >= 80, "{billed}");
        }
        for &id in &all {
            house.remove(id).await;
        }
        house.verify(&all).await;
    }

    async fn warnings_come_once_and_the_hold_ends_in_deletion_after_its_notices(db: Db) {
        let house = House::open(db).await;
        house.price(Rate { running_micros: Micros(1_000_000), stopped_micros: Micros(0) }).await;
        house.grant(31).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        house.hours(6).await;
        assert_eq!(house.told().await, []);
        house.hours(2).await;
        assert_eq!(house.told().await, [Told::DayLeft]);
        house.hours(18).await;
        assert_eq!(house.told().await, [Told::DayLeft, Told::SixHoursLeft]);
        house.grant(20).await;
        house.hours(19).await;
        house.hours(6).await;
        let told = [Told::DayLeft, Told::SixHoursLeft, Told::SixHoursLeft, Told::HourLeft, Told::HoldBegan];
        assert_eq!(house.told().await, told, "the six hours again, the day not: it never rose above that");
        assert!(house.restricted().await);
        house.see(web, STOPPED).await;
        house.hours(24 * 3).await;
        assert_eq!(house.told().await.len(), 5);
        house.hours(24 * 4 + 2).await;
        assert_eq!(house.told().await[5..], [Told::HalfGrace, Told::LastDay, Told::GraceEnded]);
        let left = instances::by_id(&house.db, web).await.unwrap().unwrap();
        assert_eq!((left.course.wish.goal, left.operation.unwrap().1), (Goal::Absent, Verb::Delete));
        house.remove(web).await;
        house.verify(&[web]).await;
    }

    async fn a_crash_between_any_two_steps_of_charging_loses_nothing_and_doubles_nothing(db: Db) {
        let house = House::open(db.clone()).await;
        house.price(RATE).await;
        house.grant(100).await;
        let web = house.create("web").await.unwrap();
        house.see(web, RUNS).await;
        for hour in 0..5_u32 {
            house.clock.advance(HOUR);
            let before = (house.purses().await, house.charged(web).await);
            let until = innkeeper_domain::usage::period_begin(house.clock.now(), HOUR);
            // Reading, charging, posting, writing down; and then the process is gone.
            for steps in 1..=4_u32 {
                let mut tx = db.begin().await.unwrap();
                let mut metered = usage::due(&mut tx, until, None, 9).await.unwrap();
                assert_eq!(metered.len(), 1, "hour {hour}");
                let read = metered.clone();
                if steps == 2 {
                    ledger::purses_tx(&mut tx, &[house.project]).await.unwrap();
                } else if steps == 3 {
                    let key = format!("charge:{web}:{}:{}", read[0].parts[0].segment, read[0].parts[0].from.0);
                    let made = crate::ledger::posting(house.project, Cause::Charge, web.to_string(), key, until);
                    let wallet = innkeeper_domain::ledger::Account::Of(house.project, innkeeper_domain::ledger::Purse::Wallet);
                    let revenue = innkeeper_domain::ledger::Account::House(HouseAccount::Revenue);
                    ledger::post(&mut tx, &made.with(wallet, Micros(-5)).with(revenue, Micros(5))).await.unwrap();
                } else if steps == 4 {
                    assert_eq!(house.engine.charge(&mut tx, &mut metered, until, 99).await.unwrap(), 1);
                }
                // As if its connection broke.
                tx.rollback().await.unwrap();
                assert_eq!((house.purses().await, house.charged(web).await), before, "after step {steps}");
            }
            assert_eq!(house.bill().await, 1);
            assert_eq!(house.bill().await, 0);
        }
        // The same when it ends.
        house.clock.advance(MINUTE * 11);
        let before = (house.purses().await, house.charged(web).await);
        let mut tx = db.begin().await.unwrap();
        house.engine.settle(&mut tx, web, house.clock.now()).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!((house.purses().await, house.charged(web).await), before);
        house.remove(web).await;
        house.verify(&[web]).await;
    }

    async fn whatever_happens_each_instance_is_charged_what_its_segments_say(db: Db) {
        let house = House::open(db).await;
        house.price(RATE).await;
        house.grant(1_000_000).await;
        let mut dice = Dice(42);
        let mut all = Vec::new();
        let mut alive: BTreeMap<usize, InstanceId> = BTreeMap::new();
        for n in 0..400 {
            match dice.below(9) {
                0 if alive.len() < 5 => {
                    let id = house.create(&format!("web-{n}")).await.unwrap();
                    alive.insert(all.len(), id);
                    all.push(id);
                }
                1 => house.clock.advance(Duration::from_micros(dice.below(9_000_000_000))),
                2 if dice.below(6) == 0 => back(&house.clock, Duration::from_micros(dice.below(9_000_000_000))),
                3 => drop(house.bill().await),
                which => {
                    house.clock.advance(Duration::from_micros(dice.below(600_000_000)));
                    let Some((&place, &id)) = alive.iter().nth(dice.below(5) as usize) else { continue };
                    match which {
                        4 if dice.below(4) == 0 => {
                            house.remove(id).await;
                            alive.remove(&place);
                        }
                        5 => {
                            let rate = Rate {
                                running_micros: Micros(dice.below(9_999_999) as i64),
                                stopped_micros: Micros(dice.below(99_999) as i64),
                            };
                            house.engine.reprice_instance(&Actor::house(), id, Some(rate), None).await.unwrap();
                        }
                        _ => {
                            let seen = [RUNS, STOPPED, Seen::Absent, Seen::Unknown][dice.below(4) as usize];
                            house.see(id, seen).await;
                        }
                    }
                }
            }
        }
        for id in alive.into_values() {
            house.remove(id).await;
        }
        assert!(all.len() > 5, "{}", all.len());
        house.verify(&all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_charged_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open(db).await;
    house.price(RATE).await;
    house.grant(100).await;
    let mut all = Vec::new();
    for n in 0..3 {
        let id = house.create(&format!("web-{n}")).await.unwrap();
        house.see(id, RUNS).await;
        all.push(id);
    }
    let mut hand = SqliteConnection::connect(&url).await.unwrap();
    let sql = "update meters set charged = 9223372036854775807 where instance_id = $1";
    sqlx::query(sql).bind(all[1].0).execute(&mut hand).await.unwrap();
    house.clock.advance(HOUR);
    assert_eq!(house.bill().await, 2);
    for (id, charged) in [(all[0], true), (all[1], false), (all[2], true)] {
        assert_eq!(house.charged(id).await > 0, charged);
    }
}

/// Sets a clock back.
fn back(clock: &Clock, by: Duration) {
    clock.set(clock.now().before(by));
}

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
