//! Clusters, nodes, storages, and what placement is offered.

use innkeeper_domain::clusters::{Cluster, Health};
use innkeeper_domain::ids::ClusterId;
use innkeeper_store::{KeyRing, SealKey, clusters, instances, nodes};

use crate::house::{GIB, House, NOW, at, cluster, node, storage};

both! {
    async fn a_cluster_reads_back_and_its_secret_opens_in_its_place(db: Db) {
        let house = House::build(&db).await;
        let ring = KeyRing::new(SealKey::generate(), Vec::new());
        let other = Cluster {
            name: "Attic".parse().unwrap(), pool: None, version: None, seen_at: None,
            health: Health::Unknown, open: false, ..cluster(200)
        };
        let place = format!("clusters/token_secret/{}", other.id);
        let mut tx = db.begin().await.unwrap();
        clusters::insert(&mut tx, &other, &ring.seal(b"s3cret", &place)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(clusters::list(&db).await.unwrap(), [other.clone(), house.cluster.clone()]);
        assert_eq!(clusters::by_id(&db, other.id).await.unwrap(), Some(other.clone()));
        assert_eq!(clusters::by_id(&db, ClusterId::new()).await.unwrap(), None);
        let sealed = clusters::secret(&db, other.id).await.unwrap().unwrap();
        assert_eq!(ring.open(&sealed, &place).unwrap().as_slice(), b"s3cret");
        assert_eq!(clusters::secret(&db, ClusterId::new()).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        assert!(clusters::set_open(&mut tx, other.id, true).await.unwrap());
        assert!(!clusters::set_open(&mut tx, ClusterId::new(), true).await.unwrap());
        tx.commit().await.unwrap();
        assert!(clusters::by_id(&db, other.id).await.unwrap().unwrap().open);
    }

    async fn a_failed_look_keeps_the_version_that_was_known(db: Db) {
        let id = House::build(&db).await.cluster.id;
        for (health, problem, version, known) in [
            (Health::Healthy, None, Some("9.0.3"), Some("9.0.3")),
            (Health::Unreachable, Some("no route to host"), None, Some("9.0.3")),
        ] {
            let mut tx = db.begin().await.unwrap();
            clusters::observed(&mut tx, id, health, problem, version, at(5)).await.unwrap();
            tx.commit().await.unwrap();
            let seen = clusters::by_id(&db, id).await.unwrap().unwrap();
            assert_eq!((seen.health, seen.problem.as_deref(), seen.version.as_deref(), seen.seen_at),
                (health, problem, known, Some(at(5))));
        }
    }

    async fn one_at_a_time_polls_a_cluster(db: Db) {
        let id = House::build(&db).await.cluster.id;
        let mut takers = Vec::new();
        for _ in 0..8 {
            let db = db.clone();
            takers.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let mine = clusters::claim_poll(&mut tx, id, NOW, at(10)).await.unwrap();
                tx.commit().await.unwrap();
                mine
            }));
        }
        let mut claims = 0;
        for taker in takers {
            claims += u32::from(taker.await.unwrap());
        }
        assert_eq!(claims, 1);
        for (now, expected) in [(9, false), (10, true), (11, false)] {
            let mut tx = db.begin().await.unwrap();
            let mine = clusters::claim_poll(&mut tx, id, at(now), at(now + 10)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(mine, expected, "at {now}");
        }
    }

    async fn nodes_are_replaced_by_what_was_seen_but_stay_in_maintenance(db: Db) {
        let c = House::build(&db).await.cluster.id;
        let first = [node(c, "pve1"), node(c, "pve2")];
        let disks = [storage(c, "pve1", "local", false), storage(c, "pve2", "local", false)];
        let mut tx = db.begin().await.unwrap();
        nodes::replace(&mut tx, c, &first, &disks).await.unwrap();
        assert!(nodes::set_maintenance(&mut tx, c, &first[0].name, true).await.unwrap());
        assert!(!nodes::set_maintenance(&mut tx, ClusterId::new(), &first[0].name, true).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(nodes::storages(&db, Some(c)).await.unwrap(), disks);

        let mut later = [node(c, "pve1"), node(c, "pve3")];
        later[0].memory_used = 7 * GIB;
        later[0].online = false;
        let mut kept = disks[0].clone();
        kept.used = 9 * GIB;
        kept.available = false;
        let mut tx = db.begin().await.unwrap();
        nodes::replace(&mut tx, c, &later, &[kept.clone()]).await.unwrap();
        tx.commit().await.unwrap();
        later[0].maintenance = true;
        assert_eq!(nodes::list(&db, Some(c)).await.unwrap(), later);
        assert_eq!(nodes::list(&db, None).await.unwrap(), later);
        assert_eq!(nodes::list(&db, Some(ClusterId::new())).await.unwrap(), []);
        assert_eq!(nodes::storages(&db, None).await.unwrap(), [kept]);

        let mut tx = db.begin().await.unwrap();
        nodes::replace(&mut tx, c, &[], &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(nodes::list(&db, None).await.unwrap(), []);
        assert_eq!(nodes::storages(&db, None).await.unwrap(), []);
    }

    async fn how_a_cluster_is_reached_can_change(db: Db) {
        let id = House::build(&db).await.cluster.id;
        let ring = innkeeper_store::KeyRing::new(innkeeper_store::SealKey::generate(), Vec::new());
        let sealed = ring.seal(b"other", "clusters/token_secret/x");
        let url = "https://pve9.example.org:8006".to_owned();
        let endpoints = [innkeeper_domain::clusters::Endpoint { url, fingerprint: None }];
        let mut tx = db.begin().await.unwrap();
        assert!(clusters::set_access(&mut tx, id, &endpoints, "a@pve!b", &sealed).await.unwrap());
        let nobody = innkeeper_domain::ids::ClusterId::new();
        assert!(!clusters::set_access(&mut tx, nobody, &endpoints, "a@pve!b", &sealed).await.unwrap());
        tx.commit().await.unwrap();
        let cluster = clusters::by_id(&db, id).await.unwrap().unwrap();
        assert_eq!((cluster.endpoints.as_slice(), cluster.token_id.as_str()), (&endpoints[..], "a@pve!b"));
        assert_eq!(clusters::secret(&db, id).await.unwrap().unwrap().as_str(), sealed.as_str());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(clusters::names(&mut tx).await.unwrap(), [cluster.name.as_str()]);
        tx.rollback().await.unwrap();
    }

    async fn offers_count_what_is_promised(db: Db) {
        let house = House::build(&db).await;
        let c = house.cluster.id;
        let mut tx = db.begin().await.unwrap();
        let seen = [node(c, "pve1"), node(c, "pve2")];
        let disks = [
            storage(c, "pve1", "local-lvm", false), storage(c, "pve1", "nas", true),
            storage(c, "pve2", "local-lvm", false), storage(c, "pve2", "nas", true),
        ];
        nodes::replace(&mut tx, c, &seen, &disks).await.unwrap();
        for (n, (node, storage, deleted)) in [
            ("pve1", "local-lvm", false), ("pve1", "nas", false), ("pve2", "nas", false), ("pve2", "nas", true),
        ].into_iter().enumerate() {
            let mut instance = house.instance(&format!("guest-{n}"), 100 + n as u32);
            instance.node = node.parse().unwrap();
            instance.storage = storage.parse().unwrap();
            instance.deleted_at = deleted.then_some(NOW);
            instance.course.born = true;
            instances::insert(&mut tx, &instance, None).await.unwrap();
        }
        // One that could not be made has no guest, and takes no room.
        instances::insert(&mut tx, &house.instance("failed", 200), None).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.begin().await.unwrap();
        let (node_offers, storage_offers) = nodes::offers(&mut tx).await.unwrap();
        tx.rollback().await.unwrap();
        let promised: Vec<_> = node_offers.iter().map(|o| (o.node.name.as_str(), o.memory_promised)).collect();
        assert_eq!(promised, [("pve1", 2 * GIB), ("pve2", GIB)]);
        assert_eq!(node_offers[0].node, seen[0]);
        assert!(node_offers.iter().all(|o| o.open && o.priority == -3));
        let promised: Vec<_> = storage_offers.iter().map(|o| {
            (o.storage.node.as_str(), o.storage.name.as_str(), o.disk_promised)
        }).collect();
        assert_eq!(promised, [
            ("pve1", "local-lvm", 10 * GIB), ("pve1", "nas", 20 * GIB),
            ("pve2", "local-lvm", 0), ("pve2", "nas", 20 * GIB),
        ]);
        assert_eq!(storage_offers[3].storage, disks[3]);
    }

    async fn a_cluster_that_is_closed_or_does_not_answer_takes_nothing(db: Db) {
        let c = House::build(&db).await.cluster.id;
        for (open, health, takes) in [
            (true, Health::Healthy, true), (true, Health::Degraded, true), (false, Health::Healthy, false),
            (true, Health::Unknown, false), (true, Health::Unreachable, false), (true, Health::Refused, false),
        ] {
            let mut tx = db.begin().await.unwrap();
            nodes::replace(&mut tx, c, &[node(c, "pve1")], &[]).await.unwrap();
            clusters::set_open(&mut tx, c, open).await.unwrap();
            clusters::observed(&mut tx, c, health, None, None, NOW).await.unwrap();
            let (offers, _) = nodes::offers(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(offers[0].open && offers[0].answers, takes, "{open} {health}");
            assert_eq!(offers[0].open, open);
        }
    }

    async fn whoever_chooses_a_place_sees_all_earlier_choices(db: Db) {
        let house = House::build(&db).await;
        let c = house.cluster.id;
        let mut tx = db.begin().await.unwrap();
        nodes::replace(&mut tx, c, &[node(c, "pve1")], &[]).await.unwrap();
        tx.commit().await.unwrap();
        let mut choosers = Vec::new();
        for n in 0..12 {
            let (db, mut instance) = (db.clone(), house.instance(&format!("guest-{n}"), 100 + n));
            instance.course.born = true;
            choosers.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let (offers, _) = nodes::offers(&mut tx).await.unwrap();
                instances::insert(&mut tx, &instance, None).await.unwrap();
                tx.commit().await.unwrap();
                offers[0].memory_promised / GIB
            }));
        }
        let mut seen = Vec::new();
        for chooser in choosers {
            seen.push(chooser.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
    }
}
