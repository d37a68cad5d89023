-- What is decided against users; projects that are shared; keys; quotas; administrators who act for users.

alter table users add column suspended_at bigint;
alter table users add column suspended_reason text check ((suspended_at is null) = (suspended_reason is null));
alter table users add column banned_at bigint;
alter table users add column banned_until bigint check (banned_until is null or banned_at is not null);
alter table users add column banned_reason text check ((banned_at is null) = (banned_reason is null));
create index users_banned on users (banned_until) where banned_until is not null;

-- The row stays: instances that were deleted, and the ledger, point at it.
alter table projects add column deleted_at bigint;

create table project_invitations (
    id uuid primary key not null,
    project_id uuid not null references projects (id) on delete cascade,
    email text not null,
    membership text not null check (membership in ('viewer', 'member', 'owner')),
    token_hash bytea not null,
    invited_by uuid references users (id) on delete set null,
    created_at bigint not null,
    expires_at bigint not null
);
create unique index project_invitations_token on project_invitations (token_hash);
create unique index project_invitations_whom on project_invitations (project_id, lower(email));
create index project_invitations_email on project_invitations (lower(email));
create index project_invitations_expiry on project_invitations (expires_at);

create table api_keys (
    id uuid primary key not null,
    user_id uuid not null references users (id) on delete cascade,
    name text not null,
    token_hash bytea not null,
    scopes text not null,
    project_id uuid references projects (id) on delete cascade,
    ranges text not null,
    created_at bigint not null,
    expires_at bigint,
    last_used_at bigint
);
create unique index api_keys_token on api_keys (token_hash);
create index api_keys_user on api_keys (user_id);
create index api_keys_project on api_keys (project_id) where project_id is not null;

-- What is set in place of the defaults.
create table quotas (
    project_id uuid primary key not null references projects (id) on delete cascade,
    instances bigint check (instances >= 0),
    cores bigint check (cores >= 0),
    memory_mib bigint check (memory_mib >= 0),
    disk_gib bigint check (disk_gib >= 0)
);

create table impersonations (
    id uuid primary key not null,
    user_id uuid not null references users (id) on delete cascade,
    by_user uuid not null references users (id) on delete cascade,
    reason text not null,
    token_hash bytea not null,
    created_at bigint not null,
    expires_at bigint not null
);
create unique index impersonations_token on impersonations (token_hash);
create index impersonations_user on impersonations (user_id);
create index impersonations_by on impersonations (by_user);
create index impersonations_expiry on impersonations (expires_at);
