-- Why an instance was placed where it was placed, and guests that were in Proxmox before we looked after them.

create table placements (
    instance_id blob primary key not null references instances (id) on delete cascade,
    at integer not null,
    verdicts text not null
) strict;

-- A guest that was adopted was made from nothing of ours. Taking a check away leaves every row as it is, so the text of
-- the table may be edited.
pragma writable_schema = on;
update sqlite_master
set sql = replace(sql, 'template_id blob not null references templates', 'template_id blob references templates')
where type = 'table' and name = 'instances';
pragma writable_schema = reset;

create table adoptions (
    id blob primary key not null,
    cluster_id blob not null references clusters (id),
    vmid integer not null check (vmid between 100 and 999999999),
    -- The instance that it becomes; its row follows when the mark stands.
    instance_id blob not null,
    project_id blob not null references projects (id),
    state text not null,
    -- What the instance will be, and what was found of the guest.
    draft text not null,
    problem text,
    asked_by blob references users (id),
    created_at integer not null,
    -- When the guest was let go again, or was not taken after all.
    over_at integer,
    due_at integer,
    claimed_until integer,
    attempts integer not null check (attempts >= 0)
) strict;
-- Never two for one guest.
create unique index adoptions_guest on adoptions (cluster_id, vmid) where over_at is null;
create unique index adoptions_instance on adoptions (instance_id);
create index adoptions_cluster on adoptions (cluster_id, id);
create index adoptions_due on adoptions (due_at) where due_at is not null;
