-- ISO images that virtual machines can be given and started from.
create table isos (
    id blob primary key not null,
    cluster_id blob not null references clusters (id),
    name text not null,
    volume text not null,
    rescue integer not null check (rescue in (0, 1)),
    created_at integer not null
) strict;
create unique index isos_volume on isos (cluster_id, volume);
