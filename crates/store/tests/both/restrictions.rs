//! What keeps projects from running, and whom it concerns.

use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::instances::{Guest, Instance, Owner, Power, Seen};
use innkeeper_domain::projects::Restriction;
use innkeeper_store::restrictions::{among, impose, lift, of, of_tx, set_resumes, to_resume, to_stop};
use innkeeper_store::{Db, instances};

use crate::house::{House, NOW, at};

fn seen(owner: Owner, power: Power) -> Seen {
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

async fn add(db: &Db, instance: &Instance) {
    let mut tx = db.begin().await.unwrap();
    instances::insert(&mut tx, instance, None).await.unwrap();
    tx.commit().await.unwrap();
}

both! {
    async fn restrictions_add_up_and_are_lifted_one_by_one(db: Db) {
        let project = House::build(&db).await.project.id;
        let mut tx = db.begin().await.unwrap();
        assert!(impose(&mut tx, project, Restriction::Banned, at(1)).await.unwrap());
        assert!(impose(&mut tx, project, Restriction::BillingHold, at(2)).await.unwrap());
        assert!(!impose(&mut tx, project, Restriction::Banned, at(3)).await.unwrap());
        tx.commit().await.unwrap();
        let both = [(Restriction::Banned, at(1)), (Restriction::BillingHold, at(2))];
        assert_eq!(of(&db, project).await.unwrap(), both);
        let mut tx = db.begin().await.unwrap();
        assert!(lift(&mut tx, project, Restriction::Banned).await.unwrap());
        assert!(!lift(&mut tx, project, Restriction::Banned).await.unwrap());
        assert_eq!(of_tx(&mut tx, project).await.unwrap(), both[1..]);
        tx.commit().await.unwrap();
    }

    async fn what_runs_is_stopped_and_what_ran_is_started_again(db: Db) {
        let house = House::build(&db).await;
        let mut made = Vec::new();
        for (n, (owner, power)) in [
            (Owner::Ours, Power::Running),
            (Owner::Ours, Power::Paused),
            (Owner::Ours, Power::Stopped),
            (Owner::Foreign, Power::Running),
            (Owner::Doubtful, Power::Running),
        ].into_iter().enumerate() {
            let mut instance = house.instance(&format!("guest-{n}"), 100 + n as u32);
            instance.course.born = true;
            instance.course.seen = seen(owner, power);
            add(&db, &instance).await;
            made.push(instance.id);
        }
        let mut gone = house.instance("gone", 200);
        gone.course.born = true;
        gone.course.seen = seen(Owner::Ours, Power::Running);
        gone.deleted_at = Some(NOW);
        add(&db, &gone).await;
        let (busy, _) = house.busy(&db, "busy", 201).await;

        assert_eq!(to_stop(&db, 10).await.unwrap(), []);
        let mut tx = db.begin().await.unwrap();
        impose(&mut tx, house.project.id, Restriction::Suspended, NOW).await.unwrap();
        set_resumes(&mut tx, made[0], true).await.unwrap();
        set_resumes(&mut tx, gone.id, true).await.unwrap();
        set_resumes(&mut tx, busy.id, true).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(to_stop(&db, 10).await.unwrap(), made[..2]);
        let (ours, other) = (house.project.id, ProjectId::new());
        let mut tx = db.begin().await.unwrap();
        impose(&mut tx, ours, Restriction::BillingHold, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let restricted = among(&db, &[other, ours]).await.unwrap();
        assert_eq!(restricted, [(ours, Restriction::Suspended)].into(), "the worse of the two");
        assert_eq!(among(&db, &[other]).await.unwrap(), [].into());
        let mut tx = db.begin().await.unwrap();
        lift(&mut tx, ours, Restriction::BillingHold).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(to_stop(&db, 1).await.unwrap(), made[..1]);
        assert_eq!(to_resume(&db, 10).await.unwrap(), []);

        let mut tx = db.begin().await.unwrap();
        lift(&mut tx, house.project.id, Restriction::Suspended).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(to_stop(&db, 10).await.unwrap(), []);
        assert_eq!(to_resume(&db, 10).await.unwrap(), made[..1]);
        let mut tx = db.begin().await.unwrap();
        set_resumes(&mut tx, made[0], false).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(to_resume(&db, 10).await.unwrap(), []);
    }
}
