-- Ids are uuids, times are microseconds since 1970 (UTC), every number is a bigint, lists and small structures are JSON.
-- The same tables and columns stand in ../sqlite under the same number.

-- SQLite has functions of these names; with these two, one SQL text passes lists to both.
create function json_each(list text) returns table (value text) language sql immutable
    as $$ select * from json_array_elements_text(cast(list as json)) $$;
create function unhex(digits text) returns uuid language sql immutable
    as $$ select cast(digits as uuid) $$;

create table settings (
    key text primary key,
    value text not null
);

create table users (
    id uuid primary key,
    email text not null,
    name text not null,
    role text not null check (role in ('user', 'operator', 'admin')),
    personal_project_id uuid not null,
    password_hash text,
    created_at bigint not null
);
create unique index users_email on users (lower(email));

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    token_hash bytea not null,
    created_at bigint not null,
    expires_at bigint not null
);
create unique index sessions_token on sessions (token_hash);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table projects (
    id uuid primary key,
    name text not null,
    personal_of uuid references users (id) deferrable initially deferred,
    created_at bigint not null
);
create unique index projects_personal on projects (personal_of) where personal_of is not null;

create table memberships (
    project_id uuid not null references projects (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    membership text not null check (membership in ('viewer', 'member', 'owner')),
    primary key (project_id, user_id)
);
create index memberships_user on memberships (user_id);

create table clusters (
    id uuid primary key,
    name text not null,
    endpoints text not null,
    token_id text not null,
    token_secret text not null,
    bridge text not null,
    pool text,
    vmid_first bigint not null check (vmid_first >= 100),
    vmid_last bigint not null check (vmid_last <= 999999999),
    last_vmid bigint not null,
    priority bigint not null,
    open boolean not null,
    health text not null check (health in ('unknown', 'healthy', 'degraded', 'unreachable', 'refused')),
    problem text,
    version text,
    seen_at bigint,
    poll_claimed_until bigint,
    created_at bigint not null,
    check (vmid_first < vmid_last)
);

create table nodes (
    cluster_id uuid not null references clusters (id) on delete cascade,
    name text not null,
    online boolean not null,
    maintenance boolean not null,
    cores bigint not null check (cores >= 0),
    memory_total bigint not null check (memory_total >= 0),
    memory_used bigint not null check (memory_used >= 0),
    seen_at bigint not null,
    primary key (cluster_id, name)
);

create table storages (
    cluster_id uuid not null references clusters (id) on delete cascade,
    node text not null,
    name text not null,
    holds_containers boolean not null,
    holds_disks boolean not null,
    shared boolean not null,
    available boolean not null,
    total bigint not null check (total >= 0),
    used bigint not null check (used >= 0),
    seen_at bigint not null,
    primary key (cluster_id, node, name)
);

create table templates (
    id uuid primary key,
    name text not null,
    kind text not null check (kind in ('lxc', 'qemu')),
    least_cores bigint not null check (least_cores > 0),
    least_memory_mib bigint not null check (least_memory_mib > 0),
    least_disk_gib bigint not null check (least_disk_gib > 0),
    default_cores bigint not null check (default_cores > 0),
    default_memory_mib bigint not null check (default_memory_mib > 0),
    default_disk_gib bigint not null check (default_disk_gib > 0),
    most_cores bigint not null check (most_cores > 0),
    most_memory_mib bigint not null check (most_memory_mib > 0),
    most_disk_gib bigint not null check (most_disk_gib > 0),
    reports_address boolean not null,
    offered boolean not null,
    created_at bigint not null
);

create table template_sources (
    template_id uuid not null references templates (id) on delete cascade,
    cluster_id uuid not null references clusters (id) on delete cascade,
    node text,
    origin text not null
);
create unique index template_sources_place on template_sources (template_id, cluster_id, coalesce(node, ''));

create table plans (
    id uuid primary key,
    name text not null,
    cores bigint not null check (cores > 0),
    memory_mib bigint not null check (memory_mib > 0),
    disk_gib bigint not null check (disk_gib > 0),
    offered boolean not null,
    created_at bigint not null
);

create table instances (
    id uuid primary key,
    project_id uuid not null references projects (id),
    name text not null,
    kind text not null check (kind in ('lxc', 'qemu')),
    template_id uuid not null references templates (id),
    plan_id uuid references plans (id),
    cores bigint not null check (cores > 0),
    memory_mib bigint not null check (memory_mib > 0),
    disk_gib bigint not null check (disk_gib > 0),
    ssh_keys text not null,
    cluster_id uuid not null references clusters (id),
    node text not null,
    storage text not null,
    vmid bigint not null check (vmid between 100 and 999999999),
    origin text not null,
    wish_goal text not null check (wish_goal in ('running', 'stopped', 'absent')),
    wish_gentle_until bigint,
    wish_restart boolean not null,
    wish_address boolean not null,
    born boolean not null,
    seen text not null,
    task text,
    attempts bigint not null check (attempts >= 0),
    upid text,
    operation_id uuid,
    operation_verb text
        check (operation_verb in ('create', 'start', 'shutdown', 'stop', 'reboot', 'delete')),
    address text,
    problem text,
    seen_at bigint,
    created_at bigint not null,
    deleted_at bigint,
    due_at bigint,
    gate text,
    claimed_by text,
    claimed_until bigint,
    fence bigint not null check (fence >= 0),
    check ((operation_id is null) = (operation_verb is null))
);
create unique index instances_vmid on instances (cluster_id, vmid) where deleted_at is null;
create unique index instances_name on instances (project_id, name) where deleted_at is null;
create index instances_project on instances (project_id, id);
create index instances_cluster on instances (cluster_id, id);
create index instances_due on instances (due_at) where due_at is not null;
create index instances_claimed on instances (claimed_until) where claimed_until is not null;
create index instances_gate on instances (cluster_id, gate, id) where gate is not null;

create table vmids (
    cluster_id uuid not null references clusters (id) on delete cascade,
    vmid bigint not null,
    holder text not null check (holder in ('ours', 'foreign')),
    instance_id uuid references instances (id) deferrable initially deferred,
    primary key (cluster_id, vmid),
    check ((holder = 'ours') = (instance_id is not null))
);
create index vmids_instance on vmids (instance_id) where instance_id is not null;

create table slots (
    instance_id uuid primary key references instances (id) on delete cascade,
    cluster_id uuid not null references clusters (id) on delete cascade,
    node_gate text not null,
    storage_gate text
);
create index slots_node on slots (cluster_id, node_gate);
create index slots_storage on slots (cluster_id, storage_gate) where storage_gate is not null;

create table operations (
    id uuid primary key,
    instance_id uuid not null references instances (id) deferrable initially deferred,
    project_id uuid not null references projects (id),
    verb text not null check (verb in ('create', 'start', 'shutdown', 'stop', 'reboot', 'delete')),
    state text not null
        check (state in ('pending', 'running', 'undoing', 'succeeded', 'failed', 'superseded')),
    asked_by uuid references users (id),
    created_at bigint not null,
    ended_at bigint,
    deadline bigint,
    fault_code text,
    fault_message text,
    check ((fault_code is null) = (fault_message is null))
);
create index operations_instance on operations (instance_id, id);
create index operations_project on operations (project_id, id);
create index operations_active on operations (id) where state in ('pending', 'running', 'undoing');

create table operation_steps (
    operation_id uuid not null references operations (id) on delete cascade,
    seq bigint not null check (seq > 0),
    act text not null check (act in ('create', 'configure', 'grow', 'start', 'shutdown', 'stop', 'resume', 'reboot', 'delete')),
    state text not null check (state in ('running', 'done', 'failed', 'cancelled')),
    upid text,
    detail text,
    started_at bigint not null,
    ended_at bigint,
    primary key (operation_id, seq)
);

create table events (
    seq bigint generated always as identity primary key,
    at bigint not null,
    project_id uuid references projects (id) on delete cascade,
    subject text not null check (subject in ('instance', 'operation', 'cluster')),
    subject_id text not null,
    what text not null
);
create index events_project on events (project_id, seq);
create index events_at on events (at);

create table idempotency_keys (
    actor text not null,
    key text not null,
    request_hash bytea not null,
    answer text,
    created_at bigint not null,
    primary key (actor, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- These tables name each other, so their rows may come in either order within one transaction.
alter table users add foreign key (personal_project_id) references projects (id) deferrable initially deferred;
alter table instances add foreign key (operation_id) references operations (id) deferrable initially deferred;
