-- What is held of each guest beside its size, and where Proxmox differs from it.

create table baselines (
    instance_id uuid primary key references instances (id) on delete cascade,
    held text not null
);

create table drifts (
    instance_id uuid not null references instances (id) on delete cascade,
    kind text not null,
    what text not null,
    expected text,
    found text,
    since bigint not null,
    -- Whether people were told.
    told boolean not null,
    primary key (instance_id, kind, what)
);
