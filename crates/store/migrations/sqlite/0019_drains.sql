-- Nodes that are being emptied, and the moves of their instances.
create table drains (
    id blob primary key not null,
    cluster_id blob not null references clusters (id),
    node text not null,
    state text not null,
    asked_by blob references users (id),
    created_at integer not null,
    ended_at integer,
    claimed_until integer
) strict;
-- A node is emptied once at a time.
create unique index drains_running on drains (cluster_id, node) where state = 'running';

create table drain_moves (
    drain_id blob not null references drains (id),
    instance_id blob not null references instances (id),
    state text not null,
    destination text,
    operation_id blob references operations (id),
    tries integer not null,
    reason text,
    primary key (drain_id, instance_id)
) strict;
