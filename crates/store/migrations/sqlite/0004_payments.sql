-- Payments, refunds, vouchers, invoices. Amounts of money are in the smallest unit of their currency; credits are
-- micro-credits.

create table payments (
    id blob primary key not null,
    project_id blob not null references projects (id),
    provider text not null check (provider in ('stripe', 'paypal')),
    state text not null check (state in ('open', 'pending', 'paid', 'failed', 'expired', 'disputed')),
    amount_minor integer not null check (amount_minor > 0),
    currency text not null,
    credits integer not null check (credits > 0),
    reference text,
    redirect text,
    receipt text,
    problem text,
    asked_by blob references users (id),
    created_at integer not null,
    expires_at integer not null,
    paid_at integer,
    refunded_minor integer not null default 0,
    due_at integer,
    check (refunded_minor between 0 and amount_minor),
    check ((state = 'paid') = (paid_at is not null)),
    check (refunded_minor = 0 or state = 'paid')
) strict;
-- Two orders are never the same payment.
create unique index payments_reference on payments (provider, reference) where reference is not null;
create index payments_project on payments (project_id, id);
create index payments_due on payments (due_at) where due_at is not null;
create index payments_receipt on payments (provider, receipt) where receipt is not null;

create table refunds (
    id blob primary key not null,
    payment_id blob not null references payments (id),
    project_id blob not null references projects (id),
    state text not null check (state in ('pending', 'done', 'failed')),
    amount_minor integer not null check (amount_minor > 0),
    currency text not null,
    credits integer not null check (credits >= 0),
    reason text not null,
    reference text,
    problem text,
    by_user blob references users (id),
    created_at integer not null,
    ended_at integer,
    due_at integer,
    check ((state = 'pending') = (ended_at is null))
) strict;
create index refunds_payment on refunds (payment_id, id);
create index refunds_due on refunds (due_at) where due_at is not null;

create table vouchers (
    id blob primary key not null,
    code_hash blob not null,
    hint text not null,
    amount integer not null check (amount > 0),
    uses integer not null check (uses > 0),
    used integer not null default 0,
    expires_at integer,
    note text,
    withdrawn_at integer,
    created_by blob references users (id),
    created_at integer not null,
    check (used between 0 and uses)
) strict;
create unique index vouchers_code on vouchers (code_hash);

create table voucher_redemptions (
    voucher_id blob not null references vouchers (id),
    project_id blob not null references projects (id),
    by_user blob references users (id),
    at integer not null,
    primary key (voucher_id, project_id)
) strict;

-- Codes that were no codes, to stop whoever guesses.
create table voucher_misses (
    id blob primary key not null,
    user_id blob not null references users (id),
    at integer not null
) strict;
create index voucher_misses_user on voucher_misses (user_id, at);

-- The last number of each year. Taken in the transaction that issues, so that a number is never taken in vain.
create table invoice_numbers (
    year integer primary key not null,
    last integer not null
) strict;

create table invoices (
    id blob primary key not null,
    number text not null,
    project_id blob not null references projects (id),
    month text not null,
    issued_at integer not null,
    content text not null
) strict;
create unique index invoices_number on invoices (number);
create unique index invoices_month on invoices (project_id, month);

-- A posting stands on one invoice at most.
create table invoiced (
    posting_id blob primary key not null references postings (id),
    invoice_id blob not null references invoices (id)
) strict;
create index invoiced_invoice on invoiced (invoice_id);

-- What was issued is never changed.
create trigger invoices_no_update before update on invoices
    begin select raise(abort, 'invoices are never changed'); end;
create trigger invoices_no_delete before delete on invoices
    begin select raise(abort, 'invoices are never changed'); end;
create trigger invoiced_no_update before update on invoiced
    begin select raise(abort, 'invoices are never changed'); end;
create trigger invoiced_no_delete before delete on invoiced
    begin select raise(abort, 'invoices are never changed'); end;
