-- Snapshots as last seen in Proxmox, which alone knows what there is.
create table snapshots (
    instance_id uuid not null references instances (id),
    name text not null,
    description text not null,
    memory boolean not null,
    parent text,
    made_at bigint,
    primary key (instance_id, name)
);
alter table instances add column snapshots_seen_at bigint;

-- Instances that another project may see or use.
create table instance_shares (
    instance_id uuid not null references instances (id),
    project_id uuid not null references projects (id),
    may text not null,
    created_at bigint not null,
    primary key (instance_id, project_id)
);
create index instance_shares_project on instance_shares (project_id, instance_id);
