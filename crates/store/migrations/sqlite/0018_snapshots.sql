-- Snapshots as last seen in Proxmox, which alone knows what there is.
create table snapshots (
    instance_id blob not null references instances (id),
    name text not null,
    description text not null,
    memory integer not null check (memory in (0, 1)),
    parent text,
    made_at integer,
    primary key (instance_id, name)
) strict;
alter table instances add column snapshots_seen_at integer;

-- Instances that another project may see or use.
create table instance_shares (
    instance_id blob not null references instances (id),
    project_id blob not null references projects (id),
    may text not null,
    created_at integer not null,
    primary key (instance_id, project_id)
) strict;
create index instance_shares_project on instance_shares (project_id, instance_id);
