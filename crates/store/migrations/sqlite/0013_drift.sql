-- What is held of each guest beside its size, and where Proxmox differs from it.

create table baselines (
    instance_id blob primary key not null references instances (id) on delete cascade,
    held text not null
) strict;

create table drifts (
    instance_id blob not null references instances (id) on delete cascade,
    kind text not null,
    what text not null,
    expected text,
    found text,
    since integer not null,
    -- Whether people were told.
    told integer not null check (told in (0, 1)),
    primary key (instance_id, kind, what)
) strict;
