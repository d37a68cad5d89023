-- What is decided against users; projects that are shared; keys; quotas; administrators who act for users.

alter table users add column suspended_at integer;
alter table users add column suspended_reason text check ((suspended_at is null) = (suspended_reason is null));
alter table users add column banned_at integer;
alter table users add column banned_until integer check (banned_until is null or banned_at is not null);
alter table users add column banned_reason text check ((banned_at is null) = (banned_reason is null));
create index users_banned on users (banned_until) where banned_until is not null;

-- The row stays: instances that were deleted, and the ledger, point at it.
alter table projects add column deleted_at integer;

create table project_invitations (
    id blob primary key not null,
    project_id blob not null references projects (id) on delete cascade,
    email text not null,
    membership text not null check (membership in ('viewer', 'member', 'owner')),
    token_hash blob not null,
    invited_by blob references users (id) on delete set null,
    created_at integer not null,
    expires_at integer not null
) strict;
create unique index project_invitations_token on project_invitations (token_hash);
create unique index project_invitations_whom on project_invitations (project_id, lower(email));
create index project_invitations_email on project_invitations (lower(email));
create index project_invitations_expiry on project_invitations (expires_at);

create table api_keys (
    id blob primary key not null,
    user_id blob not null references users (id) on delete cascade,
    name text not null,
    token_hash blob not null,
    scopes text not null,
    project_id blob references projects (id) on delete cascade,
    ranges text not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer
) strict;
create unique index api_keys_token on api_keys (token_hash);
create index api_keys_user on api_keys (user_id);
create index api_keys_project on api_keys (project_id) where project_id is not null;

-- What is set in place of the defaults.
create table quotas (
    project_id blob primary key not null references projects (id) on delete cascade,
    instances integer check (instances >= 0),
    cores integer check (cores >= 0),
    memory_mib integer check (memory_mib >= 0),
    disk_gib integer check (disk_gib >= 0)
) strict;

create table impersonations (
    id blob primary key not null,
    user_id blob not null references users (id) on delete cascade,
    by_user blob not null references users (id) on delete cascade,
    reason text not null,
    token_hash blob not null,
    created_at integer not null,
    expires_at integer not null
) strict;
create unique index impersonations_token on impersonations (token_hash);
create index impersonations_user on impersonations (user_id);
create index impersonations_by on impersonations (by_user);
create index impersonations_expiry on impersonations (expires_at);
