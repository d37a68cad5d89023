//! Stage directions: what happened in the recorded house between the exchanges.

use std::time::Duration;

use pve_sim::{Clock, ClusterOptions, Cluster, Effect, Latency, Options, Rule, Sim};

use super::fixture::{Answer, Request};
use super::stage::Stage;
use crate::wire::Place;

/// When the recording was made (UNIX seconds).
const THEN: u64 = 0x6B00_E859;

/// Seconds that pass before an exchange unless said otherwise: every task has ended by then.
const USUALLY: f64 = 15.0;

/// Exchanges that follow the one before at once.
const AT_ONCE: &[std::ops::RangeInclusive<usize>] = &[
    46..=50, 56..=59, 65..=66, 100..=100, 102..=104, 105..=108, 166..=167, 264..=264, 398..=398,
    405..=405, 429..=429, 431..=431, 433..=433, 463..=468, 511..=512,
];

/// The two houses of the recording: one server, which later became the first of two nodes.
pub(crate) struct Acts {
    sim: Sim,
    clock: Clock,
    first: Stage,
    second: Option<Stage>,
}

impl Acts {
    pub(crate) async fn start() -> Self {
        let clock = Clock::manual(THEN);
        let options = Options {
            clusters: vec![ClusterOptions::named("alone", &["pve"]), ClusterOptions::named("lab", &["pve", "pve2"])],
            latency: Latency::Scaled(0.05),
            clock: clock.clone(),
            ..Options::default()
        };
        let sim = Sim::start(options).await.unwrap();
        let first = raise(&sim, "alone", &clock).await;
        Self { sim, clock, first, second: None }
    }

    pub(crate) fn stage(&mut self) -> &mut Stage {
        self.second.as_mut().unwrap_or(&mut self.first)
    }

    fn cluster(&self) -> &Cluster {
        self.sim.cluster(if self.second.is_some() { "lab" } else { "alone" })
    }

    fn fails(&self, task: &str, text: &str) {
        self.cluster().faults().add(Rule::on_task(task, Effect::TaskFails(text.into()))).unwrap();
    }

    /// Brings the house into the state the exchange was recorded in.
    pub(crate) async fn before(&mut self, number: usize) {
        if number == 481 {
            let stage = raise(&self.sim, "lab", &self.clock).await;
            self.second = Some(stage);
        }
        if !AT_ONCE.iter().any(|range| range.contains(&number)) {
            self.clock.advance(Duration::from_secs_f64(USUALLY));
        }
    }

    pub(crate) async fn end(self) {
        self.sim.shutdown().await;
    }
}

async fn raise(sim: &Sim, cluster: &str, clock: &Clock) -> Stage {
    let endpoint = sim.cluster(cluster).endpoint("pve");
    let place = Place::new(endpoint.addr, &endpoint.fingerprint);
    let mut stage = Stage::new(place, clock.clone(), "secret");
    stage.raise_curtain().await;
    stage
}

/// Whether the recorded answer is that of a task that has ended.
pub(crate) fn waits_for_task(request: &Request, recorded: &Answer) -> bool {
    request.target.contains("/tasks/UPID:")
        && (recorded.body.contains(r#""status":"stopped""#) || recorded.body.contains("TASK "))
}

/// Lets time pass until the task has ended.
pub(crate) async fn wait_for_task(stage: &Stage, request: &[u8]) {
    let request = String::from_utf8_lossy(request);
    let (target, rest) = request.split_once(" HTTP/1.1").unwrap();
    let target = target.split('?').next().unwrap().trim_end_matches("/log").trim_end_matches("/status");
    let status = format!("{target}/status HTTP/1.1{rest}");
    for _ in 0..80 {
        let answer = stage.place.exchange(status.as_bytes()).await;
        if answer.status != 200 || answer.json()["data"]["status"] != "running" {
            return;
        }
        stage.advance(0.5);
    }
}
