//! Networks: addresses are never given twice, rest after use, and are found without trying each one.

use std::net::IpAddr;

use innkeeper_domain::ids::{InstanceId, NetworkId, PoolId, ProjectId};
use innkeeper_domain::networks::{Network, Pool, PoolWanted};
use innkeeper_store::{Db, Error, instances, networks};

use crate::house::{House, NOW};

pub(crate) fn network(house: &House, name: &str) -> Network {
    Network {
        id: NetworkId::new(),
        cluster_id: house.cluster.id,
        name: name.parse().unwrap(),
        bridge: "vmbr1".parse().unwrap(),
        vlan: Some(40),
        project_id: None,
        default: true,
        mtu: Some(9000),
        rate_mbps: Some(100),
        created_at: NOW,
    }
}

fn pool(network: &Network, first: &str, last: &str, excluded: &[&str]) -> Pool {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let wanted = PoolWanted {
        range: "192.0.2.0/24".parse().unwrap(),
        gateway: Some(ip("192.0.2.1")),
        first: Some(ip(first)),
        last: Some(ip(last)),
        excluded: excluded.iter().map(|text| ip(text)).collect(),
        dns: vec![ip("192.0.2.53")],
    };
    wanted.pool(PoolId::new(), network.id, NOW).unwrap()
}

async fn claim(db: &Db, pool: &Pool, instance: InstanceId) -> Option<String> {
    let mut tx = db.begin().await.unwrap();
    let address = networks::claim_next(&mut tx, pool, instance, NOW).await.unwrap();
    tx.commit().await.unwrap();
    address.map(|address| address.to_string())
}

both! {
    async fn what_is_written_of_a_network_is_read_again(db: Db) {
        let house = House::build(&db).await;
        let (mut first, second) = (network(&house, "Guests"), network(&house, "Guests 2"));
        let own = Network { project_id: Some(house.project.id), vlan: None, ..network(&house, "Own") };
        let mut tx = db.begin().await.unwrap();
        networks::insert(&mut tx, &first).await.unwrap();
        networks::insert(&mut tx, &second).await.unwrap();
        networks::only_default(&mut tx, &second).await.unwrap();
        networks::insert(&mut tx, &own).await.unwrap();
        networks::only_default(&mut tx, &own).await.unwrap();
        let pool = pool(&first, "192.0.2.10", "192.0.2.20", &["192.0.2.15"]);
        networks::insert_pool(&mut tx, &pool).await.unwrap();
        assert_eq!(networks::neighbouring_pools(&mut tx, &second).await.unwrap(), [pool.clone()]);
        assert_eq!(networks::neighbouring_pools(&mut tx, &own).await.unwrap(), []);
        let default = networks::default_for(&mut tx, house.cluster.id, house.project.id).await.unwrap();
        assert_eq!(default.unwrap().id, own.id, "its own goes before everybody's");
        let default = networks::default_for(&mut tx, house.cluster.id, ProjectId::new()).await.unwrap();
        assert_eq!(default.unwrap().id, second.id);
        tx.commit().await.unwrap();
        first.default = false;
        assert_eq!(networks::by_id(&db, first.id).await.unwrap().unwrap(), first);
        assert_eq!(networks::pools(&db, first.id).await.unwrap(), [pool.clone()]);
        assert_eq!(networks::list(&db).await.unwrap().len(), 3);

        let mut tx = db.begin().await.unwrap();
        let again = Network { id: NetworkId::new(), name: "guests".parse().unwrap(), ..first.clone() };
        assert!(matches!(networks::insert(&mut tx, &again).await, Err(Error::Conflict("name"))));
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        assert!(networks::remove_pool(&mut tx, pool.id).await.unwrap());
        networks::remove(&mut tx, first.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(networks::by_id(&db, first.id).await.unwrap(), None);
    }

    async fn an_address_rests_until_the_pool_has_gone_round_and_what_is_left_out_stays_out(db: Db) {
        let house = House::build(&db).await;
        let instance = house.fill(&db, 1).await.remove(0).id;
        let network = network(&house, "Guests");
        let pool = pool(&network, "192.0.2.1", "192.0.2.5", &["192.0.2.3"]);
        let mut tx = db.begin().await.unwrap();
        networks::insert(&mut tx, &network).await.unwrap();
        networks::insert_pool(&mut tx, &pool).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db, &pool, instance).await.as_deref(), Some("192.0.2.2"), "the gateway is not given out");
        let first: IpAddr = "192.0.2.2".parse().unwrap();
        let mut tx = db.begin().await.unwrap();
        networks::release(&mut tx, instance, &[]).await.unwrap();
        tx.commit().await.unwrap();
        for expected in [Some("192.0.2.4"), Some("192.0.2.5"), Some("192.0.2.2"), None] {
            assert_eq!(claim(&db, &pool, instance).await.as_deref(), expected);
        }
        assert_eq!(networks::taken(&db, pool.id).await.unwrap(), 3);

        let mut tx = db.begin().await.unwrap();
        let twice = networks::claim(&mut tx, &pool, first, None, Some("the printer"), NOW).await;
        assert!(matches!(twice, Err(Error::Conflict("address"))), "{twice:?}");
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        networks::release(&mut tx, instance, &[(pool.id, "192.0.2.4".parse().unwrap())]).await.unwrap();
        networks::claim(&mut tx, &pool, first, None, Some("the printer"), NOW).await.unwrap();
        assert!(networks::pool_in_use(&mut tx, pool.id).await.unwrap());
        tx.commit().await.unwrap();
        let taken = networks::reservations(&db, network.id).await.unwrap();
        let shown: Vec<_> = taken.iter().map(|one| (one.address.to_string(), one.note.as_deref())).collect();
        assert_eq!(shown, [("192.0.2.2".into(), Some("the printer")), ("192.0.2.4".into(), None)]);
        let mut tx = db.begin().await.unwrap();
        assert!(networks::release_kept(&mut tx, pool.id, first).await.unwrap());
        assert!(!networks::release_kept(&mut tx, pool.id, "192.0.2.4".parse().unwrap()).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn a_network_is_in_use_while_settings_name_it(db: Db) {
        let house = House::build(&db).await;
        let network = network(&house, "Guests");
        let mut tx = db.begin().await.unwrap();
        networks::insert(&mut tx, &network).await.unwrap();
        assert!(!networks::in_use(&mut tx, network.id).await.unwrap());
        let mut instance = house.instance("web", 100);
        let plug = innkeeper_domain::networks::Plug {
            network_id: network.id,
            bridge: network.bridge.clone(),
            vlan: None,
            mtu: None,
            ipv4: innkeeper_domain::networks::Addressing::Dhcp,
            ipv6: innkeeper_domain::networks::Addressing::None,
            rate_mbps: None,
        };
        instance.settings.nics =
            Some(vec![innkeeper_domain::networks::Nic { number: 0, plug: Some(plug) }]);
        instances::insert(&mut tx, &instance, None).await.unwrap();
        assert!(networks::in_use(&mut tx, network.id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(instances::by_id(&db, instance.id).await.unwrap().unwrap().settings, instance.settings);
    }
}
