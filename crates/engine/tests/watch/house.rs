//! A house with a simulated cluster of two nodes, polled all the time.

use std::ops::Deref;
use std::time::Duration;

use innkeeper_domain::ids::TemplateId;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::time::Clock;
use innkeeper_engine::Options;
use pve_sim::{ClusterOptions, Profile};

use crate::plain;

pub(crate) use crate::plain::PATIENCE;

pub(crate) struct House(plain::House);

impl Deref for House {
    type Target = plain::House;

    fn deref(&self) -> &plain::House {
        &self.0
    }
}

pub(crate) fn options() -> Options {
    Options {
        settle: Duration::from_millis(200),
        poll_every: Duration::from_millis(100),
        poll_lag: Duration::ZERO,
        ..Options::default()
    }
}

impl House {
    pub(crate) async fn open(profile: Profile) -> Self {
        Self::open_with(profile, options()).await
    }

    pub(crate) async fn open_with(profile: Profile, options: Options) -> Self {
        let lodge = ClusterOptions { profile, ..ClusterOptions::named("lodge", &["oak", "elm"]) };
        let clusters = pve_sim::Options { clusters: vec![lodge], ..Default::default() };
        Self(plain::House::build(clusters, Clock::system(), options).await)
    }

    pub(crate) async fn create(&self, name: &str, template_id: TemplateId) -> Instance {
        self.made(name, template_id).await
    }

    pub(crate) async fn settled(&self, operation: Operation) -> Operation {
        self.0.settled(operation.id).await
    }

    /// How often the cluster's inventory was read.
    pub(crate) fn polls(&self) -> u64 {
        self.calls("GET /cluster/resources")
    }

    pub(crate) fn calls(&self, template: &str) -> u64 {
        self.sim.cluster("lodge").stats().calls.get(template).copied().unwrap_or(0)
    }
}
