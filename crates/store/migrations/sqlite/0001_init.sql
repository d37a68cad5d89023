-- Ids are 16-byte blobs, times are microseconds since 1970 (UTC), truths are 0 or 1, lists and small structures are JSON.
-- The same tables and columns stand in ../postgres under the same number.

create table settings (
    key text primary key not null,
    value text not null
) strict;

create table users (
    id blob primary key not null,
    email text not null,
    name text not null,
    role text not null check (role in ('user', 'operator', 'admin')),
    personal_project_id blob not null references projects (id) deferrable initially deferred,
    password_hash text,
    created_at integer not null
) strict;
create unique index users_email on users (lower(email));

create table sessions (
    id blob primary key not null,
    user_id blob not null references users (id) on delete cascade,
    token_hash blob not null,
    created_at integer not null,
    expires_at integer not null
) strict;
create unique index sessions_token on sessions (token_hash);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table projects (
    id blob primary key not null,
    name text not null,
    personal_of blob references users (id) deferrable initially deferred,
    created_at integer not null
) strict;
create unique index projects_personal on projects (personal_of) where personal_of is not null;

create table memberships (
    project_id blob not null references projects (id) on delete cascade,
    user_id blob not null references users (id) on delete cascade,
    membership text not null check (membership in ('viewer', 'member', 'owner')),
    primary key (project_id, user_id)
) strict;
create index memberships_user on memberships (user_id);

create table clusters (
    id blob primary key not null,
    name text not null,
    endpoints text not null,
    token_id text not null,
    token_secret text not null,
    bridge text not null,
    pool text,
    vmid_first integer not null check (vmid_first >= 100),
    vmid_last integer not null check (vmid_last <= 999999999),
    last_vmid integer not null,
    priority integer not null,
    open integer not null check (open in (0, 1)),
    health text not null check (health in ('unknown', 'healthy', 'degraded', 'unreachable', 'refused')),
    problem text,
    version text,
    seen_at integer,
    poll_claimed_until integer,
    created_at integer not null,
    check (vmid_first < vmid_last)
) strict;

create table nodes (
    cluster_id blob not null references clusters (id) on delete cascade,
    name text not null,
    online integer not null check (online in (0, 1)),
    maintenance integer not null check (maintenance in (0, 1)),
    cores integer not null check (cores >= 0),
    memory_total integer not null check (memory_total >= 0),
    memory_used integer not null check (memory_used >= 0),
    seen_at integer not null,
    primary key (cluster_id, name)
) strict;

create table storages (
    cluster_id blob not null references clusters (id) on delete cascade,
    node text not null,
    name text not null,
    holds_containers integer not null check (holds_containers in (0, 1)),
    holds_disks integer not null check (holds_disks in (0, 1)),
    shared integer not null check (shared in (0, 1)),
    available integer not null check (available in (0, 1)),
    total integer not null check (total >= 0),
    used integer not null check (used >= 0),
    seen_at integer not null,
    primary key (cluster_id, node, name)
) strict;

create table templates (
    id blob primary key not null,
    name text not null,
    kind text not null check (kind in ('lxc', 'qemu')),
    least_cores integer not null check (least_cores > 0),
    least_memory_mib integer not null check (least_memory_mib > 0),
    least_disk_gib integer not null check (least_disk_gib > 0),
    default_cores integer not null check (default_cores > 0),
    default_memory_mib integer not null check (default_memory_mib > 0),
    default_disk_gib integer not null check (default_disk_gib > 0),
    most_cores integer not null check (most_cores > 0),
    most_memory_mib integer not null check (most_memory_mib > 0),
    most_disk_gib integer not null check (most_disk_gib > 0),
    reports_address integer not null check (reports_address in (0, 1)),
    offered integer not null check (offered in (0, 1)),
    created_at integer not null
) strict;

create table template_sources (
    template_id blob not null references templates (id) on delete cascade,
    cluster_id blob not null references clusters (id) on delete cascade,
    node text,
    origin text not null
) strict;
create unique index template_sources_place on template_sources (template_id, cluster_id, coalesce(node, ''));

create table plans (
    id blob primary key not null,
    name text not null,
    cores integer not null check (cores > 0),
    memory_mib integer not null check (memory_mib > 0),
    disk_gib integer not null check (disk_gib > 0),
    offered integer not null check (offered in (0, 1)),
    created_at integer not null
) strict;

