-- Consoles that are open, and tickets that open one.

create table consoles (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    project_id uuid not null references projects (id) on delete cascade,
    instance_id uuid not null references instances (id) on delete cascade,
    cluster_id uuid not null,
    node text not null,
    kind text not null check (kind in ('text', 'graphics')),
    opened_at bigint not null,
    seen_at bigint not null,
    bytes_in bigint not null check (bytes_in >= 0),
    bytes_out bigint not null check (bytes_out >= 0)
);
create index consoles_seen on consoles (seen_at);
create index consoles_user on consoles (user_id);
create index consoles_instance on consoles (instance_id);
create index consoles_project on consoles (project_id);

-- What a ticket is good for is checked where it is read: a list of words here would have to be written anew for each
-- purpose that is added.
alter table tickets drop constraint tickets_purpose_check;
alter table tickets add constraint tickets_purpose_check check (purpose <> '');
