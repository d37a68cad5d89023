-- Consoles that are open, and tickets that open one.

create table consoles (
    id blob primary key not null,
    user_id blob not null references users (id) on delete cascade,
    project_id blob not null references projects (id) on delete cascade,
    instance_id blob not null references instances (id) on delete cascade,
    cluster_id blob not null,
    node text not null,
    kind text not null check (kind in ('text', 'graphics')),
    opened_at integer not null,
    seen_at integer not null,
    bytes_in integer not null check (bytes_in >= 0),
    bytes_out integer not null check (bytes_out >= 0)
) strict;
create index consoles_seen on consoles (seen_at);
create index consoles_user on consoles (user_id);
create index consoles_instance on consoles (instance_id);
create index consoles_project on consoles (project_id);

-- What a ticket is good for is checked where it is read: a list of words here would have to be written anew, with the
-- whole table, for each purpose that is added.
create table new_tickets (
    token_hash blob primary key not null,
    purpose text not null check (purpose <> ''),
    user_id blob references users (id) on delete cascade,
    body text not null,
    tries integer not null check (tries >= 0),
    created_at integer not null,
    expires_at integer not null
) strict;
insert into new_tickets select token_hash, purpose, user_id, body, tries, created_at, expires_at from tickets;
drop table tickets;
alter table new_tickets rename to tickets;
create index tickets_user on tickets (user_id, purpose);
create index tickets_expiry on tickets (expires_at);
