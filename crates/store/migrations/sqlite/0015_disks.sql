-- How much the extra disks of an instance hold; its settings name them.
alter table instances add column extra_disk_gib integer not null default 0 check (extra_disk_gib >= 0);
