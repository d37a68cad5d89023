-- Discord: whose account is whose, what the bot has to tell and where its live messages stand.

create table discord_links (
    discord_id text primary key not null check (discord_id <> ''),
    user_id blob not null references users (id) on delete cascade,
    -- As they were called there when they were linked.
    name text not null,
    linked_at integer not null
) strict;
create unique index discord_links_user on discord_links (user_id);

-- The live message of a channel.
create table discord_boards (
    channel text primary key not null check (channel <> ''),
    message text not null check (message <> ''),
    posted_at integer not null
) strict;

-- What somebody, or a channel, is to be told.
create table discord_notices (
    id blob primary key not null,
    -- One of the two: a member of staff, or a channel.
    user_id blob references users (id) on delete cascade,
    channel text,
    language text not null,
    -- The kind of an alert, or the period of a report.
    kind text not null check (kind <> ''),
    subject text not null,
    detail text not null,
    -- A report of one time is told once.
    once text,
    created_at integer not null,
    -- None when it is done with.
    due_at integer,
    tries integer not null,
    outcome text,
    ended_at integer,
    problem text,
    check ((user_id is null) <> (channel is null)),
    check ((outcome is null) = (ended_at is null)),
    check ((outcome is null) = (due_at is not null))
) strict;
create unique index discord_notices_once on discord_notices (once);
create index discord_notices_due on discord_notices (due_at);
create index discord_notices_same on discord_notices (user_id, kind, subject, ended_at);

-- Which process may do what only one may.
create table discord_leases (
    name text primary key not null,
    holder text not null,
    until integer not null
) strict;

-- The most players at once, hour by hour.
create table player_peaks (
    hour integer primary key not null,
    most integer not null check (most >= 0)
) strict;
