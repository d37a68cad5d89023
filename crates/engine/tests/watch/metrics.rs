//! Figures of instances and nodes, from clusters of two versions.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{ProjectId, SessionId, UserId};
use innkeeper_domain::metrics::{Consolidation, Timeframe};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::users::Role;
use innkeeper_engine::Error;
use pve_sim::{Count, Effect, Profile, Rule};

use crate::house::House;

const STATUS: &str = "GET /nodes/{node}/lxc/{vmid}/status/current";

async fn measured(profile: Profile, day: (usize, i64), hour: i64) {
    let house = House::open(profile).await;
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let instance = house.create(name, template).await;
        let now = house.engine.metrics(&house.owner, instance.id).await.unwrap();
        let figures = now.figures;
        assert!(!now.stale);
        assert_eq!((figures.cores, figures.memory_total), (Some(2.0), Some(512 << 20)), "{figures:?}");
        assert!((0.0..=1.0).contains(&figures.cpu.unwrap()));
        assert!(figures.network_in.is_some() && figures.network_out.is_some());
        // Of a machine Proxmox does not know what is on its disk.
        assert_eq!(figures.disk_used.is_some(), name == "web");
        // -1 just after a start is not shown.
        assert!(figures.uptime_seconds.is_some_and(|seconds| seconds < 3600));

        for (timeframe, count, step) in [(Timeframe::Hour, None, hour), (Timeframe::Day, Some(day.0), day.1)]
        {
            let history = house
                .engine
                .metrics_history(&house.owner, instance.id, timeframe, Consolidation::Average)
                .await
                .unwrap();
            let series = history.figures;
            assert_eq!(series.step_seconds, Some(step), "{timeframe}");
            assert!(count.is_none_or(|count| series.points.len() == count), "{}", series.points.len());
            assert!(series.points.windows(2).all(|pair| pair[1].time - pair[0].time == step));
            // Before it was there nothing was measured.
            assert_eq!(series.points[0].cpu, None);
        }
    }
    let oak = "oak".parse().unwrap();
    let (staff, cluster) = (Actor::house(), house.cluster.id);
    let node = house.engine.node_metrics(&staff, cluster, &oak).await.unwrap();
    assert!(node.figures.memory_total.unwrap() > 1 << 30 && node.figures.cpu.is_some());
    let hour = house
        .engine
        .node_metrics_history(&staff, cluster, &oak, Timeframe::Hour, Consolidation::Max)
        .await
        .unwrap();
    assert!(hour.figures.points.iter().any(|point| point.memory_used.is_some()));
    let nobody = house.engine.node_metrics(&staff, cluster, &"ash".parse().unwrap()).await;
    assert!(matches!(nobody, Err(Error::NotFound("node"))));
    assert!(matches!(house.engine.node_metrics(&house.owner, cluster, &oak).await, Err(Error::Forbidden(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_and_nodes_are_measured_on_9_2() {
    measured(Profile::V9_2, (1440, 60), 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_on_8_4_where_the_steps_are_others() {
    measured(Profile::V8_4, (70, 1800), 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_look_ask_once_and_a_cluster_that_is_away_gives_what_was_known() {
    let house = House::open(Profile::V9_2).await;
    let instance = house.create("web", house.container).await;
    let other = house.create("box", house.container).await;
    let before = house.calls(STATUS);
    let look = || house.engine.metrics(&house.owner, instance.id);
    let all = futures_util::future::join_all((0..100).map(|_| look())).await;
    assert!(all.iter().all(|figures| figures.as_ref().is_ok_and(|figures| !figures.stale)));
    assert_eq!(house.calls(STATUS), before + 1, "a hundred viewers, one question");

    // The node is away: what was known is given with its age; of what nothing is known, that is said by name.
    let dead = Effect::Answer { status: 595, text: "No route to host".into() };
    let rule = Rule::on_call("GET", "status/current$", dead).count(Count::Always);
    house.sim.cluster("lodge").faults().add(rule).unwrap();
    let first = all[0].as_ref().unwrap();
    let stale = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let figures = look().await.unwrap();
            if figures.stale {
                return figures;
            }
            // The clock of the house is the real one here, and figures are fresh for three seconds.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let stale = stale.await.unwrap();
    assert_eq!((stale.figures, stale.taken_at), (first.figures, first.taken_at));
    assert!(stale.age >= Duration::from_secs(3));
    let unknown = house.engine.metrics(&house.owner, other.id).await;
    assert!(matches!(unknown, Err(Error::Away { code: "node_unreachable", .. })), "{unknown:?}");

    let elsewhere = vec![(ProjectId::new(), Membership::Owner)];
    let stranger = Actor::user(UserId::new(), Role::User, elsewhere, SessionId::new());
    let hidden = house.engine.metrics(&stranger, instance.id).await;
    assert!(matches!(hidden, Err(Error::NotFound("instance"))), "{hidden:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_guest_under_our_number_is_not_measured() {
    let house = House::open(Profile::V9_2).await;
    let instance = house.create("web", house.container).await;
    house.sim.cluster("lodge").with(|world| {
        let guest = world.guest_mut(instance.vmid).unwrap();
        guest.config.remove("tags");
        guest.config.remove("description");
    });
    let refused = house.engine.metrics(&house.owner, instance.id).await;
    let hidden =
        matches!(refused, Err(Error::Away { code: "figures_unavailable", .. } | Error::Conflict { .. }));
    assert!(hidden, "{refused:?}");
}
