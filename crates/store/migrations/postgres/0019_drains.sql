-- Nodes that are being emptied, and the moves of their instances.
create table drains (
    id uuid primary key not null,
    cluster_id uuid not null references clusters (id),
    node text not null,
    state text not null,
    asked_by uuid references users (id),
    created_at bigint not null,
    ended_at bigint,
    claimed_until bigint
);
-- A node is emptied once at a time.
create unique index drains_running on drains (cluster_id, node) where state = 'running';

create table drain_moves (
    drain_id uuid not null references drains (id),
    instance_id uuid not null references instances (id),
    state text not null,
    destination text,
    operation_id uuid references operations (id),
    tries bigint not null,
    reason text,
    primary key (drain_id, instance_id)
);
