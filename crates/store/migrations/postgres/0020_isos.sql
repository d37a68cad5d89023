-- ISO images that virtual machines can be given and started from.
create table isos (
    id uuid primary key not null,
    cluster_id uuid not null references clusters (id),
    name text not null,
    volume text not null,
    rescue boolean not null,
    created_at bigint not null
);
create unique index isos_volume on isos (cluster_id, volume);