create table instances (
    id blob primary key not null,
    project_id blob not null references projects (id),
    name text not null,
    kind text not null check (kind in ('lxc', 'qemu')),
    template_id blob not null references templates (id),
    plan_id blob references plans (id),
    cores integer not null check (cores > 0),
    memory_mib integer not null check (memory_mib > 0),
    disk_gib integer not null check (disk_gib > 0),
    ssh_keys text not null,
    cluster_id blob not null references clusters (id),
    node text not null,
    storage text not null,
    vmid integer not null check (vmid between 100 and 999999999),
    origin text not null,
    wish_goal text not null check (wish_goal in ('running', 'stopped', 'absent')),
    wish_gentle_until integer,
    wish_restart integer not null check (wish_restart in (0, 1)),
    wish_address integer not null check (wish_address in (0, 1)),
    born integer not null check (born in (0, 1)),
    seen text not null,
    task text,
    attempts integer not null check (attempts >= 0),
    upid text,
    operation_id blob references operations (id) deferrable initially deferred,
    operation_verb text
        check (operation_verb in ('create', 'start', 'shutdown', 'stop', 'reboot', 'delete')),
    address text,
    problem text,
    seen_at integer,
    created_at integer not null,
    deleted_at integer,
    due_at integer,
    gate text,
    claimed_by text,
    claimed_until integer,
    fence integer not null check (fence >= 0),
    check ((operation_id is null) = (operation_verb is null))
) strict;
create unique index instances_vmid on instances (cluster_id, vmid) where deleted_at is null;
create unique index instances_name on instances (project_id, name) where deleted_at is null;
create index instances_project on instances (project_id, id);
create index instances_cluster on instances (cluster_id, id);
create index instances_due on instances (due_at) where due_at is not null;
create index instances_claimed on instances (claimed_until) where claimed_until is not null;
create index instances_gate on instances (cluster_id, gate, id) where gate is not null;

create table vmids (
    cluster_id blob not null references clusters (id) on delete cascade,
    vmid integer not null,
    holder text not null check (holder in ('ours', 'foreign')),
    instance_id blob references instances (id) deferrable initially deferred,
    primary key (cluster_id, vmid),
    check ((holder = 'ours') = (instance_id is not null))
) strict;
create index vmids_instance on vmids (instance_id) where instance_id is not null;

create table slots (
    instance_id blob primary key not null references instances (id) on delete cascade,
    cluster_id blob not null references clusters (id) on delete cascade,
    node_gate text not null,
    storage_gate text
) strict;
create index slots_node on slots (cluster_id, node_gate);
create index slots_storage on slots (cluster_id, storage_gate) where storage_gate is not null;

create table operations (
    id blob primary key not null,
    instance_id blob not null references instances (id) deferrable initially deferred,
    project_id blob not null references projects (id),
    verb text not null check (verb in ('create', 'start', 'shutdown', 'stop', 'reboot', 'delete')),
    state text not null
        check (state in ('pending', 'running', 'undoing', 'succeeded', 'failed', 'superseded')),
    asked_by blob references users (id),
    created_at integer not null,
    ended_at integer,
    deadline integer,
    fault_code text,
    fault_message text,
    check ((fault_code is null) = (fault_message is null))
) strict;
create index operations_instance on operations (instance_id, id);
create index operations_project on operations (project_id, id);
create index operations_active on operations (id) where state in ('pending', 'running', 'undoing');

create table operation_steps (
    operation_id blob not null references operations (id) on delete cascade,
    seq integer not null check (seq > 0),
    act text not null check (act in ('create', 'configure', 'grow', 'start', 'shutdown', 'stop', 'resume', 'reboot', 'delete')),
    state text not null check (state in ('running', 'done', 'failed', 'cancelled')),
    upid text,
    detail text,
    started_at integer not null,
    ended_at integer,
    primary key (operation_id, seq)
) strict;

create table events (
    seq integer primary key autoincrement not null,
    at integer not null,
    project_id blob references projects (id) on delete cascade,
    subject text not null check (subject in ('instance', 'operation', 'cluster')),
    subject_id text not null,
    what text not null
) strict;
create index events_project on events (project_id, seq);
create index events_at on events (at);

create table idempotency_keys (
    actor text not null,
    key text not null,
    request_hash blob not null,
    answer text,
    created_at integer not null,
    primary key (actor, key)
) strict;
create index idempotency_keys_age on idempotency_keys (created_at);
