//! Rows of instances: what is written is read, what must be unique is.

use innkeeper_domain::ids::{ClusterId, InstanceId, OperationId, ProjectId};
use innkeeper_domain::instances::{Act, Guest, Instance, Kind, Owner, Power, Resizing, Seen, Task};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::projects::Project;
use innkeeper_domain::templates::Origin;
use innkeeper_store::instances::{
    Filter, active_names, by_id, by_id_tx, in_cluster, insert, list, observed, save,
};
use innkeeper_store::{Db, Error, operations, projects};

use crate::house::{House, NOW, at};

const GUEST: Guest = Guest {
    owner: Owner::Ours,
    power: Power::Running,
    locked: false,
    fitted: true,
    grown: false,
    guarded: true,
    addressed: true,
};

async fn add(db: &Db, instance: &Instance) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    insert(&mut tx, instance, None).await?;
    tx.commit().await
}

async fn write(db: &Db, instance: &Instance) -> bool {
    let mut tx = db.begin().await.unwrap();
    let saved = save(&mut tx, instance).await.unwrap();
    tx.commit().await.unwrap();
    saved
}

both! {
    async fn every_field_reads_back_as_written(db: Db) {
        let house = House::build(&db).await;
        let (mut instance, operation) = house.busy(&db, "web-1", 100).await;
        assert_eq!(by_id(&db, instance.id).await.unwrap(), Some(instance.clone()));
        assert_eq!(by_id(&db, InstanceId::new()).await.unwrap(), None);

        instance.node = "pve2".parse().unwrap();
        instance.storage = "nas".parse().unwrap();
        instance.vmid = 321;
        instance.origin = Origin::Vm(9000);
        instance.course.wish = Verb::Resize.wish(at(3), false, Power::Running, Some(Act::BackUp));
        instance.course.born = true;
        instance.course.seen = Seen::Present(GUEST);
        instance.course.task = Task::Asked { act: Act::Grow, at: at(4) };
        instance.course.attempts = 7;
        instance.upid = Some("UPID:pve2:…".into());
        instance.resize_from = Some(Resizing { size: instance.size, plan_id: instance.plan_id, rate: instance.rate });
        (instance.size.cores, instance.size.memory_mib, instance.size.disk_gib) = (3, 3000, 30);
        instance.plan_id = None;
        instance.operation = Some((operation.id, Verb::Create));
        instance.address = Some("192.0.2.7".into());
        instance.problem = Some("it’s slow; 'quoted'".into());
        instance.seen_at = Some(at(5));
        assert!(write(&db, &instance).await);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(by_id_tx(&mut tx, instance.id).await.unwrap(), Some(instance.clone()));
        assert_eq!(by_id_tx(&mut tx, InstanceId::new()).await.unwrap(), None);
        tx.rollback().await.unwrap();

        for (seen, task) in [
            (Seen::Unknown, Task::Running { act: Act::Create, cancelled: true }),
            (Seen::Absent, Task::None),
        ] {
            instance.course.seen = seen;
            instance.course.task = task;
            instance.operation = None;
            instance.deleted_at = Some(at(6));
            assert!(write(&db, &instance).await);
            assert_eq!(by_id(&db, instance.id).await.unwrap(), Some(instance.clone()));
        }
        let vanished = Instance { id: InstanceId::new(), ..instance };
        assert!(!write(&db, &vanished).await);
    }

    async fn a_name_is_taken_in_its_project_until_its_instance_is_deleted(db: Db) {
        let house = House::build(&db).await;
        let other = Project { id: ProjectId::new(), personal_of: None, ..house.project.clone() };
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &other).await.unwrap();
        tx.commit().await.unwrap();
        let mut first = house.instance("web-1", 100);
        add(&db, &first).await.unwrap();
        let error = add(&db, &house.instance("web-1", 101)).await.unwrap_err();
        assert!(matches!(error, Error::Conflict("name")), "{error:?}");
        add(&db, &Instance { project_id: other.id, ..house.instance("web-1", 102) }).await.unwrap();

        let mut tx = db.begin().await.unwrap();
        assert!(active_names(&mut tx, house.project.id, &first.name).await.unwrap());
        assert!(!active_names(&mut tx, house.project.id, &"web-2".parse().unwrap()).await.unwrap());
        first.deleted_at = Some(NOW);
        assert!(save(&mut tx, &first).await.unwrap());
        assert!(!active_names(&mut tx, house.project.id, &first.name).await.unwrap());
        tx.commit().await.unwrap();
        add(&db, &house.instance("web-1", 101)).await.unwrap();
    }

    async fn a_number_is_taken_in_its_cluster_until_its_instance_is_deleted(db: Db) {
        let house = House::build(&db).await;
        let mut first = house.instance("web-1", 100);
        add(&db, &first).await.unwrap();
        let second = house.instance("web-2", 100);
        let error = add(&db, &second).await.unwrap_err();
        assert!(matches!(error, Error::Conflict("vmid")), "{error:?}");
        let third = house.instance("web-3", 103);
        add(&db, &third).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let error = save(&mut tx, &Instance { vmid: 100, ..third }).await.unwrap_err();
        assert!(matches!(error, Error::Conflict("vmid")), "{error:?}");
        tx.rollback().await.unwrap();
        first.deleted_at = Some(NOW);
        assert!(write(&db, &first).await);
        add(&db, &second).await.unwrap();
    }

    async fn an_instance_of_nobody_cannot_be_written(db: Db) {
        let house = House::build(&db).await;
        let mut orphan = house.instance("web-1", 100);
        orphan.cluster_id = ClusterId::new();
        assert!(matches!(add(&db, &orphan).await, Err(Error::Database(_))));
        let mut orphan = house.instance("web-1", 100);
        orphan.operation = Some((OperationId::new(), Verb::Create));
        assert!(matches!(add(&db, &orphan).await, Err(Error::Database(_))), "its operation never came");
        assert_eq!(list(&db, &Filter::default(), None, 10).await.unwrap(), []);
        add(&db, &house.instance("web-1", 100)).await.unwrap();
    }

    async fn lists_are_filtered_and_come_newest_first(db: Db) {
        let house = House::build(&db).await;
        let other = Project { id: ProjectId::new(), personal_of: None, ..house.project.clone() };
        let mut tx = db.begin().await.unwrap();
        projects::insert(&mut tx, &other).await.unwrap();
        let a = house.instance("web-1", 100);
        let b = Instance { kind: Kind::Qemu, ..house.instance("db-1", 101) };
        let c = Instance { project_id: other.id, ..house.instance("web-2", 102) };
        let d = Instance { deleted_at: Some(NOW), ..house.instance("web-3", 103) };
        for instance in [&a, &b, &c, &d] {
            insert(&mut tx, instance, None).await.unwrap();
        }
        tx.commit().await.unwrap();

        let named = |text: &str| Filter { name_contains: Some(text.into()), ..Filter::default() };
        let all = Filter { include_deleted: true, ..Filter::default() };
        let of = |ids: &[ProjectId]| Filter { project_ids: Some(ids.to_vec()), ..Filter::default() };
        let kind = Filter { kind: Some(Kind::Qemu), ..Filter::default() };
        let here = Filter { cluster_id: Some(house.cluster.id), ..Filter::default() };
        let elsewhere = Filter { cluster_id: Some(ClusterId::new()), ..Filter::default() };
        for (filter, expected) in [
            (Filter::default(), vec![&c, &b, &a]),
            (all, vec![&d, &c, &b, &a]),
            (of(&[house.project.id]), vec![&b, &a]),
            (of(&[house.project.id, other.id]), vec![&c, &b, &a]),
            (of(&[]), vec![]),
            (kind, vec![&b]),
            (here, vec![&c, &b, &a]),
            (elsewhere, vec![]),
            (named("WEB"), vec![&c, &a]),
            (named("b-1"), vec![&b, &a]),
            (named(""), vec![&c, &b, &a]),
            (named("%"), vec![]),
            (named("_"), vec![]),
        ] {
            let found = list(&db, &filter, None, 10).await.unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        }
        let page = list(&db, &Filter::default(), None, 2).await.unwrap();
        assert_eq!(page, [c.clone(), b.clone()]);
        assert_eq!(list(&db, &Filter::default(), Some(page[1].id), 2).await.unwrap(), [a.clone()]);
        assert_eq!(in_cluster(&db, house.cluster.id).await.unwrap(), [a, b, c]);
        assert_eq!(in_cluster(&db, ClusterId::new()).await.unwrap(), []);
    }

    async fn the_poller_writes_only_to_instances_that_rest(db: Db) {
        let house = House::build(&db).await;
        let mut instance = house.instance("web-1", 100);
        instance.seen_at = Some(at(-5));
        add(&db, &instance).await.unwrap();
        let node = "pve2".parse().unwrap();
        let look = |seen, fence| { let (db, id, node) = (db.clone(), instance.id, &node); async move {
            let mut tx = db.begin().await.unwrap();
            let wrote = observed(&mut tx, id, &seen, node, Some("odd"), at(1), fence).await.unwrap();
            tx.commit().await.unwrap();
            (wrote, by_id(&db, id).await.unwrap().unwrap())
        } };
        let (wrote, now) = look(Seen::Absent, 0).await;
        assert!(wrote);
        assert_eq!((now.course.seen, now.seen_at), (Seen::Absent, Some(at(-5))), "it was not seen");
        let (wrote, now) = look(Seen::Present(GUEST), 0).await;
        assert!(wrote);
        assert_eq!((now.course.seen, now.seen_at), (Seen::Present(GUEST), Some(at(1))));
        assert_eq!((now.node, now.problem.as_deref()), (node.clone(), Some("odd")));
        assert!(!look(Seen::Absent, 1).await.0, "another fence");

        let operation = house.operation(instance.id, Verb::Stop);
        let mut tx = db.begin().await.unwrap();
        operations::insert(&mut tx, &operation).await.unwrap();
        tx.commit().await.unwrap();
        let busy = Instance { operation: Some((operation.id, Verb::Stop)), ..instance.clone() };
        let mut tasked = instance.clone();
        tasked.course.task = Task::Running { act: Act::Stop, cancelled: false };
        let gone = Instance { deleted_at: Some(NOW), ..instance.clone() };
        for state in [busy, tasked, gone] {
            assert!(write(&db, &state).await);
            let (wrote, now) = look(Seen::Present(GUEST), 0).await;
            assert!(!wrote);
            assert_eq!(now, state);
        }
    }
}
