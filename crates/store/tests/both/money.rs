//! Prices, meters and their segments, and what people are told.

use innkeeper_domain::ids::{NoticeId, PriceListId, ProjectId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::notices::{Kind, Notice};
use innkeeper_domain::prices::{PriceList, Rate, UnitPrices};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::{Meter, Tariff, Uncharged};
use innkeeper_store::notices::Runway;
use innkeeper_store::{Db, instances, notices, plans, prices, usage};

use crate::house::{House, NOW, at};

const RATE: Rate = Rate { running_micros: Micros(3_600_000), stopped_micros: Micros(360_000) };

/// An instance with a meter.
async fn metered(db: &Db, house: &House, name: &str, vmid: u32) -> innkeeper_domain::instances::Instance {
    let mut instance = house.instance(name, vmid);
    instance.rate = RATE;
    let mut tx = db.begin().await.unwrap();
    instances::insert(&mut tx, &instance, None).await.unwrap();
    usage::begin(&mut tx, instance.id, instance.project_id, Micros(0), NOW).await.unwrap();
    tx.commit().await.unwrap();
    instance
}

async fn switch(
    db: &Db,
    instance: &innkeeper_domain::instances::Instance,
    next: Option<Tariff>,
    now: Timestamp,
) {
    let mut tx = db.begin().await.unwrap();
    let mut metered = usage::of_instance(&mut tx, instance.id).await.unwrap().unwrap();
    let next = next.map(|tariff| (tariff, instance.rate.under(tariff)));
    usage::switch(&mut tx, &mut metered, next, now).await.unwrap();
    instances::set_tariff(&mut tx, instance.id, next.map(|(tariff, _)| tariff)).await.unwrap();
    tx.commit().await.unwrap();
}

/// The segments of the house's project, oldest first: tariff, from, to in seconds from now.
async fn segments(db: &Db, project: ProjectId) -> Vec<(Tariff, i64, Option<i64>)> {
    let seconds = |at: Timestamp| (at.0 - NOW.0) / 1_000_000;
    let found = usage::segments(db, project, None, None, 99).await.unwrap();
    found.iter().rev().map(|s| (s.tariff, seconds(s.from), s.to.map(seconds))).collect()
}

both! {
    async fn a_price_list_reads_back_and_the_newest_holds(db: Db) {
        assert_eq!(prices::current(&db).await.unwrap(), None);
        let house = House::build(&db).await;
        let unit = |n| UnitPrices { core_micros: Micros(n), memory_gib_micros: Micros(n + 1), disk_gib_micros: Micros(n + 2) };
        let list = |n| PriceList { id: PriceListId::new(), running: unit(n), stopped: unit(n + 10), created_at: NOW, created_by: None };
        let (old, new) = (list(1), PriceList { created_by: Some(house.user.id), ..list(4) });
        let mut tx = db.begin().await.unwrap();
        prices::insert(&mut tx, &old).await.unwrap();
        prices::insert(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(prices::current(&db).await.unwrap(), Some(new.clone()));
        assert_eq!(prices::list(&db, None, 9).await.unwrap(), [new.clone(), old.clone()]);
        assert_eq!(prices::list(&db, Some(new.id), 9).await.unwrap(), [old]);
    }

    async fn a_plan_can_have_a_price_of_its_own(db: Db) {
        let house = House::build(&db).await;
        for price in [Some(RATE), None] {
            let mut tx = db.begin().await.unwrap();
            assert!(plans::set_price(&mut tx, house.plan.id, price).await.unwrap());
            assert!(!plans::set_price(&mut tx, innkeeper_domain::ids::PlanId::new(), price).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(plans::by_id(&db, house.plan.id).await.unwrap().unwrap().price, price);
        }
        let plan = innkeeper_domain::plans::Plan { id: innkeeper_domain::ids::PlanId::new(), price: Some(RATE), ..house.plan.clone() };
        let mut tx = db.begin().await.unwrap();
        plans::insert(&mut tx, &plan).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(plans::by_id(&db, plan.id).await.unwrap(), Some(plan));
    }

    async fn an_instance_keeps_its_rate_and_shows_its_tariff(db: Db) {
        let house = House::build(&db).await;
        let made = metered(&db, &house, "web", 100).await;
        assert_eq!(instances::by_id(&db, made.id).await.unwrap(), Some(made.clone()));
        switch(&db, &made, Some(Tariff::Stopped), NOW).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(instances::rate(&mut tx, made.id).await.unwrap(), Some(RATE));
        instances::set_rate(&mut tx, made.id, Rate::FREE).await.unwrap();
        assert_eq!(instances::rate(&mut tx, made.id).await.unwrap(), Some(Rate::FREE));
        tx.commit().await.unwrap();
        let found = instances::by_id(&db, made.id).await.unwrap().unwrap();
        assert_eq!((found.rate, found.tariff), (Rate::FREE, Some(Tariff::Stopped)));
        let mut tx = db.begin().await.unwrap();
        assert!(instances::save(&mut tx, &made).await.unwrap());
        tx.commit().await.unwrap();
        let found = instances::by_id(&db, made.id).await.unwrap().unwrap();
        assert_eq!((found.rate, found.tariff), (Rate::FREE, None), "a worker writes the tariff, not the rate");
    }

    async fn segments_follow_each_other_without_gap_or_overlap_even_when_the_clock_is_set_back(db: Db) {
        let house = House::build(&db).await;
        let web = metered(&db, &house, "web", 100).await;
        let (run, stop) = (Tariff::Running, Tariff::Stopped);
        switch(&db, &web, Some(run), at(0)).await;
        switch(&db, &web, Some(stop), at(100)).await;
        switch(&db, &web, Some(run), at(40)).await;
        switch(&db, &web, None, at(300)).await;
        switch(&db, &web, Some(run), at(250)).await;
        let expected = [
            (run, 0, Some(100)), (stop, 100, Some(100)), (run, 100, Some(300)), (run, 300, None),
        ];
        assert_eq!(segments(&db, house.project.id).await, expected);
        let mut tx = db.begin().await.unwrap();
        let found = usage::of_instance(&mut tx, web.id).await.unwrap().unwrap();
        let parts: Vec<(i64, i64, Option<i64>)> = found.parts.iter()
            .map(|p| (p.rate.0, (p.from.0 - NOW.0) / 1_000_000, p.to.map(|to| (to.0 - NOW.0) / 1_000_000))).collect();
        // The one of no length has nothing to charge.
        let running = RATE.running_micros.0;
        assert_eq!(parts, [(running, 0, Some(100)), (running, 100, Some(300)), (running, 300, None)]);
        assert_eq!(usage::of_instance(&mut tx, innkeeper_domain::ids::InstanceId::new()).await.unwrap(), None);
    }

    async fn meters_are_due_while_they_have_something_to_charge(db: Db) {
        let house = House::build(&db).await;
        let project = house.project.id;
        let (a, b, c) = (metered(&db, &house, "a", 100).await, metered(&db, &house, "b", 101).await, metered(&db, &house, "c", 102).await);
        switch(&db, &a, Some(Tariff::Running), at(0)).await;
        switch(&db, &b, Some(Tariff::Stopped), at(0)).await;
        switch(&db, &b, None, at(50)).await;
        let due = async |until, after| {
            let mut tx = db.begin().await.unwrap();
            let found = usage::due(&mut tx, until, after, 9).await.unwrap();
            // Waited for: who looks next leaves out what is locked.
            tx.rollback().await.unwrap();
            found.iter().map(|m| m.instance_id).collect::<Vec<_>>()
        };
        assert_eq!(due(at(0), None).await, []);
        assert_eq!(due(at(10), None).await, [a.id, b.id]);
        assert_eq!(due(at(10), Some(a.id)).await, [b.id]);
        let spent = usage::spending(&db, Some(project), at(100), None, 9).await.unwrap();
        assert_eq!(spent.len(), 1);
        assert_eq!((spent[0].per_hour, spent[0].accrued), (Micros(3_600_000), Micros(100_000 + 5000)));
        assert_eq!(usage::spending(&db, Some(ProjectId::new()), at(100), None, 9).await.unwrap(), []);
        assert_eq!(usage::spending(&db, None, at(100), Some(project), 9).await.unwrap(), []);

        let mut tx = db.begin().await.unwrap();
        let mut found = usage::due(&mut tx, at(60), None, 9).await.unwrap();
        for m in &mut found {
            let end = |part: &Uncharged| part.to.unwrap_or(at(60));
            m.parts.iter_mut().for_each(|part| part.from = end(part));
            m.meter = Meter { charged: Micros(7), carry: -3 };
        }
        usage::charged(&mut tx, &found).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(at(60), None).await, []);
        assert_eq!(due(at(61), None).await, [a.id]);
        let mut tx = db.begin().await.unwrap();
        let of_b = usage::of_instance(&mut tx, b.id).await.unwrap().unwrap();
        assert_eq!((of_b.meter, of_b.parts), (Meter { charged: Micros(7), carry: -3 }, vec![]));
        let all: Vec<_> = usage::of_project_tx(&mut tx, project).await.unwrap().iter().map(|m| m.instance_id).collect();
        assert_eq!(all, [a.id, b.id, c.id]);
        let rates = usage::rates(&mut tx, project).await.unwrap();
        assert_eq!(rates, [(a.id, RATE), (b.id, RATE), (c.id, RATE)].into());
        usage::end(&mut tx, b.id).await.unwrap();
        assert_eq!(usage::of_instance(&mut tx, b.id).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(usage::segments(&db, project, Some(b.id), None, 9).await.unwrap().len(), 1, "what was used stays known");
    }

    async fn a_notice_waits_until_it_was_told(db: Db) {
        let house = House::build(&db).await;
        let notice = Notice {
            id: NoticeId::new(), project_id: house.project.id, kind: Kind::DayLeft, about: Some("23 h".into()), at: NOW, told_at: None,
        };
        let mut tx = db.begin().await.unwrap();
        notices::insert(&mut tx, &notice).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(notices::untold(&db, 9).await.unwrap(), [notice.clone()]);
        let mut tx = db.begin().await.unwrap();
        assert!(notices::told(&mut tx, notice.id, at(5)).await.unwrap());
        assert!(!notices::told(&mut tx, notice.id, at(6)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(notices::untold(&db, 9).await.unwrap(), []);
        let told = Notice { told_at: Some(at(5)), ..notice.clone() };
        assert_eq!(notices::list(&db, house.project.id, None, 9).await.unwrap(), [told]);
        assert_eq!(notices::list(&db, house.project.id, Some(notice.id), 9).await.unwrap(), []);
    }

    async fn what_a_project_was_told_of_its_runway_reads_back(db: Db) {
        let house = House::build(&db).await;
        let project = house.project.id;
        assert_eq!(notices::runway(&db, project).await.unwrap(), Runway::default());
        let runway = Runway { warned: Some(Kind::HourLeft), held_since: Some(NOW), grace_told: Some((Kind::HalfGrace, at(3))) };
        let mut tx = db.begin().await.unwrap();
        assert_eq!(notices::runway_tx(&mut tx, project).await.unwrap(), Runway::default());
        notices::set_runway(&mut tx, project, &runway).await.unwrap();
        assert_eq!(notices::runway_tx(&mut tx, project).await.unwrap(), runway);
        tx.commit().await.unwrap();
        assert_eq!(notices::runway(&db, project).await.unwrap(), runway);
        assert_eq!(notices::runways(&db).await.unwrap(), [(project, runway)]);
        let mut tx = db.begin().await.unwrap();
        notices::set_runway(&mut tx, project, &Runway::default()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(notices::runways(&db).await.unwrap(), []);
    }
}
