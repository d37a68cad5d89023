//! The extra disks of instances: what is asked for counts from the moment that it is asked, in quotas and in the room
//! that is left, and costs from the moment that it is there.

use innkeeper_domain::access::Actor;
use innkeeper_domain::disks::{Bus, Disk, MOST_DISKS, MOST_GIB, MountPath, plus, price, seat, total_rate};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{Instance, Kind, State};
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_domain::placement::room_to_grow;
use innkeeper_domain::prices::PriceList;
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_store::{Tx, nodes, prices};

use super::changing::Change;
use crate::{Engine, Error, Idempotency};

/// A disk that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskWanted {
    /// How much it holds, in GiB.
    pub size_gib: u32,
    /// Where a container sees it.
    pub path: Option<MountPath>,
    /// On which bus a machine sees it; SCSI when not said.
    pub bus: Option<Bus>,
}

/// A change of an instance's extra disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskChange {
    /// One more.
    Add(DiskWanted),
    /// The disk of this number holds so much.
    Grow(u8, u32),
    /// Without the disk of this number, and what is on it.
    Remove(u8),
}

fn check_size(gib: u32) -> Result<(), Error> {
    if (1..=MOST_GIB).contains(&gib) {
        return Ok(());
    }
    Err(Error::invalid("size_gib", format!("use 1 to {MOST_GIB} GiB")))
}

/// The disks of a new instance, at today's price.
pub(super) fn first_disks(
    kind: Kind,
    wanted: &[DiskWanted],
    list: Option<&PriceList>,
) -> Result<Vec<Disk>, Error> {
    let mut disks = Vec::new();
    for one in wanted {
        add(kind, &mut disks, one, list)?;
    }
    Ok(disks)
}

fn add(
    kind: Kind,
    disks: &mut Vec<Disk>,
    wanted: &DiskWanted,
    list: Option<&PriceList>,
) -> Result<(), Error> {
    check_size(wanted.size_gib)?;
    if disks.len() >= MOST_DISKS {
        let message = format!("an instance has at most {MOST_DISKS} extra disks; remove one first");
        return Err(Error::conflict("too_many_disks", message));
    }
    let seat = seat(kind, wanted.path.clone(), wanted.bus)
        .map_err(|(field, message)| Error::invalid(field, message))?;
    if kind == Kind::Lxc && disks.iter().any(|disk| disk.seat == seat) {
        return Err(Error::invalid("path", "another of its disks is there already"));
    }
    let number = (1..u8::MAX).find(|n| disks.iter().all(|disk| disk.number != *n)).unwrap_or(u8::MAX);
    let rate = price(list, wanted.size_gib)?;
    disks.push(Disk { number, size_gib: wanted.size_gib, seat, rate, volume: None });
    disks.sort_by_key(|disk| disk.number);
    Ok(())
}

impl Engine {
    /// Asks for another disk, a larger one, or one less. Only a stopped instance can do without a disk that it has.
    pub async fn change_disks(
        &self,
        actor: &Actor,
        id: InstanceId,
        change: DiskChange,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        self.instance_to(actor, id, Verb::Update).await?;
        let list = prices::current(self.db()).await?;
        self.change(actor, id, &Change::Disks(change, list), key).await
    }

    /// Writes a change of disks into the row that is about to be saved.
    pub(super) async fn redisk(
        &self,
        tx: &mut Tx,
        instance: &mut Instance,
        change: &DiskChange,
        list: Option<&PriceList>,
    ) -> Result<(), Error> {
        let before = instance.settings.disks.clone();
        let mut disks = before.clone();
        let more = match change {
            DiskChange::Add(wanted) => {
                add(instance.kind, &mut disks, wanted, list)?;
                wanted.size_gib
            }
            DiskChange::Grow(number, gib) => {
                check_size(*gib)?;
                let disk = disks.iter_mut().find(|disk| disk.number == *number);
                let disk = disk.ok_or(Error::NotFound("disk"))?;
                let more = gib.checked_sub(disk.size_gib).filter(|more| *more > 0).ok_or_else(|| {
                    let message = format!("it holds {} GiB, and can only become larger", disk.size_gib);
                    Error::invalid("size_gib", message)
                })?;
                disk.size_gib = *gib;
                // What it holds already costs what it did.
                disk.rate = plus(disk.rate, price(list, more)?)?;
                more
            }
            DiskChange::Remove(number) => {
                let at = disks.iter().position(|disk| disk.number == *number);
                let at = at.ok_or(Error::NotFound("disk"))?;
                if instance.state() != State::Stopped {
                    let message =
                        "a disk can be removed only while the instance is stopped; shut it down first";
                    return Err(Error::conflict("running", message));
                }
                instance.settings.removed_disks.push(disks.remove(at));
                0
            }
        };
        if more > 0 {
            let grown = Amounts { disk_gib: u64::from(more), ..Amounts::default() };
            self.fit(tx, instance.project_id, grown).await?;
            let (nodes, storages) = nodes::offers(tx).await?;
            let place = (instance.cluster_id, &instance.node, &instance.storage);
            let larger = Size { disk_gib: instance.size.disk_gib.saturating_add(more), ..instance.size };
            room_to_grow(place, instance.size, larger, &nodes, &storages)?;
            let added = innkeeper_domain::disks::minus(total_rate(&disks)?, total_rate(&before)?)?;
            let held = plus(instance.rate, added)?.hold(self.options().billing.cycle)?;
            crate::usage::raise_hold(tx, instance, held, self.clock().now()).await?;
        }
        instance.settings.disks = disks;
        instance.settings.disks_before = Some(before);
        Ok(())
    }
}
