-- Who did what; and what keeps a project's guests from running.

create table audit (
    seq integer primary key autoincrement not null,
    at integer not null,
    user_id blob,
    means text not null check (means in ('house', 'session', 'key', 'impersonation', 'public')),
    proof_id text,
    impersonator blob,
    address text,
    action text not null,
    object text not null,
    project_id blob,
    before text not null,
    after text not null,
    outcome text not null check (outcome in ('done', 'refused'))
) strict;
create index audit_user on audit (user_id, seq);
create index audit_project on audit (project_id, seq);
create index audit_object on audit (object, seq);

-- A seal lies over every entry from `first` to `last`. When these have been removed for their age, the seal stays.
create table audit_seals (
    first integer primary key not null,
    last integer not null,
    count integer not null,
    hash blob not null,
    mac text not null,
    at integer not null,
    removed_at integer,
    check (first <= last)
) strict;

create trigger audit_is_never_changed before update on audit
begin
    select raise(abort, 'the audit log is only ever added to');
end;
create trigger audit_is_removed_under_a_seal_only before delete on audit
when not exists (select 1 from audit_seals where old.seq between first and last and removed_at is not null)
begin
    select raise(abort, 'the audit log is only ever added to');
end;
create trigger audit_seals_stay before delete on audit_seals
begin
    select raise(abort, 'the seals of the audit log stay');
end;
create trigger audit_seals_are_never_changed before update of first, last, count, hash, at on audit_seals
begin
    select raise(abort, 'the seals of the audit log are never changed');
end;

create table restrictions (
    project_id blob not null references projects (id) on delete cascade,
    restriction text not null check (restriction in ('billing_hold', 'suspended', 'banned')),
    since integer not null,
    primary key (project_id, restriction)
) strict;

-- It ran when its project was restricted, and runs again when nothing stands against that any more.
alter table instances add column resumes integer not null default 0 check (resumes in (0, 1));
create index instances_resumes on instances (project_id) where resumes = 1;
