-- Credits: prices, the ledger, the meters of instances. Amounts are micro-credits, rates are micro-credits per hour.

alter table plans add column price_running bigint check (price_running >= 0);
alter table plans add column price_stopped bigint
    check (price_stopped >= 0 and (price_running is null) = (price_stopped is null));

alter table instances add column rate_running bigint not null default 0 check (rate_running >= 0);
alter table instances add column rate_stopped bigint not null default 0 check (rate_stopped >= 0);
alter table instances add column tariff text check (tariff in ('running', 'stopped'));

create table price_lists (
    id uuid primary key,
    running_core bigint not null check (running_core >= 0),
    running_memory_gib bigint not null check (running_memory_gib >= 0),
    running_disk_gib bigint not null check (running_disk_gib >= 0),
    stopped_core bigint not null check (stopped_core >= 0),
    stopped_memory_gib bigint not null check (stopped_memory_gib >= 0),
    stopped_disk_gib bigint not null check (stopped_disk_gib >= 0),
    created_at bigint not null,
    created_by uuid references users (id)
);

-- What an account holds is the sum of its entries. Only the function that writes entries changes it.
create table accounts (
    id uuid primary key,
    project_id uuid references projects (id),
    kind text not null check (kind in ('wallet', 'held', 'debt', 'revenue', 'grants', 'corrections', 'payments',
        'vouchers', 'refunds', 'leases')),
    balance bigint not null,
    floor bigint,
    ceiling bigint,
    check ((project_id is not null) = (kind in ('wallet', 'held', 'debt'))),
    check (floor is null or balance >= floor),
    check (ceiling is null or balance <= ceiling)
);
create unique index accounts_of on accounts (project_id, kind) where project_id is not null;
create unique index accounts_house on accounts (kind) where project_id is null;

-- The house's accounts have ids that sort last: everybody uses them, so they are locked last.
insert into accounts (id, kind, balance) values
    ('ffffffffffff7fffbfffffffffffff01', 'revenue', 0),
    ('ffffffffffff7fffbfffffffffffff02', 'grants', 0),
    ('ffffffffffff7fffbfffffffffffff03', 'corrections', 0),
    ('ffffffffffff7fffbfffffffffffff04', 'payments', 0),
    ('ffffffffffff7fffbfffffffffffff05', 'vouchers', 0),
    ('ffffffffffff7fffbfffffffffffff06', 'refunds', 0),
    ('ffffffffffff7fffbfffffffffffff07', 'leases', 0);

create table postings (
    id uuid primary key,
    key text not null,
    at bigint not null,
    cause text not null check (cause in ('grant', 'correction', 'hold', 'release', 'charge', 'payment', 'voucher',
        'refund', 'lease')),
    cause_id text not null,
    project_id uuid not null references projects (id),
    memo text,
    by_user uuid references users (id)
);
create unique index postings_key on postings (key);
create index postings_project on postings (project_id, id);

create table entries (
    posting_id uuid not null references postings (id),
    account_id uuid not null references accounts (id),
    amount bigint not null check (amount <> 0),
    primary key (posting_id, account_id)
);

-- One per instance that is not gone: the segment that goes on, and what has been charged. `charged` and `carry` are the
-- exact cost of all that was metered; `closed_from` is where the oldest closed segment begins to be uncharged.
create table meters (
    instance_id uuid primary key references instances (id),
    project_id uuid not null references projects (id),
    held bigint not null check (held >= 0),
    segment_id uuid,
    rate bigint not null check (rate >= 0),
    charged_until bigint not null,
    charged bigint not null check (charged >= 0),
    carry bigint not null,
    closed_from bigint,
    check (segment_id is not null or rate = 0)
) with (fillfactor = 70);
create index meters_project on meters (project_id);

-- An instance of the release before costs nothing, and is metered from now on.
insert into meters (instance_id, project_id, held, rate, charged_until, charged, carry)
    select id, project_id, 0, 0, 0, 0, 0 from instances where deleted_at is null;

create table usage_segments (
    id uuid primary key,
    instance_id uuid not null references instances (id),
    project_id uuid not null references projects (id),
    tariff text not null check (tariff in ('running', 'stopped')),
    rate bigint not null check (rate >= 0),
    from_at bigint not null,
    to_at bigint check (to_at >= from_at),
    uncharged_from bigint
);
create index usage_segments_project on usage_segments (project_id, id);
create index usage_segments_instance on usage_segments (instance_id, id);
create index usage_segments_uncharged on usage_segments (instance_id) where uncharged_from is not null;

-- What a project was told about its credits running out.
create table runways (
    project_id uuid primary key references projects (id),
    warned text check (warned in ('runway_24h', 'runway_6h', 'runway_1h')),
    held_since bigint,
    grace_told text check (grace_told in ('billing_hold_began', 'grace_half', 'grace_last_day', 'grace_ended')),
    grace_told_at bigint,
    check ((grace_told is null) = (grace_told_at is null)),
    check (held_since is not null or grace_told is null)
);
create index runways_held on runways (held_since) where held_since is not null;

create table notices (
    id uuid primary key,
    project_id uuid not null references projects (id),
    kind text not null check (kind in ('runway_24h', 'runway_6h', 'runway_1h', 'billing_hold_began', 'grace_half',
        'grace_last_day', 'grace_ended', 'billing_hold_lifted')),
    about text,
    at bigint not null,
    told_at bigint
);
create index notices_project on notices (project_id, id);
create index notices_untold on notices (id) where told_at is null;

-- Nothing that was posted is ever changed.
create function refuse_change() returns trigger language plpgsql
    as $$ begin raise exception '% are never changed', tg_table_name; end $$;
create trigger postings_no_change before update or delete or truncate on postings
    for each statement execute function refuse_change();
create trigger entries_no_change before update or delete or truncate on entries
    for each statement execute function refuse_change();

-- Events tell of projects, too.
alter table events drop constraint events_subject_check;
alter table events add constraint events_subject_check
    check (subject in ('instance', 'operation', 'cluster', 'project'));
