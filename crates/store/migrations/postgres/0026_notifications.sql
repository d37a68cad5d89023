-- How people are told of what, where they have chosen.

create table notification_choices (
    user_id uuid not null references users (id) on delete cascade,
    kind text not null check (kind <> ''),
    email boolean not null,
    discord boolean not null,
    primary key (user_id, kind)
);
