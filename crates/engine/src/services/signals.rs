//! What services say about their hosts' going to sleep.

use innkeeper_domain::hosts::{Host, Reading, Signal, SignalKind, State};
use innkeeper_domain::services::{Place, Players, Service, signal};
use innkeeper_store::services::Watched;
use innkeeper_store::{instances, restarts, rests, services};

use crate::{Engine, Error};

impl Engine {
    /// What the services of a host say: who plays on each that counts players, and which are being restarted. `runs`
    /// says whether a guest of that number runs now, as far as that is known.
    pub(crate) async fn players_on(
        &self,
        host: &Host,
        runs: impl Fn(u32) -> Option<bool>,
    ) -> Result<Vec<Signal>, Error> {
        let now = self.clock().now();
        let mut signals = Vec::new();
        // Guests that we have asked to stop for its sleep.
        let mut stopping = Vec::new();
        if host.course.state == State::Draining {
            stopping.extend(rests::of(self.db(), host.id).await?.into_iter().map(|rest| rest.vmid));
        }
        for Watched { service, sighting, .. } in services::on_host(self.db(), host).await? {
            let name = &service.name;
            if restarts::under_way(self.db(), service.id).await?.is_some() {
                // Between its parts nothing else would show that the host is needed.
                let reason = format!("{name} is being restarted");
                signals.push(Signal::new(SignalKind::Tasks, Reading::Busy, reason));
            }
            let vmid = self.vmid_of(&service).await?;
            let guest = vmid.and_then(&runs);
            let stops = vmid.is_some_and(|vmid| stopping.contains(&vmid));
            let (reading, reason) = match signal(&service, sighting.as_ref(), guest, now) {
                Players::NotCounted => continue,
                Players::Nobody(reason) => (Reading::Quiet, reason),
                Players::Playing(1) => (Reading::Busy, format!("one player is on {name}")),
                Players::Playing(players) => (Reading::Busy, format!("{players} players are on {name}")),
                // It falls silent before its guest has stopped: that is how it goes, and nobody can have come.
                Players::Unreadable(_) if stops => (Reading::Quiet, format!("{name} is being stopped")),
                Players::Unreadable(reason) => (Reading::Unreadable, reason),
            };
            signals.push(Signal::new(SignalKind::Players, reading, reason));
        }
        Ok(signals)
    }

    /// The numbers of the guests on a host that sleep and wake with it, because of the services on them.
    pub(crate) async fn resting_guests(&self, host: &Host) -> Result<Vec<u32>, Error> {
        let mut numbers = Vec::new();
        for Watched { service, .. } in services::on_host(self.db(), host).await? {
            if service.rests {
                numbers.extend(self.vmid_of(&service).await?);
            }
        }
        Ok(numbers)
    }

    async fn vmid_of(&self, service: &Service) -> Result<Option<u32>, Error> {
        Ok(match service.at {
            Place::Guest { vmid, .. } => Some(vmid),
            Place::Host(_) => None,
            Place::Instance(id) => instances::by_id(self.db(), id).await?.map(|instance| instance.vmid),
        })
    }
}
