-- Webhooks: addresses that are told what happens to a project, and what each of them was told.

create table webhooks (
    id blob primary key not null,
    project_id blob not null references projects (id) on delete cascade,
    name text not null,
    url text not null,
    secret text not null,
    -- What it is told of; an empty list means everything.
    subjects text not null,
    off_reason text,
    off_at integer,
    -- It is told of events after this number.
    since integer not null,
    failures integer not null,
    failing_since integer,
    rests_until integer,
    created_at integer not null,
    -- Who tells it, one process at a time.
    claimed_until integer,
    fence integer not null,
    -- When it last had a turn: whoever has waited longest is next.
    turn_at integer not null,
    check ((off_reason is null) = (off_at is null))
) strict;
create index webhooks_project on webhooks (project_id, id);

-- How far events were looked at: those after this one are still to be told.
create table webhook_cursor (
    one integer primary key not null check (one = 1),
    seq integer not null
) strict;
insert into webhook_cursor select 1, coalesce(max(seq), 0) from events;

create table webhook_deliveries (
    id blob primary key not null,
    webhook_id blob not null references webhooks (id) on delete cascade,
    -- None for a test.
    seq integer,
    at integer not null,
    subject text not null,
    subject_id text not null,
    what text not null,
    state text not null check (state <> ''),
    due_at integer,
    attempts integer not null,
    tries text not null,
    created_at integer not null,
    ended_at integer,
    check ((due_at is null) <> (ended_at is null))
) strict;
-- An event is told once.
create unique index webhook_deliveries_once on webhook_deliveries (webhook_id, seq);
create index webhook_deliveries_list on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at) where due_at is not null;
create index webhook_deliveries_age on webhook_deliveries (created_at);
