-- Payments, refunds, vouchers, invoices. Amounts of money are in the smallest unit of their currency; credits are
-- micro-credits.

create table payments (
    id uuid primary key,
    project_id uuid not null references projects (id),
    provider text not null check (provider in ('stripe', 'paypal')),
    state text not null check (state in ('open', 'pending', 'paid', 'failed', 'expired', 'disputed')),
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null,
    credits bigint not null check (credits > 0),
    reference text,
    redirect text,
    receipt text,
    problem text,
    asked_by uuid references users (id),
    created_at bigint not null,
    expires_at bigint not null,
    paid_at bigint,
    refunded_minor bigint not null default 0,
    due_at bigint,
    check (refunded_minor between 0 and amount_minor),
    check ((state = 'paid') = (paid_at is not null)),
    check (refunded_minor = 0 or state = 'paid')
);
-- Two orders are never the same payment.
create unique index payments_reference on payments (provider, reference) where reference is not null;
create index payments_project on payments (project_id, id);
create index payments_due on payments (due_at) where due_at is not null;
create index payments_receipt on payments (provider, receipt) where receipt is not null;

create table refunds (
    id uuid primary key,
    payment_id uuid not null references payments (id),
    project_id uuid not null references projects (id),
    state text not null check (state in ('pending', 'done', 'failed')),
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null,
    credits bigint not null check (credits >= 0),
    reason text not null,
    reference text,
    problem text,
    by_user uuid references users (id),
    created_at bigint not null,
    ended_at bigint,
    due_at bigint,
    check ((state = 'pending') = (ended_at is null))
);
create index refunds_payment on refunds (payment_id, id);
create index refunds_due on refunds (due_at) where due_at is not null;

create table vouchers (
    id uuid primary key,
    code_hash bytea not null,
    hint text not null,
    amount bigint not null check (amount > 0),
    uses bigint not null check (uses > 0),
    used bigint not null default 0,
    expires_at bigint,
    note text,
    withdrawn_at bigint,
    created_by uuid references users (id),
    created_at bigint not null,
    check (used between 0 and uses)
);
create unique index vouchers_code on vouchers (code_hash);

create table voucher_redemptions (
    voucher_id uuid not null references vouchers (id),
    project_id uuid not null references projects (id),
    by_user uuid references users (id),
    at bigint not null,
    primary key (voucher_id, project_id)
);

-- Codes that were no codes, to stop whoever guesses.
create table voucher_misses (
    id uuid primary key,
    user_id uuid not null references users (id),
    at bigint not null
);
create index voucher_misses_user on voucher_misses (user_id, at);

-- The last number of each year. Taken in the transaction that issues, so that a number is never taken in vain.
create table invoice_numbers (
    year bigint primary key,
    last bigint not null
);

create table invoices (
    id uuid primary key,
    number text not null,
    project_id uuid not null references projects (id),
    month text not null,
    issued_at bigint not null,
    content text not null
);
create unique index invoices_number on invoices (number);
create unique index invoices_month on invoices (project_id, month);

-- A posting stands on one invoice at most.
create table invoiced (
    posting_id uuid primary key references postings (id),
    invoice_id uuid not null references invoices (id)
);
create index invoiced_invoice on invoiced (invoice_id);

-- What was issued is never changed.
create trigger invoices_no_change before update or delete or truncate on invoices
    for each statement execute function refuse_change();
create trigger invoiced_no_change before update or delete or truncate on invoiced
    for each statement execute function refuse_change();
