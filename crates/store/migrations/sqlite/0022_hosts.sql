-- Hosts: nodes that are woken when somebody needs them and laid to rest when nobody does.

create table hosts (
    id blob primary key not null,
    name text not null,
    cluster_id blob not null references clusters (id),
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
    created_at integer not null,
    due_at integer not null,
    claimed_until integer,
    -- Grows with each claim and each wish: a write with an older number changes nothing.
    fence integer not null,
    check ((public_key is null) = (private_key is null))
) strict;
create unique index hosts_name on hosts (name);
create unique index hosts_node on hosts (cluster_id, node);
create index hosts_due on hosts (due_at);

-- Where a host stood from when on.
create table host_changes (
    seq integer primary key autoincrement not null,
    host_id blob not null references hosts (id) on delete cascade,
    at integer not null,
    state text not null check (state <> ''),
    reason text
) strict;
create index host_changes_host on host_changes (host_id, at);

-- Guests that were stopped for the sleep of a host, to be started when it is awake.
create table rests (
    host_id blob not null references hosts (id) on delete cascade,
    vmid integer not null check (vmid > 0),
    instance_id blob references instances (id) on delete cascade,
    asked_at integer not null,
    -- Until when it is waited for; afterwards it is cut off.
    deadline integer not null,
    -- It is to be started again.
    rouse integer not null check (rouse in (0, 1)),
    primary key (host_id, vmid)
) strict;

-- Who is in the voice channels that are watched.
create table voices (
    channel text primary key not null,
    members integer not null check (members >= 0),
    readable integer not null check (readable in (0, 1)),
    seen_at integer not null
) strict;
