-- Backups of instances: made by us, or found where Proxmox keeps them.
create table backups (
    id uuid primary key,
    instance_id uuid not null references instances (id),
    project_id uuid not null references projects (id),
    cluster_id uuid not null references clusters (id),
    -- The node that alone has it; empty where several reach the storage.
    place text not null,
    storage text not null,
    -- What Proxmox calls it; null until it is there.
    volume text,
    kind text not null,
    vmid bigint not null,
    -- How large the disk must be that it is restored to.
    disk_gib bigint not null,
    size bigint,
    mode text,
    maker text not null,
    schedule_id uuid,
    state text not null,
    protected boolean not null,
    -- Protected in Proxmox, by somebody there.
    held boolean not null,
    verified text,
    note text,
    problem text,
    -- What Proxmox has as its notes, and when it says that it was made (seconds): by these it is known again.
    notes text,
    taken_at bigint,
    created_at bigint not null,
    ended_at bigint,
    -- When it is next tried to remove it.
    due_at bigint
);
create index backups_instance on backups (instance_id, id);
create index backups_project on backups (project_id, id);
create index backups_cluster on backups (cluster_id, id);
create index backups_schedule on backups (schedule_id) where schedule_id is not null;
create index backups_due on backups (due_at) where due_at is not null;
create unique index backups_volume on backups (cluster_id, place, volume)
    where volume is not null and state <> 'deleted' and state <> 'lost';

-- When each cluster's backups are looked at next.
create table backup_looks (
    cluster_id uuid primary key references clusters (id) on delete cascade,
    due_at bigint not null
);

alter table storages add column holds_backups boolean not null default false;
