-- Leases, and what is bought for them. Words that may become more are checked where they are read.

create table leases (
    id blob primary key not null,
    project_id blob not null references projects (id),
    instance_id blob references instances (id),
    wallet text,
    token_hash blob,
    state text not null check (state <> ''),
    name text not null,
    template_id blob not null references templates (id),
    plan_id blob references plans (id),
    cores integer not null check (cores > 0),
    memory_mib integer not null check (memory_mib > 0),
    disk_gib integer not null check (disk_gib > 0),
    hourly integer not null check (hourly >= 0),
    minutes integer not null check (minutes > 0),
    started_at integer,
    expires_at integer,
    notices integer not null check (notices >= 0),
    created_at integer not null,
    ended_at integer,
    due_at integer
) strict;
create unique index leases_project on leases (project_id);
create unique index leases_instance on leases (instance_id) where instance_id is not null;
create unique index leases_token on leases (token_hash) where token_hash is not null;
create index leases_wallet on leases (wallet, id) where wallet is not null;
create index leases_due on leases (due_at) where due_at is not null;

create table orders (
    id blob primary key not null,
    lease_id blob not null,
    goods text not null,
    state text not null check (state <> ''),
    price integer not null check (price >= 0),
    network text,
    asset text,
    payer text,
    nonce text,
    pay_to text,
    amount text,
    valid_before integer,
    from_block integer,
    buyer blob references projects (id),
    fingerprint blob not null,
    key_hash blob,
    token_hash blob,
    secret text,
    transaction_hash text,
    problem text,
    created_at integer not null,
    paid_at integer,
    ended_at integer,
    due_at integer,
    tries integer not null check (tries >= 0),
    check ((network is null) = (nonce is null)),
    check ((network is null) <> (buyer is null))
) strict;
-- One authorization pays for one order.
create unique index orders_payment on orders (network, asset, payer, nonce) where network is not null;
create unique index orders_key on orders (key_hash) where key_hash is not null;
create index orders_lease on orders (lease_id, id);
create index orders_payer on orders (payer, id) where payer is not null;
create index orders_due on orders (due_at) where due_at is not null;

-- Where wallets have what they paid and did not get.
create table payers (
    wallet text primary key not null,
    project_id blob not null references projects (id),
    created_at integer not null
) strict;
create unique index payers_project on payers (project_id);

-- What wallets are asked to sign, once.
create table challenges (
    nonce_hash blob primary key not null,
    expires_at integer not null
) strict;
create index challenges_expiry on challenges (expires_at);

create table new_restrictions (
    project_id blob not null references projects (id) on delete cascade,
    restriction text not null check (restriction <> ''),
    since integer not null,
    primary key (project_id, restriction)
) strict;
insert into new_restrictions select project_id, restriction, since from restrictions;
drop table restrictions;
alter table new_restrictions rename to restrictions;

create table events_new (
    seq integer primary key autoincrement not null,
    at integer not null,
    project_id blob references projects (id) on delete cascade,
    subject text not null check (subject <> ''),
    subject_id text not null,
    what text not null
) strict;
insert into sqlite_sequence (name, seq) select 'events_new', seq from sqlite_sequence where name = 'events';
insert into events_new select seq, at, project_id, subject, subject_id, what from events;
drop table events;
alter table events_new rename to events;
create index events_project on events (project_id, seq);
create index events_at on events (at);

-- Whoever holds a lease has a console without being a user. Those that are open are counted anew.
drop table consoles;
create table consoles (
    id blob primary key not null,
    user_id blob references users (id) on delete cascade,
    project_id blob not null references projects (id) on delete cascade,
    instance_id blob not null references instances (id) on delete cascade,
    cluster_id blob not null,
    node text not null,
    kind text not null check (kind in ('text', 'graphics')),
    opened_at integer not null,
    seen_at integer not null,
    bytes_in integer not null check (bytes_in >= 0),
    bytes_out integer not null check (bytes_out >= 0)
) strict;
create index consoles_seen on consoles (seen_at);
create index consoles_user on consoles (user_id);
create index consoles_instance on consoles (instance_id);
create index consoles_project on consoles (project_id);
