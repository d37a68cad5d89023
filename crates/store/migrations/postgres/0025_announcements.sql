-- What the house tells everybody who is signed in.

create table announcements (
    id uuid primary key,
    level text not null check (level in ('info', 'warning', 'critical')),
    text_en text check (text_en <> ''),
    text_fr text check (text_fr <> ''),
    from_at bigint not null,
    -- None is until somebody ends it.
    until_at bigint,
    -- Grows when the text or the level changes.
    revision bigint not null check (revision > 0),
    created_by uuid references users (id) on delete set null,
    created_at bigint not null,
    check (text_en is not null or text_fr is not null),
    check (until_at is null or until_at >= from_at)
);
create index announcements_from on announcements (from_at);
