-- How people are told of what, where they have chosen.

create table notification_choices (
    user_id blob not null references users (id) on delete cascade,
    kind text not null check (kind <> ''),
    email integer not null check (email in (0, 1)),
    discord integer not null check (discord in (0, 1)),
    primary key (user_id, kind)
) strict;
