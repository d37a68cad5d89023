-- Hosts: nodes that are woken when somebody needs them and laid to rest when nobody does.

create table hosts (
    id uuid primary key,
    name text not null,
    cluster_id uuid not null references clusters (id),
    node text not null,
    profile text not null,
    -- What is secret about waking it: the SecureOn password, the request of a webhook.
    wake_secret text,
    -- Our key for telling it by SSH to switch itself off.
    public_key text,
    private_key text,
    state text not null check (state <> ''),
    course text not null,
    seen text not null,
    signals text not null,
    created_at bigint not null,
    due_at bigint not null,
    claimed_until bigint,
    -- Grows with each claim and each wish: a write with an older number changes nothing.
    fence bigint not null,
    check ((public_key is null) = (private_key is null))
);
create unique index hosts_name on hosts (name);
create unique index hosts_node on hosts (cluster_id, node);
create index hosts_due on hosts (due_at);

-- Where a host stood from when on.
create table host_changes (
    seq bigint generated always as identity primary key,
    host_id uuid not null references hosts (id) on delete cascade,
    at bigint not null,
    state text not null check (state <> ''),
    reason text
);
create index host_changes_host on host_changes (host_id, at);

-- Guests that were stopped for the sleep of a host, to be started when it is awake.
create table rests (
    host_id uuid not null references hosts (id) on delete cascade,
    vmid bigint not null check (vmid > 0),
    instance_id uuid references instances (id) on delete cascade,
    asked_at bigint not null,
    -- Until when it is waited for; afterwards it is cut off.
    deadline bigint not null,
    -- It is to be started again.
    rouse boolean not null,
    primary key (host_id, vmid)
);

-- Who is in the voice channels that are watched.
create table voices (
    channel text primary key,
    members bigint not null check (members >= 0),
    readable boolean not null,
    seen_at bigint not null
);
