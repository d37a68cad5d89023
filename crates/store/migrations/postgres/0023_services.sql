-- Services: what players or users connect to, restarts of them, and who asks for these too often.

create table services (
    id uuid primary key not null,
    name text not null,
    -- Where it runs: on an instance, on a guest of a host, or on the host itself.
    instance_id uuid references instances (id) on delete cascade,
    host_id uuid references hosts (id),
    vmid bigint check (vmid > 0),
    kind text not null check (kind <> ''),
    language text not null check (language <> ''),
    address text,
    port bigint not null check (port between 1 and 65535),
    path text,
    rests boolean not null,
    ready_seconds bigint not null check (ready_seconds > 0),
    warn_seconds bigint not null check (warn_seconds >= 0),
    rcon_port bigint check (rcon_port between 1 and 65535),
    rcon_password text,
    doorman text,
    users_may text not null,
    created_at bigint not null,
    -- What was last seen of it.
    sighting text,
    -- Why its doorman does not stand there.
    door_problem text,
    due_at bigint not null,
    claimed_until bigint,
    fence bigint not null,
    check ((instance_id is null) <> (host_id is null)),
    check (vmid is null or host_id is not null),
    check ((rcon_port is null) = (rcon_password is null))
);
create unique index services_name on services (name);
create index services_due on services (due_at);
create index services_instance on services (instance_id) where instance_id is not null;
create index services_host on services (host_id) where host_id is not null;

create table restarts (
    id uuid primary key not null,
    service_id uuid not null references services (id) on delete cascade,
    person text not null check (person <> ''),
    asked_name text not null,
    asked_at bigint not null,
    state text not null check (state <> ''),
    due_at bigint not null,
    told bigint,
    -- What the guest is asked to do: written before it is asked.
    push text,
    pushed_at bigint,
    operation_id uuid references operations (id),
    upid text,
    rebooted_at bigint,
    seconds bigint,
    fault text,
    reports text not null,
    ended_at bigint,
    next_at bigint not null,
    claimed_until bigint,
    fence bigint not null,
    check ((push is null) = (pushed_at is null))
);
-- A service is restarted once at a time.
create unique index restarts_running on restarts (service_id) where ended_at is null;
create index restarts_service on restarts (service_id, id);
create index restarts_asked on restarts (service_id, asked_at);
create index restarts_next on restarts (next_at) where ended_at is null;

-- When somebody tried to have something restarted, as long as it counts.
create table tries (
    seq bigint generated always as identity primary key,
    person text not null check (person <> ''),
    at bigint not null
);
create index tries_person on tries (person, at);

-- What stands against whom.
create table restraints (
    person text primary key not null,
    asked_at bigint,
    warnings text not null,
    banned_until bigint,
    seen_at bigint not null
);
