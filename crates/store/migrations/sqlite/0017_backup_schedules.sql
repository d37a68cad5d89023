-- Schedules of backups.
create table backup_schedules (
    id blob primary key not null,
    instance_id blob not null references instances (id),
    -- When, and how many are kept: read and checked as a whole.
    timing text not null,
    keep text not null,
    storage text,
    mode text not null,
    enabled integer not null,
    next_at integer not null,
    due_at integer not null,
    trying_since integer,
    problem text,
    last_run_at integer,
    last_backup_id blob,
    failed_at integer,
    created_at integer not null,
    fence integer not null
) strict;
create index backup_schedules_instance on backup_schedules (instance_id, id);
create index backup_schedules_due on backup_schedules (due_at) where enabled;

-- When the owners of an instance were told last that its backups fail.
create table backup_tellings (
    instance_id blob primary key not null references instances (id),
    told_at integer not null
) strict;

-- Whether the rules of its schedule have been applied since it was there.
alter table backups add column weighed integer not null default 0 check (weighed in (0, 1));
create index backups_unweighed on backups (schedule_id) where schedule_id is not null and not weighed;
