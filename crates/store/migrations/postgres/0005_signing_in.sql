-- Sessions are families of tokens now; second factors, passkeys, registration, recovery, mails.

alter table users add column email_verified_at bigint;
alter table users add column language text not null default 'en' check (language in ('en', 'fr'));
-- Until now, administrators made every user.
update users set email_verified_at = created_at;
create index users_imported on users (password_hash) where password_hash like '$2%';

-- A session of before has one long token and no other: it goes on until that ends.
create table sessions_before as select * from sessions;
drop table sessions;
create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    method text not null check (method in ('password', 'passkey', 'oidc')),
    address text,
    user_agent text,
    family_hash bytea not null,
    newest_hash bytea not null,
    replaced_hash bytea,
    replaced_at bigint,
    salt bytea,
    created_at bigint not null,
    last_used_at bigint not null,
    expires_at bigint not null,
    check ((replaced_hash is null) = (replaced_at is null) and (replaced_hash is null) = (salt is null))
);
create unique index sessions_family on sessions (family_hash);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table access_tokens (
    token_hash bytea primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    expires_at bigint not null
);
create index access_tokens_session on access_tokens (session_id);
create index access_tokens_expiry on access_tokens (expires_at);

insert into sessions (id, user_id, method, family_hash, newest_hash, created_at, last_used_at, expires_at)
    select id, user_id, 'password', decode(replace(cast(gen_random_uuid() as text), '-', ''), 'hex'),
        decode(replace(cast(gen_random_uuid() as text), '-', ''), 'hex'), created_at, created_at, expires_at
    from sessions_before;
insert into access_tokens (token_hash, session_id, expires_at)
    select token_hash, id, expires_at from sessions_before;
drop table sessions_before;

create table attempts (
    key text primary key,
    empty_at bigint not null
);
create index attempts_empty on attempts (empty_at);

create table known_networks (
    user_id uuid not null references users (id) on delete cascade,
    network text not null,
    seen_at bigint not null,
    primary key (user_id, network)
);
create index known_networks_age on known_networks (seen_at);

create table totp (
    user_id uuid primary key references users (id) on delete cascade,
    secret text not null,
    last_step bigint not null,
    created_at bigint not null,
    confirmed_at bigint
);

create table recovery_codes (
    user_id uuid not null references users (id) on delete cascade,
    code_hash bytea not null,
    created_at bigint not null,
    used_at bigint,
    primary key (user_id, code_hash)
);

create table passkeys (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    name text not null,
    credential_id text not null,
    credential text not null,
    created_at bigint not null,
    last_used_at bigint
);
create unique index passkeys_credential on passkeys (credential_id);
create index passkeys_user on passkeys (user_id);

create table tickets (
    token_hash bytea primary key,
    purpose text not null
        check (purpose in ('second_factor', 'passkey_enrolment', 'passkey_sign_in', 'oidc', 'email', 'recovery')),
    user_id uuid references users (id) on delete cascade,
    body text not null,
    tries bigint not null check (tries >= 0),
    created_at bigint not null,
    expires_at bigint not null
);
create index tickets_user on tickets (user_id, purpose);
create index tickets_expiry on tickets (expires_at);

create table house_invitations (
    id uuid primary key,
    token_hash bytea not null,
    email text,
    role text not null check (role in ('user', 'operator', 'admin')),
    invited_by uuid references users (id) on delete set null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    used_by uuid references users (id) on delete set null deferrable initially deferred
);
create unique index house_invitations_token on house_invitations (token_hash);

create table identities (
    provider text not null,
    subject text not null,
    user_id uuid not null references users (id) on delete cascade,
    email text,
    created_at bigint not null,
    last_used_at bigint not null,
    primary key (provider, subject)
);
create unique index identities_user on identities (user_id, provider);

-- Which letters there are changes with the program, and a letter that it does not know is kept until it does.
create table mails (
    id uuid primary key,
    recipient text not null,
    letter text not null,
    language text not null check (language in ('en', 'fr')),
    words text not null,
    created_at bigint not null,
    due_at bigint,
    attempts bigint not null check (attempts >= 0),
    sent_at bigint,
    problem text,
    check (due_at is null or sent_at is null)
);
create index mails_due on mails (due_at) where due_at is not null;
create index mails_age on mails (created_at);
