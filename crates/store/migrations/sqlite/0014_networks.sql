-- Networks of clusters, the pools that addresses come from, and the addresses that are taken.
create table networks (
    id blob primary key not null,
    cluster_id blob not null references clusters (id) on delete cascade,
    name text not null,
    bridge text not null,
    vlan integer check (vlan between 1 and 4094),
    project_id blob references projects (id) on delete cascade,
    is_default integer not null check (is_default in (0, 1)),
    mtu integer,
    rate_mbps integer,
    created_at integer not null
) strict;
create unique index networks_name on networks (cluster_id, lower(name));
create index networks_project on networks (project_id) where project_id is not null;

create table address_pools (
    id blob primary key not null,
    network_id blob not null references networks (id) on delete cascade,
    cidr text not null,
    gateway text,
    first_address text not null,
    last_address text not null,
    excluded text not null,
    dns text not null,
    -- The place that was given out last: one that comes free rests until the pool has gone round.
    last_place integer not null,
    created_at integer not null
) strict;
create index address_pools_network on address_pools (network_id, id);

-- Places are counted from a pool's first address.
create table addresses (
    pool_id blob not null references address_pools (id) on delete cascade,
    place integer not null check (place >= 0),
    address text not null,
    holder text not null check (holder in ('instance', 'person', 'nobody')),
    instance_id blob references instances (id) deferrable initially deferred,
    note text,
    created_at integer not null,
    primary key (pool_id, place),
    check ((holder = 'instance') = (instance_id is not null))
) strict;
create index addresses_instance on addresses (instance_id) where instance_id is not null;
