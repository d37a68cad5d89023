-- Commands in instances: our keys in them, scripts that run at their first start, and the way through their nodes.

-- Instances of earlier releases have no row.
create table management (
    instance_id blob primary key not null references instances (id) on delete cascade,
    -- Null where whoever asked for the instance did not want a key of ours in it.
    public_key text,
    private_key text,
    -- The key that the instance showed when we first came; it must show it ever after.
    host_key text,
    check ((public_key is null) = (private_key is null))
) strict;

create table first_boots (
    instance_id blob primary key not null references instances (id) on delete cascade,
    script text not null,
    state text not null,
    exit_code integer,
    log text not null,
    problem text,
    created_at integer not null,
    tried_at integer,
    began_at integer,
    ended_at integer,
    -- Null when nothing is to be done any more.
    due_at integer,
    -- Grows with each claim: a write with an older number changes nothing.
    attempts integer not null
) strict;
create index first_boots_due on first_boots (due_at) where due_at is not null;

create table node_access (
    cluster_id blob primary key not null references clusters (id) on delete cascade,
    user_name text not null,
    public_key text not null,
    private_key text not null,
    -- The address and host key of each node.
    doors text not null,
    changed_at integer not null
) strict;
