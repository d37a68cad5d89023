-- Schedules of backups.
create table backup_schedules (
    id uuid primary key,
    instance_id uuid not null references instances (id),
    -- When, and how many are kept: read and checked as a whole.
    timing text not null,
    keep text not null,
    storage text,
    mode text not null,
    enabled boolean not null,
    next_at bigint not null,
    due_at bigint not null,
    trying_since bigint,
    problem text,
    last_run_at bigint,
    last_backup_id uuid,
    failed_at bigint,
    created_at bigint not null,
    fence bigint not null
);
create index backup_schedules_instance on backup_schedules (instance_id, id);
create index backup_schedules_due on backup_schedules (due_at) where enabled;

-- When the owners of an instance were told last that its backups fail.
create table backup_tellings (
    instance_id uuid primary key references instances (id),
    told_at bigint not null
);

-- Whether the rules of its schedule have been applied since it was there.
alter table backups add column weighed boolean not null default false;
create index backups_unweighed on backups (schedule_id) where schedule_id is not null and not weighed;
