-- Who did what; and what keeps a project's guests from running.

create table audit (
    seq bigint generated always as identity primary key,
    at bigint not null,
    user_id uuid,
    means text not null check (means in ('house', 'session', 'key', 'impersonation', 'public')),
    proof_id text,
    impersonator uuid,
    address text,
    action text not null,
    object text not null,
    project_id uuid,
    before text not null,
    after text not null,
    outcome text not null check (outcome in ('done', 'refused'))
);
create index audit_user on audit (user_id, seq);
create index audit_project on audit (project_id, seq);
create index audit_object on audit (object, seq);

-- A seal lies over every entry from `first` to `last`. When these have been removed for their age, the seal stays.
create table audit_seals (
    first bigint primary key,
    last bigint not null,
    count bigint not null,
    hash bytea not null,
    mac text not null,
    at bigint not null,
    removed_at bigint,
    check (first <= last)
);

create function audit_is_only_added_to() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'audit' and exists (
        select 1 from audit_seals where old.seq between first and last and removed_at is not null
    ) then
        return old;
    end if;
    raise exception 'the audit log is only ever added to';
end $$;
create trigger audit_is_never_changed before update or delete on audit
    for each row execute function audit_is_only_added_to();
create trigger audit_seals_stay before delete or update of first, last, count, hash, at on audit_seals
    for each row execute function audit_is_only_added_to();

create table restrictions (
    project_id uuid not null references projects (id) on delete cascade,
    restriction text not null check (restriction in ('billing_hold', 'suspended', 'banned')),
    since bigint not null,
    primary key (project_id, restriction)
);

-- It ran when its project was restricted, and runs again when nothing stands against that any more.
alter table instances add column resumes boolean not null default false;
create index instances_resumes on instances (project_id) where resumes;
