-- Discord: whose account is whose, what the bot has to tell and where its live messages stand.

create table discord_links (
    discord_id text primary key check (discord_id <> ''),
    user_id uuid not null references users (id) on delete cascade,
    -- As they were called there when they were linked.
    name text not null,
    linked_at bigint not null
);
create unique index discord_links_user on discord_links (user_id);

-- The live message of a channel.
create table discord_boards (
    channel text primary key check (channel <> ''),
    message text not null check (message <> ''),
    posted_at bigint not null
);

-- What somebody, or a channel, is to be told.
create table discord_notices (
    id uuid primary key,
    -- One of the two: a member of staff, or a channel.
    user_id uuid references users (id) on delete cascade,
    channel text,
    language text not null,
    -- The kind of an alert, or the period of a report.
    kind text not null check (kind <> ''),
    subject text not null,
    detail text not null,
    -- A report of one time is told once.
    once text,
    created_at bigint not null,
    -- None when it is done with.
    due_at bigint,
    tries bigint not null,
    outcome text,
    ended_at bigint,
    problem text,
    check ((user_id is null) <> (channel is null)),
    check ((outcome is null) = (ended_at is null)),
    check ((outcome is null) = (due_at is not null))
);
create unique index discord_notices_once on discord_notices (once);
create index discord_notices_due on discord_notices (due_at);
create index discord_notices_same on discord_notices (user_id, kind, subject, ended_at);

-- Which process may do what only one may.
create table discord_leases (
    name text primary key,
    holder text not null,
    until bigint not null
);

-- The most players at once, hour by hour.
create table player_peaks (
    hour bigint primary key,
    most bigint not null check (most >= 0)
);
