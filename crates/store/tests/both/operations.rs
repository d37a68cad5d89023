//! Operations and their steps.

use innkeeper_domain::ids::{InstanceId, OperationId, ProjectId};
use innkeeper_domain::instances::Act;
use innkeeper_domain::operations::{Fault, Operation, State, StepState, Verb};
use innkeeper_store::Db;
use innkeeper_store::operations::{
    Filter, begin_step, by_id, end_step, insert, list, open_step, set_state, step_upid, upids,
};

use crate::house::{House, NOW, at};

async fn set(db: &Db, id: OperationId, state: State, fault: Option<&Fault>, ended: bool) -> bool {
    let mut tx = db.begin().await.unwrap();
    let changed = set_state(&mut tx, id, state, fault, ended.then_some(at(9))).await.unwrap();
    tx.commit().await.unwrap();
    changed
}

both! {
    async fn an_operation_reads_back_with_its_steps_in_order(db: Db) {
        let house = House::build(&db).await;
        let (instance, mut operation) = house.busy(&db, "web-1", 100).await;
        assert_eq!(by_id(&db, operation.id).await.unwrap(), Some(operation.clone()));
        assert_eq!(by_id(&db, OperationId::new()).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(open_step(&mut tx, operation.id).await.unwrap(), None);
        assert_eq!(begin_step(&mut tx, operation.id, Act::Create, at(1)).await.unwrap(), 1);
        step_upid(&mut tx, operation.id, 1, "UPID:1").await.unwrap();
        end_step(&mut tx, operation.id, 1, StepState::Done, Some("2 warnings"), at(2)).await.unwrap();
        assert_eq!(open_step(&mut tx, operation.id).await.unwrap(), None);
        assert_eq!(begin_step(&mut tx, operation.id, Act::Start, at(3)).await.unwrap(), 2);
        step_upid(&mut tx, operation.id, 2, "UPID:2").await.unwrap();
        let open = open_step(&mut tx, operation.id).await.unwrap().unwrap();
        assert_eq!((open.seq, open.act, open.state), (2, Act::Start, StepState::Running));
        assert_eq!(upids(&mut tx, instance.id).await.unwrap(), ["UPID:1", "UPID:2"]);
        assert_eq!(upids(&mut tx, InstanceId::new()).await.unwrap(), [""; 0]);
        tx.commit().await.unwrap();

        let read = by_id(&db, operation.id).await.unwrap().unwrap();
        let first = &read.steps[0];
        assert_eq!((first.seq, first.act, first.state), (1, Act::Create, StepState::Done));
        assert_eq!((first.upid.as_deref(), first.detail.as_deref()), (Some("UPID:1"), Some("2 warnings")));
        assert_eq!((first.started_at, first.ended_at), (at(1), Some(at(2))));
        assert_eq!(read.steps[1], open);
        operation.steps.clone_from(&read.steps);
        assert_eq!(read, operation);
    }

    async fn an_operation_that_has_ended_never_changes_again(db: Db) {
        let house = House::build(&db).await;
        let (_, operation) = house.busy(&db, "web-1", 100).await;
        let fault = Fault { code: "no_room".into(), message: "No node has room; ask for less.".into() };
        assert!(set(&db, operation.id, State::Running, None, false).await);
        assert!(set(&db, operation.id, State::Undoing, Some(&fault), false).await);
        assert!(set(&db, operation.id, State::Failed, None, true).await);
        let ended = by_id(&db, operation.id).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.fault.as_ref(), ended.ended_at), (State::Failed, Some(&fault), Some(at(9))));
        for state in State::ALL {
            assert!(!set(&db, operation.id, *state, None, false).await, "{state}");
        }
        assert_eq!(by_id(&db, operation.id).await.unwrap(), Some(ended));
        assert!(!set(&db, OperationId::new(), State::Running, None, false).await);
    }

    async fn lists_are_filtered_and_come_newest_first_with_their_steps(db: Db) {
        let house = House::build(&db).await;
        let (one, a) = house.busy(&db, "web-1", 100).await;
        let (two, b) = house.busy(&db, "web-2", 101).await;
        let c = Operation { state: State::Succeeded, asked_by: None, ..house.operation(one.id, Verb::Stop) };
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &c).await.unwrap();
        for (operation, steps) in [(&a, 1), (&b, 2)] {
            for _ in 0..steps {
                begin_step(&mut tx, operation.id, Act::Create, NOW).await.unwrap();
            }
        }
        tx.commit().await.unwrap();

        let of = |ids: &[ProjectId]| Filter { project_ids: Some(ids.to_vec()), ..Filter::default() };
        let instance = |id| Filter { instance_id: Some(id), ..Filter::default() };
        let active = Filter { active_only: true, ..Filter::default() };
        for (filter, expected) in [
            (Filter::default(), vec![(c.id, 0), (b.id, 2), (a.id, 1)]),
            (of(&[house.project.id]), vec![(c.id, 0), (b.id, 2), (a.id, 1)]),
            (of(&[ProjectId::new()]), vec![]),
            (instance(one.id), vec![(c.id, 0), (a.id, 1)]),
            (instance(two.id), vec![(b.id, 2)]),
            (active, vec![(b.id, 2), (a.id, 1)]),
        ] {
            let found = list(&db, &filter, None, 10).await.unwrap();
            let found: Vec<_> = found.iter().map(|o| (o.id, o.steps.len())).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
        let page = list(&db, &Filter::default(), None, 1).await.unwrap();
        assert_eq!(page, [c.clone()]);
        let page = list(&db, &Filter::default(), Some(c.id), 1).await.unwrap();
        assert_eq!(page[0].id, b.id);
    }
}
