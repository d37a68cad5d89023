-- Networks of clusters, the pools that addresses come from, and the addresses that are taken.
create table networks (
    id uuid primary key not null,
    cluster_id uuid not null references clusters (id) on delete cascade,
    name text not null,
    bridge text not null,
    vlan bigint check (vlan between 1 and 4094),
    project_id uuid references projects (id) on delete cascade,
    is_default boolean not null,
    mtu bigint,
    rate_mbps bigint,
    created_at bigint not null
);
create unique index networks_name on networks (cluster_id, lower(name));
create index networks_project on networks (project_id) where project_id is not null;

create table address_pools (
    id uuid primary key not null,
    network_id uuid not null references networks (id) on delete cascade,
    cidr text not null,
    gateway text,
    first_address text not null,
    last_address text not null,
    excluded text not null,
    dns text not null,
    -- The place that was given out last: one that comes free rests until the pool has gone round.
    last_place bigint not null,
    created_at bigint not null
);
create index address_pools_network on address_pools (network_id, id);

-- Places are counted from a pool's first address.
create table addresses (
    pool_id uuid not null references address_pools (id) on delete cascade,
    place bigint not null check (place >= 0),
    address text not null,
    holder text not null check (holder in ('instance', 'person', 'nobody')),
    instance_id uuid references instances (id) deferrable initially deferred,
    note text,
    created_at bigint not null,
    primary key (pool_id, place),
    check ((holder = 'instance') = (instance_id is not null))
);
create index addresses_instance on addresses (instance_id) where instance_id is not null;
