//! Why an instance was placed where it was placed.

use innkeeper_domain::instances::Kind;
use innkeeper_domain::placement::{Wanted, survey};
use innkeeper_store::{nodes, placements};

use crate::house::{House, NOW, SIZE, at, node};

both! {
    async fn what_was_found_is_kept_and_a_later_finding_takes_its_place(db: Db) {
        let house = House::build(&db).await;
        let instance = &house.fill(&db, 1).await[0];
        assert_eq!(placements::of(&db, instance.id).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        nodes::replace(&mut tx, house.cluster.id, &[node(house.cluster.id, "pve1")], &[]).await.unwrap();
        let (offers, storages) = nodes::offers(&mut tx).await.unwrap();
        let wanted = Wanted { kind: Kind::Lxc, size: SIZE, sources: None, avoid: &[] };
        let found = survey(wanted, &offers, &storages);
        placements::put(&mut tx, instance.id, &[], NOW).await.unwrap();
        placements::put(&mut tx, instance.id, &found, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(placements::of(&db, instance.id).await.unwrap(), Some((at(5), found)));
    }
}
