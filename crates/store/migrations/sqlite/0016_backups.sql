-- Backups of instances: made by us, or found where Proxmox keeps them.
create table backups (
    id blob primary key not null,
    instance_id blob not null references instances (id),
    project_id blob not null references projects (id),
    cluster_id blob not null references clusters (id),
    -- The node that alone has it; empty where several reach the storage.
    place text not null,
    storage text not null,
    -- What Proxmox calls it; null until it is there.
    volume text,
    kind text not null,
    vmid integer not null,
    -- How large the disk must be that it is restored to.
    disk_gib integer not null,
    size integer,
    mode text,
    maker text not null,
    schedule_id blob,
    state text not null,
    protected integer not null,
    -- Protected in Proxmox, by somebody there.
    held integer not null,
    verified text,
    note text,
    problem text,
    -- What Proxmox has as its notes, and when it says that it was made (seconds): by these it is known again.
    notes text,
    taken_at integer,
    created_at integer not null,
    ended_at integer,
    -- When it is next tried to remove it.
    due_at integer
) strict;
create index backups_instance on backups (instance_id, id);
create index backups_project on backups (project_id, id);
create index backups_cluster on backups (cluster_id, id);
create index backups_schedule on backups (schedule_id) where schedule_id is not null;
create index backups_due on backups (due_at) where due_at is not null;
create unique index backups_volume on backups (cluster_id, place, volume)
    where volume is not null and state <> 'deleted' and state <> 'lost';

-- When each cluster's backups are looked at next.
create table backup_looks (
    cluster_id blob primary key not null references clusters (id) on delete cascade,
    due_at integer not null
) strict;

alter table storages add column holds_backups integer not null default 0 check (holds_backups in (0, 1));
