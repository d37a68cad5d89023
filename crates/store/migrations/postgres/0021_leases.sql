-- Leases, and what is bought for them. Words that may become more are checked where they are read.

create table leases (
    id uuid primary key not null,
    project_id uuid not null references projects (id),
    instance_id uuid references instances (id),
    wallet text,
    token_hash bytea,
    state text not null check (state <> ''),
    name text not null,
    template_id uuid not null references templates (id),
    plan_id uuid references plans (id),
    cores bigint not null check (cores > 0),
    memory_mib bigint not null check (memory_mib > 0),
    disk_gib bigint not null check (disk_gib > 0),
    hourly bigint not null check (hourly >= 0),
    minutes bigint not null check (minutes > 0),
    started_at bigint,
    expires_at bigint,
    notices bigint not null check (notices >= 0),
    created_at bigint not null,
    ended_at bigint,
    due_at bigint
);
create unique index leases_project on leases (project_id);
create unique index leases_instance on leases (instance_id) where instance_id is not null;
create unique index leases_token on leases (token_hash) where token_hash is not null;
create index leases_wallet on leases (wallet, id) where wallet is not null;
create index leases_due on leases (due_at) where due_at is not null;

create table orders (
    id uuid primary key not null,
    lease_id uuid not null,
    goods text not null,
    state text not null check (state <> ''),
    price bigint not null check (price >= 0),
    network text,
    asset text,
    payer text,
    nonce text,
    pay_to text,
    amount text,
    valid_before bigint,
    from_block bigint,
    buyer uuid references projects (id),
    fingerprint bytea not null,
    key_hash bytea,
    token_hash bytea,
    secret text,
    transaction_hash text,
    problem text,
    created_at bigint not null,
    paid_at bigint,
    ended_at bigint,
    due_at bigint,
    tries bigint not null check (tries >= 0),
    check ((network is null) = (nonce is null)),
    check ((network is null) <> (buyer is null))
);
-- One authorization pays for one order.
create unique index orders_payment on orders (network, asset, payer, nonce) where network is not null;
create unique index orders_key on orders (key_hash) where key_hash is not null;
create index orders_lease on orders (lease_id, id);
create index orders_payer on orders (payer, id) where payer is not null;
create index orders_due on orders (due_at) where due_at is not null;

-- Where wallets have what they paid and did not get.
create table payers (
    wallet text primary key not null,
    project_id uuid not null references projects (id),
    created_at bigint not null
);
create unique index payers_project on payers (project_id);

-- What wallets are asked to sign, once.
create table challenges (
    nonce_hash bytea primary key not null,
    expires_at bigint not null
);
create index challenges_expiry on challenges (expires_at);

alter table restrictions drop constraint restrictions_restriction_check;
alter table restrictions add constraint restrictions_restriction_check check (restriction <> '');

alter table events drop constraint if exists events_subject_check;
alter table events add constraint events_subject_check check (subject <> '');

-- Whoever holds a lease has a console without being a user.
alter table consoles alter column user_id drop not null;
