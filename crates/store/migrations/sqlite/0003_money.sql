-- Credits: prices, the ledger, the meters of instances. Amounts are micro-credits, rates are micro-credits per hour.

alter table plans add column price_running integer check (price_running >= 0);
alter table plans add column price_stopped integer
    check (price_stopped >= 0 and (price_running is null) = (price_stopped is null));

alter table instances add column rate_running integer not null default 0 check (rate_running >= 0);
alter table instances add column rate_stopped integer not null default 0 check (rate_stopped >= 0);
alter table instances add column tariff text check (tariff in ('running', 'stopped'));

create table price_lists (
    id blob primary key not null,
    running_core integer not null check (running_core >= 0),
    running_memory_gib integer not null check (running_memory_gib >= 0),
    running_disk_gib integer not null check (running_disk_gib >= 0),
    stopped_core integer not null check (stopped_core >= 0),
    stopped_memory_gib integer not null check (stopped_memory_gib >= 0),
    stopped_disk_gib integer not null check (stopped_disk_gib >= 0),
    created_at integer not null,
    created_by blob references users (id)
) strict;

-- What an account holds is the sum of its entries. Only the function that writes entries changes it.
create table accounts (
    id blob primary key not null,
    project_id blob references projects (id),
    kind text not null check (kind in ('wallet', 'held', 'debt', 'revenue', 'grants', 'corrections', 'payments',
        'vouchers', 'refunds', 'leases')),
    balance integer not null,
    floor integer,
    ceiling integer,
    check ((project_id is not null) = (kind in ('wallet', 'held', 'debt'))),
    check (floor is null or balance >= floor),
    check (ceiling is null or balance <= ceiling)
) strict;
create unique index accounts_of on accounts (project_id, kind) where project_id is not null;
create unique index accounts_house on accounts (kind) where project_id is null;

-- The house's accounts have ids that sort last: everybody uses them, so they are locked last.
insert into accounts (id, kind, balance) values
    (x'ffffffffffff7fffbfffffffffffff01', 'revenue', 0),
    (x'ffffffffffff7fffbfffffffffffff02', 'grants', 0),
    (x'ffffffffffff7fffbfffffffffffff03', 'corrections', 0),
    (x'ffffffffffff7fffbfffffffffffff04', 'payments', 0),
    (x'ffffffffffff7fffbfffffffffffff05', 'vouchers', 0),
    (x'ffffffffffff7fffbfffffffffffff06', 'refunds', 0),
    (x'ffffffffffff7fffbfffffffffffff07', 'leases', 0);

create table postings (
    id blob primary key not null,
    key text not null,
    at integer not null,
    cause text not null check (cause in ('grant', 'correction', 'hold', 'release', 'charge', 'payment', 'voucher',
        'refund', 'lease')),
    cause_id text not null,
    project_id blob not null references projects (id),
    memo text,
    by_user blob references users (id)
) strict;
create unique index postings_key on postings (key);
create index postings_project on postings (project_id, id);

create table entries (
    posting_id blob not null references postings (id),
    account_id blob not null references accounts (id),
    amount integer not null check (amount <> 0),
    primary key (posting_id, account_id)
) strict, without rowid;

-- One per instance that is not gone: the segment that goes on, and what has been charged. `charged` and `carry` are the
-- exact cost of all that was metered; `closed_from` is where the oldest closed segment begins to be uncharged.
create table meters (
    instance_id blob primary key not null references instances (id),
    project_id blob not null references projects (id),
    held integer not null check (held >= 0),
    segment_id blob,
    rate integer not null check (rate >= 0),
    charged_until integer not null,
    charged integer not null check (charged >= 0),
    carry integer not null,
    closed_from integer,
    check (segment_id is not null or rate = 0)
) strict;
create index meters_project on meters (project_id);

-- An instance of the release before costs nothing, and is metered from now on.
insert into meters (instance_id, project_id, held, rate, charged_until, charged, carry)
    select id, project_id, 0, 0, 0, 0, 0 from instances where deleted_at is null;

create table usage_segments (
    id blob primary key not null,
    instance_id blob not null references instances (id),
    project_id blob not null references projects (id),
    tariff text not null check (tariff in ('running', 'stopped')),
    rate integer not null check (rate >= 0),
    from_at integer not null,
    to_at integer check (to_at >= from_at),
    uncharged_from integer
) strict;
create index usage_segments_project on usage_segments (project_id, id);
create index usage_segments_instance on usage_segments (instance_id, id);
create index usage_segments_uncharged on usage_segments (instance_id) where uncharged_from is not null;

-- What a project was told about its credits running out.
create table runways (
    project_id blob primary key not null references projects (id),
    warned text check (warned in ('runway_24h', 'runway_6h', 'runway_1h')),
    held_since integer,
    grace_told text check (grace_told in ('billing_hold_began', 'grace_half', 'grace_last_day', 'grace_ended')),
    grace_told_at integer,
    check ((grace_told is null) = (grace_told_at is null)),
    check (held_since is not null or grace_told is null)
) strict;
create index runways_held on runways (held_since) where held_since is not null;

create table notices (
    id blob primary key not null,
    project_id blob not null references projects (id),
    kind text not null check (kind in ('runway_24h', 'runway_6h', 'runway_1h', 'billing_hold_began', 'grace_half',
        'grace_last_day', 'grace_ended', 'billing_hold_lifted')),
    about text,
    at integer not null,
    told_at integer
) strict;
create index notices_project on notices (project_id, id);
create index notices_untold on notices (id) where told_at is null;

-- Nothing that was posted is ever changed.
create trigger postings_no_update before update on postings
    begin select raise(abort, 'postings are never changed'); end;
create trigger postings_no_delete before delete on postings
    begin select raise(abort, 'postings are never changed'); end;
create trigger entries_no_update before update on entries
    begin select raise(abort, 'entries are never changed'); end;
create trigger entries_no_delete before delete on entries
    begin select raise(abort, 'entries are never changed'); end;

-- Events tell of projects, too. Their numbers go on where they were.
create table events_new (
    seq integer primary key autoincrement not null,
    at integer not null,
    project_id blob references projects (id) on delete cascade,
    subject text not null check (subject in ('instance', 'operation', 'cluster', 'project')),
    subject_id text not null,
    what text not null
) strict;
insert into sqlite_sequence (name, seq) select 'events_new', seq from sqlite_sequence where name = 'events';
insert into events_new select seq, at, project_id, subject, subject_id, what from events;
drop table events;
alter table events_new rename to events;
create index events_project on events (project_id, seq);
create index events_at on events (at);
