-- What belongs to an operation that does something once (a snapshot's name, where to move).
alter table operations add column errand text;

alter table instances add column wish_once text;
-- What is wanted besides size and name (tags, network, firewall, disks).
alter table instances add column settings text not null default '{}';
-- Settings that take effect at the next start.
alter table instances add column pending text not null default '[]';
alter table instances add column protected integer not null default 0 check (protected in (0, 1));
alter table instances add column trashed_until integer;

create index instances_trash on instances (trashed_until) where trashed_until is not null;

-- A machine can be held in memory. As before, the word itself is checked where a row is read.
pragma writable_schema = on;
update sqlite_master
set sql = replace(sql, 'wish_goal in (''running'', ''stopped'', ''absent'')', 'wish_goal <> ''''')
where type = 'table' and name = 'instances';
pragma writable_schema = reset;
