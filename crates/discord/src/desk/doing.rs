//! Doing what was asked, once per key. Rights are the engine's to judge.

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{HostId, InstanceId, ServiceId};
use innkeeper_domain::operations::Verb;
use innkeeper_engine::{Error, HostDeed, HostOutcome, Idempotency};

use super::Desk;
use super::following::Followed;
use crate::house::{Begun, Deed, Power};

impl Desk {
    pub(super) async fn begin(&self, actor: &Actor, deed: &Deed, key: &str) -> Result<Begun, Error> {
        let said = format!("{} {deed:?}", deed.word());
        let key = Idempotency::new(key, &[b"discord", said.as_bytes()])?;
        match deed {
            Deed::Wake { host } => self.ask(actor, host, HostDeed::Wake, &key).await,
            Deed::Sleep { host } => self.ask(actor, host, HostDeed::Sleep, &key).await,
            Deed::CancelSleep { host } => self.ask(actor, host, HostDeed::CancelSleep, &key).await,
            Deed::KeepAwake { host, hours } => self.ask(actor, host, HostDeed::KeepAwake(*hours), &key).await,
            Deed::Maintenance { host, on } => self.ask(actor, host, HostDeed::Maintain(*on), &key).await,
            Deed::RestartService { service } => {
                let id: ServiceId = service.parse().map_err(|_| Error::NotFound("service"))?;
                let restart = self.engine.restart_service(actor, id, Some(&key)).await?;
                Ok(Begun::Operation(Followed::Restart(restart.id).to_string()))
            }
            Deed::Power { instance, power } => {
                let id: InstanceId = instance.parse().map_err(|_| Error::NotFound("instance"))?;
                let verb = match power {
                    Power::Start => Verb::Start,
                    Power::Stop => Verb::Shutdown,
                    Power::Restart => Verb::Reboot,
                };
                let operation = self.engine.change_instance(actor, id, verb, Some(&key)).await?;
                Ok(Begun::Operation(Followed::Operation(operation.id).to_string()))
            }
        }
    }

    async fn ask(
        &self,
        actor: &Actor,
        host: &str,
        deed: HostDeed,
        key: &Idempotency,
    ) -> Result<Begun, Error> {
        let id: HostId = host.parse().map_err(|_| Error::NotFound("host"))?;
        Ok(match self.engine.ask_host_once(actor, id, deed, key).await? {
            HostOutcome::Done => Begun::Done,
            HostOutcome::Already => Begun::Already,
            HostOutcome::UnderWay(since) => {
                let followed = match deed {
                    HostDeed::Sleep => Followed::Sleep(id, since),
                    _ => Followed::Wake(id, since),
                };
                Begun::Operation(followed.to_string())
            }
        })
    }
}
