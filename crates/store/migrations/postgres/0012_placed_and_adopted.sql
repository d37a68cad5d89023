-- Why an instance was placed where it was placed, and guests that were in Proxmox before we looked after them.

create table placements (
    instance_id uuid primary key references instances (id) on delete cascade,
    at bigint not null,
    verdicts text not null
);

-- A guest that was adopted was made from nothing of ours.
alter table instances alter column template_id drop not null;

create table adoptions (
    id uuid primary key,
    cluster_id uuid not null references clusters (id),
    vmid bigint not null check (vmid between 100 and 999999999),
    -- The instance that it becomes; its row follows when the mark stands.
    instance_id uuid not null,
    project_id uuid not null references projects (id),
    state text not null,
    -- What the instance will be, and what was found of the guest.
    draft text not null,
    problem text,
    asked_by uuid references users (id),
    created_at bigint not null,
    -- When the guest was let go again, or was not taken after all.
    over_at bigint,
    due_at bigint,
    claimed_until bigint,
    attempts bigint not null check (attempts >= 0)
);
-- Never two for one guest.
create unique index adoptions_guest on adoptions (cluster_id, vmid) where over_at is null;
create unique index adoptions_instance on adoptions (instance_id);
create index adoptions_cluster on adoptions (cluster_id, id);
create index adoptions_due on adoptions (due_at) where due_at is not null;
