//! Templates, where they are kept, and plans.

use innkeeper_domain::ids::{PlanId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::plans::Plan;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Origin, Source, Template};
use innkeeper_store::{plans, templates};

use crate::house::House;

both! {
    async fn a_template_reads_back_and_can_be_withdrawn(db: Db) {
        let house = House::build(&db).await;
        let vm = Template {
            id: TemplateId::new(),
            name: "Alpine".parse().unwrap(),
            kind: Kind::Qemu,
            least: Size { cores: 1, memory_mib: 2, disk_gib: 3 },
            default_size: Size { cores: 4, memory_mib: 5, disk_gib: 6 },
            most: Size { cores: 7, memory_mib: 8, disk_gib: 9 },
            reports_address: false,
            ..house.template.clone()
        };
        let mut tx = db.begin().await.unwrap();
        templates::insert(&mut tx, &vm).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(templates::by_id(&db, vm.id).await.unwrap(), Some(vm.clone()));
        assert_eq!(templates::by_id(&db, TemplateId::new()).await.unwrap(), None);
        assert_eq!(templates::list(&db, true).await.unwrap(), [vm.clone(), house.template.clone()]);

        let mut tx = db.begin().await.unwrap();
        assert!(templates::set_offered(&mut tx, vm.id, false).await.unwrap());
        assert!(!templates::set_offered(&mut tx, TemplateId::new(), false).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(templates::list(&db, true).await.unwrap(), [house.template.clone()]);
        assert_eq!(templates::list(&db, false).await.unwrap().len(), 2);
    }

    async fn a_source_said_again_takes_the_place_of_the_one_before(db: Db) {
        let house = House::build(&db).await;
        let source = |node: Option<&str>, origin| Source {
            template_id: house.template.id,
            cluster_id: house.cluster.id,
            node: node.map(|name| name.parse().unwrap()),
            origin,
        };
        let everywhere = source(None, Origin::Volume("nas:vztmpl/debian-12.1.tar.zst".into()));
        let newer = source(None, Origin::Volume("nas:vztmpl/debian-12.2.tar.zst".into()));
        let one_node = source(Some("pve2"), Origin::Vm(9000));
        let mut tx = db.begin().await.unwrap();
        for source in [&everywhere, &one_node, &newer] {
            templates::add_source(&mut tx, source).await.unwrap();
        }
        tx.commit().await.unwrap();
        let all = [newer, one_node];
        assert_eq!(templates::sources(&db, house.template.id).await.unwrap(), all);
        assert_eq!(templates::all_sources(&db).await.unwrap(), all);
        assert_eq!(templates::sources(&db, TemplateId::new()).await.unwrap(), []);
    }

    async fn a_plan_reads_back_and_can_be_withdrawn(db: Db) {
        let house = House::build(&db).await;
        let tiny = Plan {
            id: PlanId::new(),
            name: "Tiny".parse().unwrap(),
            size: Size { cores: 1, memory_mib: 256, disk_gib: 2 },
            ..house.plan.clone()
        };
        let mut tx = db.begin().await.unwrap();
        plans::insert(&mut tx, &tiny).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(plans::list(&db, true).await.unwrap(), [tiny.clone(), house.plan.clone()]);
        assert_eq!(plans::by_id(&db, tiny.id).await.unwrap(), Some(tiny.clone()));
        assert_eq!(plans::by_id(&db, PlanId::new()).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        assert!(plans::set_offered(&mut tx, tiny.id, false).await.unwrap());
        assert!(!plans::set_offered(&mut tx, PlanId::new(), true).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(plans::list(&db, true).await.unwrap(), [house.plan.clone()]);
        assert_eq!(plans::list(&db, false).await.unwrap().len(), 2);
    }
}
